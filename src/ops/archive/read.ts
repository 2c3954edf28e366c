import { mkdir, open, rm } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Crypto } from '../../core/crypto.js'
import { parseBatchHeader } from '../../core/batch.js'
import { parseRecord } from '../../core/record.js'
import { summed } from '../../store/checksums.js'
import { noteRestored } from '../../store/doubt.js'
import { numberKey, textKey } from '../../store/keys.js'
import { openMaintenance, type Operation } from '../../store/maintenance.js'
import { makeFolder, unusable } from '../../store/unusable.js'
import { parseGroup } from '../../store/stored-group.js'
import { contentPath } from '../fsck/content.js'
import { fsck } from '../fsck/fsck.js'
import { rebuild } from '../rebuild/rebuild.js'
import type { OnProgress, Report } from '../report.js'
import { numberKeyOf } from '../fsck/position.js'
import { readable } from '../stored.js'
import { type ArchiveFolder, BUNDLE_FILE, FOLDERS, LOG_FILE, type Manifest } from './format.js'
import { openTarget } from './target.js'
import { invalid, readArchive } from './unpack.js'

export interface ImportOptions {
  readonly source: AsyncIterable<Uint8Array>
  /** A data folder that does not exist or is empty; when only checking, any: nothing but a temporary folder beside it is written. */
  readonly target: string
  readonly crypto: Crypto
  readonly now: string
  /** Verifies and keeps nothing. */
  readonly checkOnly?: boolean
  readonly onProgress: OnProgress
  /** Gets the folder that holds everything until it is whole; what it answers is called, perhaps twice, when that is over. */
  readonly guard?: (folder: string) => () => void
}

export interface Imported { readonly manifest: Manifest, readonly manifestSha256: string, readonly report: Report }

/**
 * Reads an archive into a new data folder. Everything is written beside the target first, or in it where it is a disk of its own; indexes and tiles
 * are computed, the whole is checked as `fsck` does, and only what verifies and comes out as the manifest says gets the target's
 * name. Else nothing is left; what a process that was killed left is removed by the next import beside it.
 */
export async function importArchive (options: ImportOptions): Promise<Imported> {
  const { folder, place } = await openTarget(resolve(options.target), options.checkOnly !== true)
  const release = options.guard?.(folder)
  try {
    const imported = await receive(options, folder)
    if (options.checkOnly === true) await rm(folder, { recursive: true })
    else {
      release?.() // what is whole is not taken apart while it gets its name
      await place()
    }
    return imported
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw unusable(error, dirname(folder)) ?? error
  } finally {
    release?.()
  }
}

async function receive (options: ImportOptions, folder: string): Promise<Imported> {
  const { crypto, onProgress } = options
  await makeFolder(join(folder, 'content'))
  const db = await openMaintenance(folder, { create: true })
  try {
    const importer = createImporter()
    const { manifest, sha256 } = await readArchive(options.source, {
      file: async (name, bytes) => { await db.write(importer(name, bytes)) },
      content: async (name, bytes) => { await keepContent(join(folder, 'content'), name, bytes) },
      onProgress
    })
    const rebuilt = await rebuild({ db, crypto, onProgress })
    requireSame(rebuilt)
    const report = await fsck({ view: db, crypto, now: options.now, ledger: 'left-out', withContent: manifest.content.included, onProgress })
    requireSame(report)
    agree(manifest, report)
    await noteRestored(db) // what was acknowledged after the archive was made is not in it
    return { manifest, manifestSha256: sha256, report }
  } finally {
    await db.close()
  }
}

function requireSame ({ first }: Report): void {
  if (first !== undefined) throw invalid(`does not verify: ${first.object}: ${first.says}`)
}

/** The manifest says what the parts come to. */
function agree (manifest: Manifest, { log, head, checked }: Report): void {
  const isSame = manifest.log === log && manifest.head.size === head?.size && manifest.head.root === head.root &&
    Number(manifest.records) === (checked.records ?? 0) && (!manifest.content.included || Number(manifest.content.files) === (checked['content files'] ?? 0))
  if (!isSame) throw invalid('holds another log than its manifest says')
}

async function keepContent (folder: string, sha256: string, bytes: AsyncIterable<Buffer>): Promise<void> {
  const path = contentPath(folder, sha256)
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const file = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of bytes) await file.writeFile(chunk)
    await file.sync()
  } finally {
    await file.close()
  }
}

type Importer = (name: string, bytes: Buffer) => Operation[]

/** Turns files into entries of the database; numbers of records and batches follow from their order, and are checked. */
function createImporter (): Importer {
  const state: Counters = { record: 0, header: 0 }
  return (name, bytes) => {
    if (name === LOG_FILE) return summed(textKey('x', 'log'), bytes)
    if (name === BUNDLE_FILE) return [put(textKey('x', 'bundle-file'), bytes)]
    const folder = FOLDERS.find((each) => name.startsWith(`${each}/`))
    if (folder === undefined) throw invalid(`has a file ${JSON.stringify(name)} that an export never writes`)
    const lines = bytes.toString('latin1').split('\n')
    if (lines.pop() !== '') throw invalid(`has a last line without an end in ${name}`)
    return lines.flatMap((line, i) => {
      const made = readable(() => LINES[folder](Buffer.from(line, 'latin1'), state))
      if (made === undefined) throw invalid(`has a line that cannot be read: ${name}, line ${i + 1}`)
      return made
    })
  }
}

interface Counters { record: number, header: number }
type Line = (bytes: Buffer, state: Counters) => Operation[] | undefined

const LINES: Readonly<Record<ArchiveFolder, Line>> = {
  records: (bytes, state) => parseRecord(bytes).sequence === String(state.record) ? [put(numberKey('r', state.record++), bytes)] : undefined,
  headers: (bytes, state) => parseBatchHeader(bytes).number === String(state.header) ? [put(numberKey('h', state.header++), bytes)] : undefined,
  groups: (bytes) => keyed(numberKeyOf('g', parseGroup(bytes)?.statement.firstSequence), bytes),
  blocks (bytes) {
    const key = numberKeyOf('b', fieldsOf(bytes).number)
    return key === undefined ? undefined : summed(key, bytes)
  },
  private (bytes) {
    const { sequence, secret = '', fields } = fieldsOf(bytes)
    const [secretKey, fieldsKey] = [numberKeyOf('s', sequence), numberKeyOf('m', sequence)]
    if (secretKey === undefined || fieldsKey === undefined || fields === undefined) return undefined
    return [put(secretKey, Buffer.from(secret, 'base64url')), put(fieldsKey, Buffer.from(fields))]
  },
  anchors (bytes) {
    const { batch, location, readback } = fieldsOf(bytes)
    const [placeKey, readKey] = [numberKeyOf('a', batch), numberKeyOf('c', batch)]
    if (placeKey === undefined || readKey === undefined || location === undefined || readback === undefined) return undefined
    return [...summed(placeKey, location), ...summed(readKey, readback)]
  },
  identities (bytes) {
    const { identity, sha256 } = fieldsOf(bytes)
    return identity === undefined || sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256) ? undefined : [put(textKey('i', sha256), Buffer.from(identity))]
  },
  keys (bytes) {
    const { id, key, bundle } = fieldsOf(bytes)
    if (bundle !== undefined) return summed(textKey('x', 'bundle'), bundle)
    return id === undefined || key === undefined || !/^[0-9a-f]{16}$/.test(id) ? undefined : summed(textKey('k', id), key)
  }
}

function keyed (key: Buffer | undefined, value: Buffer): Operation[] | undefined {
  return key === undefined ? undefined : [put(key, value)]
}

/** The members of a line that are strings. */
function fieldsOf (bytes: Buffer): Readonly<Record<string, string | undefined>> {
  const value: unknown = JSON.parse(bytes.toString())
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).filter(([, member]) => typeof member === 'string'))
}

function put (key: Buffer, value: Buffer): Operation {
  return { type: 'put', key, value }
}
