import { OpsError } from '../errors.js'

/**
 * Just enough of the tape archive format (POSIX ustar) to write regular files and to read them back: every tar program reads it, and it streams.
 * Sizes of 8 GiB and more are written in base 256, as GNU tar does.
 */
const BLOCK = 512
const OCTAL_LIMIT = 8 ** 11
const END = Buffer.alloc(2 * BLOCK)

export interface TarFile { readonly name: string, readonly size: number }

/** The header block of a file; its time is 0 and its owner 0, so that the same files make the same archive. */
export function tarHeader ({ name, size }: TarFile): Buffer {
  const header = Buffer.alloc(BLOCK)
  if (Buffer.byteLength(name) > 100) throw new OpsError({ code: 'ARCHIVE_INVALID', message: `the name ${name} is too long for an archive` })
  header.write(name, 0)
  header.write('0000600\0', 100)
  header.write('0000000\0', 108)
  header.write('0000000\0', 116)
  writeSize(header, size)
  header.write('00000000000\0', 136)
  header.write('0', 156) // a regular file
  header.write('ustar\0', 257)
  header.write('00', 263)
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

/** What follows a file's bytes. */
export function tarPadding (size: number): Buffer {
  return Buffer.alloc((BLOCK - size % BLOCK) % BLOCK)
}

export const tarEnd = (): Buffer => END

function writeSize (header: Buffer, size: number): void {
  if (size < OCTAL_LIMIT) {
    header.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
    return
  }
  header[124] = 0x80
  header.writeUIntBE(size, 130, 6)
}

function readSize (header: Buffer): number {
  if (header[124] === 0x80) return header.readUIntBE(130, 6)
  const text = header.toString('latin1', 124, 136).replace(/\0.*$/, '').trim()
  if (!/^[0-7]{1,11}$/.test(text)) throw invalid('a size that cannot be read')
  return Number.parseInt(text, 8)
}

function checksum (header: Buffer): number {
  let sum = 8 * 32 // the checksum's own field counts as spaces
  header.forEach((byte, i) => { if (i < 148 || i >= 156) sum += byte })
  return sum
}

function invalid (message: string): OpsError {
  return new OpsError({ code: 'ARCHIVE_INVALID', message: `the archive has ${message}` })
}

/** A file of an archive that is read. Its bytes must be taken, all of them, before the next file. */
export interface TarEntry extends TarFile { readonly bytes: AsyncIterable<Buffer> }

/** Reads an archive, strictly: what is cut, has another kind of entry, or does not end as an archive ends, is refused. */
export async function * readTar (source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void> {
  const input = createInput(source)
  for (;;) {
    const header = await input.exactly(BLOCK)
    if (header.every((byte) => byte === 0)) {
      if (!(await input.exactly(BLOCK)).every((byte) => byte === 0) || !await input.isAtEnd()) throw invalid('no proper end')
      return
    }
    const entry = readHeader(header)
    let left = entry.size
    yield {
      ...entry,
      bytes: (async function * () {
        while (left > 0) {
          const chunk = await input.atMost(left)
          left -= chunk.length
          yield chunk
        }
      })()
    }
    if (left > 0) throw new TypeError('an entry was not read to its end')
    if ((await input.exactly(tarPadding(entry.size).length)).some((byte) => byte !== 0)) throw invalid('bytes between its files')
  }
}

function readHeader (header: Buffer): TarFile {
  const stated = Number.parseInt(header.toString('latin1', 148, 154), 8)
  if (stated !== checksum(header)) throw invalid('a damaged header')
  const name = header.toString('utf8', 0, 100).replace(/\0.*$/s, '')
  const file = { name, size: readSize(header) }
  if (!tarHeader(file).equals(header)) throw invalid(`an entry that an export never writes: ${JSON.stringify(name)}`)
  return file
}

interface Input {
  exactly (size: number): Promise<Buffer>
  /** At least one byte and at most `size`. */
  atMost (size: number): Promise<Buffer>
  isAtEnd (): Promise<boolean>
}

function createInput (source: AsyncIterable<Uint8Array>): Input {
  const iterator = source[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  const fill = async (): Promise<boolean> => {
    while (held.length === 0) {
      const step = await iterator.next()
      if (step.done === true) return false
      held = Buffer.from(step.value.buffer, step.value.byteOffset, step.value.byteLength)
    }
    return true
  }
  const atMost = async (size: number): Promise<Buffer> => {
    if (!await fill()) throw invalid('no end: it was cut')
    const chunk = held.subarray(0, size)
    held = held.subarray(chunk.length)
    return chunk
  }
  return {
    atMost,
    async exactly (size) {
      const chunks: Buffer[] = []
      for (let left = size; left > 0;) {
        const chunk = await atMost(left)
        chunks.push(chunk)
        left -= chunk.length
      }
      return Buffer.concat(chunks)
    },
    isAtEnd: async () => !await fill()
  }
}
