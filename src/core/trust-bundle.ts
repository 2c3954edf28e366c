import { toHex } from './bytes.js'
import type { Crypto } from './crypto.js'
import { jcsBytes, parseCanonical } from './jcs.js'
import { blockData, fabricReadback, identities } from './proof.js'
import { logOrigin } from './record.js'
import { base64url, boolean, decimal, hex, type Infer, list, literal, object, oneOf, text } from './strict.js'

export const BUNDLE_LIMITS = { bytes: 64 * 1024 * 1024, depth: 12 } as const

/** What organizations run the ledger: which MSPs belong to one entity, and which entity is the operator. */
export const entity = object({ name: text(128), operator: boolean, peers: list(text(128), 16), orderers: list(text(128), 16) })
export type Entity = Infer<typeof entity>

/** The identity part: never changes; its SHA-256 is the fingerprint that is pinned. `genesis` is block 0's header hash. */
export const trustIdentity = object({
  type: literal('steelyard/trust-identity/v1'),
  kind: oneOf('embedded-single', 'embedded-development', 'consortium'),
  log: logOrigin,
  channel: text(249),
  genesis: hex(32),
  chaincode: text(128),
  entities: list(entity, 64, 1)
})
export type TrustIdentity = Infer<typeof trustIdentity>

/** Block 0 has no signatures; everything in it follows from the pinned hash. */
const genesisBlock = object({ number: literal('0'), data: list(base64url(1, 16_777_216), 1, 1) })

/** The entry of the last batch before something was closed, as the newest configuration attests it: the log's head of then. */
export const closedHead = object({ batch: decimal, read: fabricReadback })
export type ClosedHead = Infer<typeof closedHead>

/**
 * The history part: grows, and is authenticated from the identity on. `configs` are the configuration blocks after genesis, in order;
 * `definitions` the blocks that committed a chaincode definition;
 * `keys` an attested read of the receipt keys; `heads` the log's heads at the ends of closed ranges, by rising batch. The endorsers of both
 * are in `identities`.
 */
export const trustHistory = object({
  genesis: genesisBlock,
  configs: list(blockData, 4096),
  definitions: list(object({ block: blockData, transaction: decimal }), 1024)
}, { keys: fabricReadback, heads: list(closedHead, 4096, 1), identities })
export type TrustHistory = Infer<typeof trustHistory>

/** steelyard/trust-bundle/v1: what a verifier starts from. */
export const trustBundle = object({ type: literal('steelyard/trust-bundle/v1'), identity: trustIdentity, history: trustHistory })
export type TrustBundle = Infer<typeof trustBundle>

export function parseTrustBundle (bytes: Uint8Array): TrustBundle {
  return trustBundle(parseCanonical(bytes, BUNDLE_LIMITS), 'bundle')
}

export function trustBundleBytes (bundle: TrustBundle): Uint8Array {
  return jcsBytes(bundle)
}

/** SHA-256 of the identity part, in hex: what is pinned, printed and compared. */
export function fingerprint (crypto: Crypto, identity: TrustIdentity): string {
  return toHex(crypto.sha256(jcsBytes(identity)))
}
