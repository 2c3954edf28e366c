/**
 * Keys of the database: one prefix byte, then big-endian numbers or bytes, so that the database's order is the order of numbers.
 *
 * | prefix | key | value | written by |
 * |---|---|---|---|
 * | `r` | sequence | record bytes | committer |
 * | `n` | evidence number | sequence | committer |
 * | `s` | sequence | deposit secret (only where there is metadata) | committer |
 * | `m` | sequence | metadata fields, JCS | committer |
 * | `g` | first sequence of a commit group | {signature, statement}, JCS | committer |
 * | `e` | first sequence of a commit group of several | its leaf hashes | committer |
 * | `d` | first sequence of a commit group of more than 8 | inner nodes of its tree (notary/tree-nodes.ts) | committer |
 * | `o` | organization | its next sequence | committer |
 * | `h` | batch number | header bytes | sealer |
 * | `f` | first sequence of a batch | batch number | sealer |
 * | `t` | batch number, tile | up to 256 leaf hashes | sealer |
 * | `v` | batch number, tile of more than 8 | inner nodes of the tile's tree | sealer |
 * | `u` | batch number | roots of the batch's tiles | sealer |
 * | `l` | level, tile | up to 256 hashes of the log's tree | sealer |
 * | `a` | batch number | where the ledger has it | finalizer |
 * | `c` | batch number | attested read-back, JCS | finalizer |
 * | `b` | block number | block as proofs carry it, JCS | finalizer, bundle |
 * | `i` | SHA-256 of an identity | serialized identity | finalizer |
 * | `y` | the key of an `a`, `b`, `c`, `k`, `o`, `p` or `x` | SHA-256 of its value (checksums.ts); not in earlier versions | whoever writes that |
 * | `w` | stage | watermark | the stage itself |
 * | `p` | upload id | an upload in parts and what became of it | uploads |
 * | `k` | API key id | API key, its secret hashed | api keys |
 * | `x` | name | schema, log, in-flight transaction, bundle state, doubts | see meta and doubt |
 */
export const NUMBER_BYTES = 8

export type Prefix = 'r' | 'n' | 's' | 'm' | 'g' | 'e' | 'd' | 'o' | 'h' | 'f' | 't' | 'v' | 'u' | 'l' | 'a' | 'c' | 'b' | 'i' | 'w' | 'p' | 'k' | 'x' | 'y'

/** A key of numbers: the prefix and 8 bytes for each. */
export function numberKey (prefix: Prefix, first: number, second?: number): Buffer {
  const key = Buffer.allocUnsafe(1 + (second === undefined ? NUMBER_BYTES : 2 * NUMBER_BYTES))
  key[0] = prefix.charCodeAt(0)
  writeNumber(key, first, 1)
  if (second !== undefined) writeNumber(key, second, 1 + NUMBER_BYTES)
  return key
}

/** A key of ASCII text. */
export function textKey (prefix: Prefix, text: string): Buffer {
  return Buffer.from(prefix + text, 'latin1')
}

export function numberValue (n: number): Buffer {
  const value = Buffer.allocUnsafe(NUMBER_BYTES)
  writeNumber(value, n, 0)
  return value
}

/** The number at `offset` of a key or value. */
export function readNumber (bytes: Buffer, offset = 0): number {
  return bytes.readUInt32BE(offset) * 2 ** 32 + bytes.readUInt32BE(offset + 4)
}

/** The number that a value is; undefined where it is none that was written. */
export function numberIn (value: Buffer | undefined): number | undefined {
  const number = value?.length === NUMBER_BYTES ? readNumber(value) : undefined
  return Number.isSafeInteger(number) ? number : undefined
}

function writeNumber (target: Buffer, n: number, offset: number): void {
  target.writeUInt32BE(Math.floor(n / 2 ** 32), offset)
  target.writeUInt32BE(n % 2 ** 32, offset + 4)
}
