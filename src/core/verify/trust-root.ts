import { fromBase64url } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import { newestBlock, verifyHistory } from '../fabric/history.js'
import type { FabricCode, FabricResult } from '../fabric/refusal.js'
import { createFabricVerifier, type FabricVerifier } from '../fabric/verifier.js'
import { EvidenceError } from '../errors.js'
import type { Trust } from '../findings.js'
import { keysKey, type KeysStatement, logKey, type LogStatus, parseKeysStatement, parseLogStatus } from '../ledger-values.js'
import { type FabricReadback, type Identities } from '../proof.js'
import { receiptKeyId } from '../receipt.js'
import { decideTrust, trust } from '../trust.js'
import { fingerprint, parseTrustBundle, type TrustHistory, type TrustIdentity } from '../trust-bundle.js'
import { type ClosedHeads, readClosedHeads } from './closed-heads.js'
import { type Read, readDocument } from './documents.js'
import { unusedIdentity, type ReceiptKeys } from './facts.js'
import type { TrustInput } from './input.js'
import { type Problem, problem } from './result.js'

/** A trust bundle whose every entry was verified, from the identity on. */
export interface TrustRoot {
  readonly identity: TrustIdentity
  readonly fabric: FabricVerifier
  readonly keys: ReceiptKeys
  /** The key register and when it was attested; undefined when the bundle has none. */
  readonly statement: KeysStatement | undefined
  /** The log's heads at the ends of closed ranges. */
  readonly heads: ClosedHeads
  /** The ledger's status, when its attestation holds. */
  status (attestation: FabricReadback, identities: Identities): Read<LogStatus>
}

/** What the verifier starts from: the bundle, if it is usable, and what the trust in it rests on. */
export interface Trusted {
  readonly trust: Trust
  readonly root?: TrustRoot
  /** Why the bundle is not used. */
  readonly problem?: Problem
}

/** Opens a trust bundle. A bundle that is not the pinned one is not used at all: what it says proves nothing either way. */
export function openTrust (crypto: Crypto, input: TrustInput): Trusted {
  if (input.bundle === undefined) return { trust: trust('none', {}), problem: problem('BUNDLE_MISSING', {}) }
  const read = readDocument('bundle', input.bundle, parseTrustBundle)
  if (!read.ok) return { trust: trust('none', {}), problem: read.problem }
  const { identity, history } = read.value
  const mark = fingerprint(crypto, identity)
  const decided = decideTrust(mark, identity, input)
  if (decided.state === 'pin-differs') return { trust: decided, problem: problem('TRUST_PIN_DIFFERS', { fingerprint: mark, pinned: (input.pins ?? []).map((pin) => pin.fingerprint) }) }
  const verified = verifyHistory(crypto, identity, history)
  if (!verified.ok) return { trust: decided, problem: problem('BUNDLE_INVALID', { reason: verified.code }) }
  const fabric = createFabricVerifier(crypto, verified.value)
  const attested = readAttested(crypto, fabric, identity.log, history)
  if (!attested.ok) return { trust: decided, problem: problem('BUNDLE_INVALID', { reason: attested.code }) }
  return {
    trust: decided,
    root: {
      identity,
      fabric,
      ...attested.value,
      status: (attestation, identities) => readStatus(crypto, fabric, identity.log, attestation, identities)
    }
  }
}

function refuse (code: FabricCode, detail: string): FabricResult<never> {
  return { ok: false, code, kind: 'differs', detail }
}

type Attested = Pick<TrustRoot, 'keys' | 'statement' | 'heads'>

/** What the newest configuration attests in a bundle: the register of receipt keys, and the heads of closed ranges. */
function readAttested (
  crypto: Crypto, fabric: FabricVerifier, log: string, { keys, heads = [], identities = {} }: TrustHistory
): FabricResult<Attested> {
  const queries = [...(keys === undefined ? [] : [keys]), ...heads.map(({ read }) => read)]
  if (unusedIdentity(identities, queries) !== undefined) return refuse('IDENTITY', 'identities that sign nothing')
  const register = readKeys(crypto, fabric, log, keys, identities)
  if (!register.ok) return register
  const closed = readClosedHeads(fabric, log, heads, identities)
  return closed.ok ? { ok: true, value: { ...register.value, heads: closed.value } } : closed
}

function readKeys (
  crypto: Crypto, fabric: FabricVerifier, log: string, attestation: FabricReadback | undefined, identities: Identities
): FabricResult<Registered> {
  if (attestation === undefined) return { ok: true, value: { keys: new Map(), statement: undefined } }
  const read = fabric.readback(attestation, identities, { args: ['getKeys', log], key: keysKey(log), after: newestBlock(fabric.history) })
  if (!read.ok) return read
  const statement = tryParse(() => parseKeysStatement(read.value.payload))
  return statement === undefined || statement.channel !== fabric.history.channel || statement.register.log !== log
    ? refuse('MALFORMED', 'the answer is not the key register of this log')
    : registered(crypto, statement)
}

type Registered = Pick<TrustRoot, 'keys' | 'statement'>

function registered (crypto: Crypto, statement: KeysStatement): FabricResult<Registered> {
  const { register } = statement
  const keys = new Map(register.keys.map((key) => [key.keyId, key]))
  const sound = keys.size === register.keys.length &&
    register.keys.every(({ keyId, spki }) => receiptKeyId(crypto, fromBase64url(spki)) === keyId)
  return sound ? { ok: true, value: { keys, statement } } : refuse('MALFORMED', 'a key under another id, or twice')
}

function readStatus (
  crypto: Crypto, fabric: FabricVerifier, log: string, attestation: FabricReadback, identities: Identities
): Read<LogStatus> {
  const differs = (reason: FabricCode): Read<LogStatus> => ({ ok: false, problem: problem('PROMISE_STATUS_DIFFERS', { reason }) })
  if (unusedIdentity(identities, [attestation]) !== undefined) return differs('IDENTITY')
  const read = fabric.readback(attestation, identities, { args: ['status', log], key: logKey(log), after: newestBlock(fabric.history) })
  if (!read.ok) {
    return read.kind === 'differs' ? differs(read.code) : { ok: false, problem: problem('PROMISE_STATUS_UNCHECKED', {}) }
  }
  const status = tryParse(() => parseLogStatus(read.value.payload))
  return status === undefined || status.log !== log || status.channel !== fabric.history.channel
    ? differs('MALFORMED')
    : { ok: true, value: status }
}

/** A statement that the ledger's organizations signed and that is still not of its form: undefined. */
export function tryParse<T> (parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof EvidenceError) return undefined
    throw error
  }
}
