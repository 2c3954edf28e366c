import type { ClientIdentity } from 'fabric-shim-api'

/** The attribute of the caller's certificate, given by its organization's CA, without which nothing is written. */
const ATTRIBUTE = 'steelyard.anchor'

/** What the log may know of its caller. That the MSP owns the log is checked by the log itself. */
export function callerOf (identity: ClientIdentity): { mspId: string, mayWrite: boolean } {
  return { mspId: identity.getMSPID(), mayWrite: identity.assertAttributeValue(ATTRIBUTE, 'true') }
}
