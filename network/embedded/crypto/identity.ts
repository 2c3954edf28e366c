import { utf8 } from '../../../src/core/bytes.js'
import { identities } from '../../shared/proto.js'

/** `msp.SerializedIdentity` bytes of a certificate. */
export function serializeIdentity (mspId: string, certificatePem: string): Uint8Array {
  const identity = new identities.SerializedIdentity()
  identity.setMspid(mspId)
  identity.setIdBytes(utf8(certificatePem))
  return identity.serializeBinary()
}
