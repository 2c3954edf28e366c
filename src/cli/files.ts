import { mkdir, open, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CliError } from './errors.js'

/**
 * The first `limit` + 1 bytes of a file: enough for a parser to say that it is too large, never more than memory holds.
 * @throws CliError FILE
 */
export async function readUpTo (path: string, limit: number, exitCode?: number): Promise<Uint8Array> {
  try {
    const { size } = await regularFile(path)
    const buffer = new Uint8Array(Math.min(size, limit + 1))
    const file = await open(path, 'r')
    try {
      let at = 0
      while (at < buffer.length) {
        const { bytesRead } = await file.read(buffer, at, buffer.length - at)
        if (bytesRead === 0) break
        at += bytesRead
      }
      return buffer.subarray(0, at)
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw fileError(path, 'read', cause, exitCode)
  }
}

/** Size of a file that can be deposited or verified. */
export async function sizeOf (path: string, exitCode?: number): Promise<number> {
  try {
    return (await regularFile(path)).size
  } catch (cause) {
    throw fileError(path, 'read', cause, exitCode)
  }
}

async function regularFile (path: string): Promise<{ size: number }> {
  const found = await stat(path)
  if (!found.isFile()) throw new Error('not a file')
  return found
}

/** Writes a file whole or not at all: a temporary file beside it, synced, renamed. */
export async function writeWhole (path: string, bytes: Uint8Array | string, mode = 0o644): Promise<void> {
  const temporary = `${path}.${process.pid}.new`
  try {
    await mkdir(dirname(path), { recursive: true })
    const file = await open(temporary, 'w', mode)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (cause) {
    await unlink(temporary).catch(() => undefined)
    throw fileError(path, 'write', cause)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file', EACCES: 'not permitted', EPERM: 'not permitted', EISDIR: 'is a folder', ENOSPC: 'no space left', EDQUOT: 'no space left', EROFS: 'read-only'
}

/** One clear line of what the operating system said. */
export function fileError (path: string, verb: 'read' | 'write', cause: unknown, exitCode?: number): CliError {
  if (cause instanceof CliError) return cause
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  const why = REASONS[code] ?? (cause instanceof Error ? cause.message : String(cause))
  return new CliError({ code: 'FILE', message: `cannot ${verb} ${path}: ${why}`, cause, ...(exitCode !== undefined && { exitCode }) })
}
