import type { Crypto } from '../core/crypto.js'
import type { Checkpoint } from '../store/fault-points.js'

/** Milliseconds since 1970, by the operator's clock. */
export type Clock = () => number

/** Signs receipts and heads. The private key stays behind it. */
export interface Signer {
  readonly keyId: string
  /** SPKI, 44 bytes. */
  readonly spki: Uint8Array
  /** The Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array
  sign (message: Uint8Array): Uint8Array
}

/** What the notary needs to say something to an operator. Never a secret, never content. */
export interface Log {
  info (fields: object, message: string): void
  warn (fields: object, message: string): void
  error (fields: object, message: string): void
}

/** What every part of the notary is given. */
export interface Context {
  readonly crypto: Crypto
  readonly clock: Clock
  readonly random: (bytes: number) => Buffer
  readonly signer: Signer
  readonly checkpoint: Checkpoint
  readonly log: Log
  /** The log's origin and parameters, fixed when it was created. */
  readonly origin: string
  readonly deadlineMs: number
}

export function timeText (milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}
