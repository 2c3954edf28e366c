/**
 * Writes archives whose bytes depend on their content alone: a chaincode package is known by the digest of its archive.
 * @module
 */
import { gzipSync } from 'node:zlib'

const BLOCK = 512

/** A file of an archive. */
export interface TarEntry {
  readonly name: string
  readonly content: Uint8Array
}

/** A gzipped POSIX (ustar) archive of plain files: mode 0644, owner 0, time 0. Names of up to 100 bytes. */
export function tarGz (entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap(({ name, content }) => [
    header(name, content.length), Buffer.from(content), Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)
  ])
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]), { level: 9 }) // node's gzip writes time 0 and no name
}

function header (name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  if (Buffer.byteLength(name) > 100) throw new RangeError('the name is too long for this archive')
  block.write(name, 0)
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write('        ', 148) // the checksum counts as blanks
  block.write('0', 156)
  block.write('ustar\u000000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}
