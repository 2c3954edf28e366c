import { type KeyRegister, keysKey, parseKeyRegister, type ReceiptKey, receiptKey } from './ledger-values.js'
import { newReceiptKey, openedLog, write } from './log.js'
import {
  type Accepted, checkTime, checkWriter, ledgerTime, type LogCall, LogRefusal, type Reading, settled, stored
} from './log-process.js'
import type { Sha256 } from './merkle.js'
import { decimal } from './strict.js'

const MOST_KEYS = 256
const NOTHING: Accepted = { writes: [], answer: '' }

/**
 * Adds a receipt key, valid from batch `fromBatch` on. Never from a batch that is anchored already: a key cannot have signed
 * promises before anybody could know it. The same key from the same batch again writes nothing.
 */
export const registerKey = settled(function * (
  crypto: Sha256, call: LogCall, origin: string, spki: string, fromBatch: string
): Reading<Accepted> {
  const log = yield * openedLog(origin)
  checkWriter(call, log)
  const register = yield * keysOf(origin)
  const added = newReceiptKey(crypto, spki, decimal(fromBatch, 'fromBatch'), ledgerTime(call))
  const held = register.keys.find((key) => key.keyId === added.keyId)
  if (held !== undefined) {
    if (held.fromBatch !== fromBatch) throw new LogRefusal('KEY_KNOWN', `registered from batch ${held.fromBatch}`)
    return NOTHING
  }
  checkTime(call, log)
  if (Number(fromBatch) < Number(log.size)) throw new LogRefusal('BOUNDS', `batch ${fromBatch} is anchored already`)
  if (register.keys.length >= MOST_KEYS) throw new LogRefusal('BOUNDS', `a log has at most ${MOST_KEYS} keys`)
  return changed(origin, { ...register, keys: [...register.keys, added] })
})

/**
 * Ends a key's validity before batch `until`, never before one that is anchored, and may say from when it is thought compromised
 * (`compromisedFrom`, '' for not). Once said, neither changes. The same words again write nothing.
 */
export const revokeKey = settled(function * (
  _crypto: Sha256, call: LogCall, origin: string, keyId: string, until: string, compromisedFrom: string
): Reading<Accepted> {
  const log = yield * openedLog(origin)
  checkWriter(call, log)
  const register = yield * keysOf(origin)
  const held = register.keys.find((key) => key.keyId === keyId)
  if (held === undefined) throw new LogRefusal('KEY_UNKNOWN', `no key ${keyId} is registered`)
  const said = { until: decimal(until, 'until'), ...(compromisedFrom === '' ? {} : { compromisedFrom }) }
  if (held.revokedAt !== undefined) {
    const same = held.until === until && held.compromisedFrom === said.compromisedFrom
    if (!same) throw new LogRefusal('KEY_REVOKED', `revoked at ${held.revokedAt}`)
    return NOTHING
  }
  checkTime(call, log)
  if (Number(until) < Math.max(Number(log.size), Number(held.fromBatch))) {
    throw new LogRefusal('BOUNDS', 'a key ends no earlier than it began, and not before an anchored batch')
  }
  const revoked: ReceiptKey = receiptKey({ ...held, ...said, revokedAt: ledgerTime(call) }, 'key')
  return changed(origin, { ...register, keys: register.keys.map((key) => key === held ? revoked : key) })
})

/** @internal The register of an open log. */
export function * keysOf (origin: string): Reading<KeyRegister> {
  const register = yield * stored(keysKey(origin), parseKeyRegister)
  if (register === undefined) throw new LogRefusal('NOT_OPEN', `${origin} is not open on this ledger`)
  return register
}

function changed (origin: string, register: KeyRegister): Accepted {
  return { writes: [write(keysKey(origin), register)], answer: '' }
}
