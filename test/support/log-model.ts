import { createHash } from 'node:crypto'
import { batchHeaderBytes, type BatchHeader } from '../../src/core/batch.js'
import { fromHex, toBase64url, toHex } from '../../src/core/bytes.js'
import type { LogCall, Outcome, Reading } from '../../src/core/log-process.js'
import { appendLeaf, emptyRange, leafHash, rangeRoot } from '../../src/core/merkle.js'
import { ed25519Spki } from '../../src/core/receipt.js'

export const sha256 = { sha256: (data: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(data).digest()) }
export const ORIGIN = 'test.example/0011223344556677'
export const T0 = Date.parse('2026-11-24T01:00:00.000Z')
export const spkiOf = (seed: number): string => toBase64url(ed25519Spki(new Uint8Array(32).fill(seed)))

/** A call by the owner, on time. */
export function callAt (time: number, change: Partial<LogCall> = {}): LogCall {
  return { channel: 'evidence', time, now: time, mspId: 'OperatorMSP', mayWrite: true, ...change }
}

/** A ledger in memory that drives the machine and counts what it reads. */
export class MemoryLedger {
  readonly state = new Map<string, Uint8Array>()
  reads: string[] = []

  run (reading: Reading<Outcome>): Outcome {
    this.reads = []
    let step = reading.next()
    while (step.done !== true) {
      this.reads.push(step.value)
      step = reading.next(this.state.get(step.value))
    }
    const outcome = step.value
    if (!('refused' in outcome)) for (const { key, value } of outcome.writes) this.state.set(key, value)
    return outcome
  }
}

/** Headers that follow each other, as a notary makes them: its own tree, not the ledger's. */
export class HeaderMaker {
  readonly #origin: string
  #range = emptyRange()
  #sequence = 0

  constructor (origin: string = ORIGIN) {
    this.#origin = origin
  }

  peek (size: number, change: Partial<BatchHeader> = {}): BatchHeader {
    const number = String(this.#range.size)
    return {
      type: 'steelyard/batch/v1',
      hash: 'sha256',
      log: this.#origin,
      number,
      first: String(this.#sequence),
      size: String(size),
      root: toHex(sha256.sha256(new TextEncoder().encode(`${this.#origin} ${number} ${size}`))),
      sealedAt: new Date(T0).toISOString(),
      previousHead: toHex(rangeRoot(sha256, this.#range)),
      ...change
    }
  }

  next (size: number, change: Partial<BatchHeader> = {}): BatchHeader {
    const header = this.peek(size, change)
    this.#range = appendLeaf(sha256, this.#range, leafHash(sha256, batchHeaderBytes(header)))
    this.#sequence += size
    return header
  }

  get head (): { size: string, root: string } {
    return { size: String(this.#range.size), root: toHex(rangeRoot(sha256, this.#range)) }
  }

  get nextSequence (): string {
    return String(this.#sequence)
  }
}

export const flipped = (hex: string): string => {
  const bytes = fromHex(hex)
  bytes[0] = (bytes[0] ?? 0) ^ 1
  return toHex(bytes)
}
