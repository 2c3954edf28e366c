import { toHex, utf8 } from './bytes.js'
import type { Sha256 } from './merkle.js'

/** Most values that one memo keeps: evidence comes many proofs of a batch at a time. */
const MOST = 256

/**
 * Remembers computed values by a digest of everything that went into them, bounded, in the returned function: so a remembered
 * verdict is the verdict on these bytes.
 */
export function createMemo<T> (crypto: Sha256): (parts: readonly string[], compute: () => T) => T {
  const known = new Map<string, { readonly value: T }>()
  return (parts, compute) => {
    // Each with its length before it: no two lists of parts give one text.
    const key = toHex(crypto.sha256(utf8(parts.map((part) => `${part.length}:${part}`).join(''))))
    const found = known.get(key)
    if (found !== undefined) return found.value
    const value = compute()
    if (known.size >= MOST) known.clear()
    known.set(key, { value })
    return value
  }
}
