/**
 * The cryptography that core is given. Two implementations pass the same vectors: platform/node.ts (node:crypto) and
 * platform/browser.ts (noble, hash-wasm). Every function is synchronous and pure.
 */
export interface Crypto {
  /** FIPS 180-4. 32 bytes. */
  sha256 (data: Uint8Array): Uint8Array
  /** GB/T 32905-2016. 32 bytes. */
  sm3 (data: Uint8Array): Uint8Array
  /**
   * ECDSA over `hash(message)`. `spki` is the DER SubjectPublicKeyInfo of a key on `curve`; `signature` is DER.
   * Returns false, never throws, for a signature or a key that is malformed. Callers check DER form and low S themselves
   * (see fabric/ecdsa.ts), since node:crypto accepts twins.
   */
  verifyEcdsa (input: EcdsaInput): boolean
  /** Ed25519 per RFC 8032, strict (s < L, canonical encodings). `publicKey` 32 bytes, `signature` 64 bytes. */
  verifyEd25519 (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /**
   * The address (0x and 40 lower-case hex) of the secp256k1 key that signed `message` as an ERC-191 personal message; undefined for
   * anything that is not such a signature: 65 bytes r, s (low), v (27 or 28).
   */
  recoverAddress (message: Uint8Array, signature: Uint8Array): string | undefined
}

export interface EcdsaInput {
  readonly curve: 'P-256' | 'P-384'
  readonly hash: 'sha256' | 'sha384'
  readonly spki: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}
