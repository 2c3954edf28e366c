import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from './errors.js'

/**
 * LevelDB's log holds what is not in tables yet, the last deposits among it. When it finds damage there it drops the rest of that
 * block, says so in a file that nobody reads, and goes on. So the logs are read here first. A log that breaks off is what a crash leaves;
 * one with a record that does not fit its checksum may have lost something that was acknowledged.
 * Format: https://github.com/google/leveldb/blob/main/doc/log_format.md
 */
const BLOCK = 32_768
const HEADER = 7
/** Types FULL, FIRST, MIDDLE and LAST. */
const TYPES = [1, 4] as const

/** Fails with `DAMAGED` when the database in a folder has lost something that LevelDB would go on without. */
export async function requireSoundLogs (folder: string): Promise<void> {
  const names = await readdir(folder)
  // It would begin an empty database in its place, and delete what is there.
  if (!names.includes('CURRENT') && names.some((name) => /\.(ldb|log)$/.test(name))) {
    throw new StoreError({
      code: 'DAMAGED', message: `${join(folder, 'CURRENT')} is missing: copy the folder, then \`steelyard rebuild-index --repair\` and \`steelyard fsck\`, or restore a backup`
    })
  }
  for (const name of names) {
    if (!name.endsWith('.log')) continue
    const at = damageIn(await readFile(join(folder, name)))
    if (at === undefined) continue
    throw new StoreError({
      code: 'DAMAGED',
      message: `${join(folder, name)} is damaged at byte ${at}, deposits that were acknowledged may be lost with it: restore a backup, ` +
        'or copy the folder, then `steelyard rebuild-index --repair` and `steelyard fsck`, which names what is lost'
    })
  }
}

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

function isRecord (log: Buffer, at: number, end: number): boolean {
  const type = log[at + 6] as number
  return type >= TYPES[0] && type <= TYPES[1] && unmasked(log.readUInt32LE(at)) === crc32c(log.subarray(at + 6, end))
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
