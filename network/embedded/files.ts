/**
 * Files that hold secrets or must not be half-written.
 * @module
 */
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Creates a folder (and its parents) that only the owner can enter. */
export function privateFolder (path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return path
}

/** Writes a file with mode 0600 so that a crash leaves either the old content or the new one. */
export function writePrivate (path: string, content: string | Uint8Array): void {
  const temporary = `${path}.${process.pid}.new`
  const file = openSync(temporary, 'w', 0o600)
  try {
    writeFileSync(file, content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
  syncFolder(dirname(path))
}

/** The text of a file, or undefined if there is none. */
export function readIfPresent (path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function syncFolder (path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
