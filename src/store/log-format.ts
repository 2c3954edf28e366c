/**
 * The format of LevelDB's logs, which its MANIFEST has as well: blocks of records with a checksum each, a long record in several pieces.
 * https://github.com/google/leveldb/blob/main/doc/log_format.md
 */
const BLOCK = 32_768
const HEADER = 7
const TYPE = { full: 1, first: 2, last: 4 } as const

/** Where the first record is that does not fit its checksum. Not damage: a record that is cut off at the end, and room that was never written. */
export function damageIn (log: Buffer): number | undefined {
  let blank: number | undefined
  for (let block = 0; block < log.length; block += BLOCK) {
    const end = Math.min(block + BLOCK, log.length)
    for (let at = block; at + HEADER <= end;) {
      const next = at + HEADER + log.readUInt16LE(at + 4)
      if (next <= end && isRecord(log, at, next)) {
        if (blank !== undefined) return blank
        at = next
        continue
      }
      if (isBlank(log, at, end)) blank ??= at
      else if (next <= end || end < log.length) return at
      break
    }
  }
  return undefined
}

/** The records of a log, up to the first piece that is none. */
export function * logRecords (log: Buffer): Generator<Buffer, void> {
  let pieces: Buffer[] = []
  for (let block = 0; block < log.length; block += BLOCK) {
    const end = Math.min(block + BLOCK, log.length)
    for (let at = block; at + HEADER <= end;) {
      const next = at + HEADER + log.readUInt16LE(at + 4)
      if (next > end || !isRecord(log, at, next)) return
      const type = log[at + 6] as number
      if (type === TYPE.full || type === TYPE.first) pieces = []
      pieces.push(log.subarray(at + HEADER, next))
      if (type === TYPE.full || type === TYPE.last) yield Buffer.concat(pieces)
      at = next
    }
  }
}

function isRecord (log: Buffer, at: number, end: number): boolean {
  const type = log[at + 6] as number
  return type >= TYPE.full && type <= TYPE.last && unmasked(log.readUInt32LE(at)) === crc32c(log.subarray(at + 6, end))
}

/** Room that was reserved and never written. */
function isBlank (log: Buffer, at: number, end: number): boolean {
  return log.subarray(at, end).every((byte) => byte === 0)
}

function unmasked (crc: number): number {
  const rotated = (crc - 0xa282ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}

const TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  return crc >>> 0
})

/** CRC-32C (RFC 3720), which Node has not. */
function crc32c (bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (TABLE[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8)
  return (crc ^ 0xffffffff) >>> 0
}
