import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** What the kernel wants positions, sizes and addresses to be multiples of: the largest of the usual blocks. */
const BLOCK = 4096
const WASM_PAGE = 65_536

/**
 * Writes to a file past the page cache (O_DIRECT), where system, file system and bytes allow it, else through it. What is written once and
 * read late need not be copied into pages that must be found for it first. It is on disk, as ever, only when the file was synced.
 */
export interface DirectFile {
  /** All of it; the bytes must not change until it resolves. */
  write (bytes: Uint8Array, position: number): Promise<void>
  /** Lets go of what it opened; more may be written afterwards. Nothing may be under way. */
  release (): Promise<void>
}

export function createDirectFile (file: FileHandle): DirectFile {
  let direct: Promise<FileHandle | undefined> | undefined
  let isPossible = process.platform === 'linux'

  /** The bytes written directly: none where that is not possible. */
  const writeDirectly = async (bytes: Uint8Array, position: number): Promise<number> => {
    if (!isPossible || !isAligned(bytes, position)) return 0
    direct ??= open(`/proc/self/fd/${file.fd}`, constants.O_WRONLY | constants.O_DIRECT).catch(() => undefined)
    const handle = await direct
    try {
      if (handle !== undefined) return (await handle.write(bytes, 0, bytes.length, position)).bytesWritten
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error // not: larger blocks than ours
    }
    isPossible = false
    return 0
  }
  return {
    async write (bytes, position) {
      let at = await writeDirectly(bytes, position)
      while (at < bytes.length) at += (await file.write(bytes, at, bytes.length - at, position + at)).bytesWritten
    },
    async release () {
      const handle = await direct
      direct = undefined
      await handle?.close()
    }
  }
}

/** What is used of it here; Node's types have none of it. */
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number, maximum: number, shared: true }) => { readonly buffer: SharedArrayBuffer }
}

/** Shared memory that begins at a page of the machine, as direct writing needs it: only WebAssembly says so of its memory. */
export function alignedMemory (size: number): SharedArrayBuffer {
  const pages = Math.ceil(size / WASM_PAGE)
  const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
  alignedBuffers.add(buffer)
  return buffer
}

// What `alignedMemory` gave: nothing else says where other memory begins.
const alignedBuffers = new WeakSet<ArrayBufferLike>()

function isAligned (bytes: Uint8Array, position: number): boolean {
  return bytes.length > 0 && alignedBuffers.has(bytes.buffer) && (bytes.length | bytes.byteOffset | position) % BLOCK === 0
}
