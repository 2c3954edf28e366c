import { unlessRefused } from '../core/errors.js'
import { parseCanonical } from '../core/jcs.js'
import { commitGroup } from '../core/receipt.js'
import { base64url, type Infer, object } from '../core/strict.js'

const LIMITS = { bytes: 1_048_576, depth: 8 } as const
const group = object({ statement: commitGroup, signature: base64url(64, 64) })

/** What is signed for a commit group, and the signature: the value of a `g` key. */
export type SignedGroup = Infer<typeof group>

/** Undefined where the bytes are not of that form. */
export function parseGroup (bytes: Uint8Array): SignedGroup | undefined {
  return unlessRefused(() => group(parseCanonical(bytes, LIMITS), 'group'))
}
