import { createReadStream } from 'node:fs'
import { open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { varint } from '../../core/fabric/commit/commit-hash.js'
import { OpsError } from '../errors.js'

/**
 * Blocks kept apart from any peer (docs/spec/README.md section 10). One file: every block after the other, each preceded by its length as a
 * protobuf varint. Or a folder with a file a block, whose name ends with the block's number, as `peer channel fetch` writes them.
 */

/** Most bytes of one block: Fabric's own limit on a message is below it. */
const MOST_BLOCK = 256 * 1024 * 1024
const NUMBERED = /(\d+)\.(?:block|pb)$/

/** The blocks of a file or a folder, in order, one in memory at a time. */
export async function * readBlocks (path: string): AsyncGenerator<Uint8Array> {
  if ((await stat(path)).isDirectory()) yield * inFolder(path)
  else yield * inFile(path)
}

async function * inFolder (folder: string): AsyncGenerator<Uint8Array> {
  const numbered = (await readdir(folder)).flatMap((name) => {
    const number = NUMBERED.exec(name)?.[1]
    return number === undefined ? [] : [{ name, number: Number(number) }]
  }).sort((a, b) => a.number - b.number)
  if (numbered.length === 0) throw new OpsError({ code: 'BLOCKS_UNREADABLE', message: `${folder} has no files that end with a block's number, such as evidence_7.block` })
  for (const { name } of numbered) yield new Uint8Array(await readFile(join(folder, name)))
}

async function * inFile (path: string): AsyncGenerator<Uint8Array> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    for (let next = frameAt(rest, at, path); next !== undefined; next = frameAt(rest, at, path)) {
      yield Uint8Array.from(rest.subarray(next.from, next.to))
      at = next.to
    }
    rest = rest.subarray(at)
  }
  if (rest.length > 0) throw new OpsError({ code: 'BLOCKS_UNREADABLE', message: `${path} ends within a block: it was cut off` })
}

/** Where the next block is; undefined: not all of it is there yet. */
function frameAt (bytes: Buffer, at: number, path: string): { from: number, to: number } | undefined {
  let length = 0
  for (let i = 0; i < 5; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    length += (byte & 127) * 2 ** (7 * i)
    if (byte >= 128) continue
    const from = at + i + 1
    if (length === 0 || length > MOST_BLOCK) break
    return from + length > bytes.length ? undefined : { from, to: from + length }
  }
  throw new OpsError({ code: 'BLOCKS_UNREADABLE', message: `${path} is not a file of blocks` })
}

/** A file of blocks in the making: there whole, once it is finished, or not at all. */
export interface BlockWriter {
  write (block: Uint8Array): Promise<void>
  finish (): Promise<void>
  discard (): Promise<void>
}

export async function createBlockFile (path: string): Promise<BlockWriter> {
  const temporary = `${path}.${process.pid}.new`
  const file = await open(temporary, 'wx', 0o644)
  return {
    async write (block) {
      await file.writeFile(varint(block.length))
      await file.writeFile(block)
    },
    async finish () {
      await file.sync()
      await file.close()
      await rename(temporary, path)
    },
    async discard () {
      await file.close().catch(() => undefined) // what failed may have been the closing
      await unlink(temporary)
    }
  }
}
