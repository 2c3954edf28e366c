import { EvidenceError } from '../errors.js'

/** Findings that contradict the evidence: something signed, hashed or required is not so. */
export const DIFFERS = [
  'MALFORMED', // bytes that are not the message or certificate expected, or not in their one encoding
  'HEADER', // a block header that cannot be one
  'GENESIS', // block 0 is not the one that the trust identity names
  'CHANNEL', // an envelope or a query of another channel
  'LAST_CONFIG', // the signed last_config is not that of the configuration used
  'ORDERER_SIGNATURE', // an orderer signature that does not verify, is doubled, or is of the wrong form
  'ORDERER_UNKNOWN', // a signature by no consenter of the configuration in force
  'ORDERER_QUORUM', // too few consenters
  'CONFIG', // a configuration block that does not follow its predecessor
  'TRANSACTION_INDEX', // no such transaction in the block
  'TRANSACTION_TYPE', // not an endorser transaction
  'TRANSACTION_ACTIONS', // not exactly one action
  'TRANSACTION_ID', // not SHA-256(nonce || creator)
  'TRANSACTION_FORM', // members of the transaction contradict each other
  'CREATOR', // the creator is no valid identity, or its signature does not verify
  'PROPOSAL_HASH', // the endorsed hash is not that of the proposal
  'PROPOSAL', // the query asked something else
  'RESPONSE_STATUS', // not status 200
  'CHAINCODE', // another chaincode, or a version that no definition lists
  'READ_WRITE_SET', // reads or writes that this function never makes
  'READ_VERSION', // the key was read at another version
  'ENDORSER', // no valid peer identity of the configuration
  'ENDORSER_SIGNATURE', // an endorsement that does not verify
  'ENDORSER_TWICE', // two endorsements of one organization
  'ENDORSEMENT_POLICY', // the endorsers do not satisfy the policy
  'IDENTITY', // an identity that is referenced and absent, or is not what its digest says
  'DEFINITION', // a block that does not commit a definition of the chaincode
  'VALIDATION_CODE', // the ledger refused the transaction
  'ENVELOPE' // the answer holds another envelope than the block
] as const

/** Findings that settle nothing either way. */
export const COULD_NOT_CHECK = [
  'BUNDLE_OLDER', // the trust bundle ends before the configuration that the evidence was made under
  'UNSUPPORTED' // an algorithm, consensus type or policy that this version does not read
] as const

/** What Fabric evidence is refused for. */
export type FabricCode = typeof DIFFERS[number] | typeof COULD_NOT_CHECK[number]

/** Whether a code says that the evidence differs, or only that it could not be checked. */
export function kindOf (code: FabricCode): 'differs' | 'could-not-check' {
  return COULD_NOT_CHECK.some((candidate) => candidate === code) ? 'could-not-check' : 'differs'
}

/** A verified value, or the reason against it. */
export type FabricResult<T> =
  | { readonly ok: true, readonly value: T }
  | { readonly ok: false, readonly code: FabricCode, readonly kind: 'differs' | 'could-not-check', readonly detail: string }

/** How one rule refuses within this folder. The verifying functions turn it into a result (`attempt`). */
export class FabricRefusal extends Error {
  readonly code: FabricCode

  constructor (code: FabricCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'FabricRefusal'
    this.code = code
  }
}

/** Runs rules that refuse by exception, and returns their outcome as a value. A fault of the program itself still throws. */
export function attempt<T> (rules: () => T): FabricResult<T> {
  try {
    return { ok: true, value: rules() }
  } catch (error) {
    return refused(error)
  }
}

function refused (error: unknown): Extract<FabricResult<never>, { ok: false }> {
  if (error instanceof FabricRefusal) return failure(error.code, error.message)
  if (error instanceof EvidenceError) {
    return failure(error.code === 'UNSUPPORTED_TYPE' ? 'UNSUPPORTED' : 'MALFORMED', error.message)
  }
  throw error
}

function failure (code: FabricCode, detail: string): Extract<FabricResult<never>, { ok: false }> {
  return { ok: false, code, kind: kindOf(code), detail }
}
