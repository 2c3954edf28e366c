import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { toHex } from '../../core/bytes.js'
import type { Crypto } from '../../core/crypto.js'
import { jcs } from '../../core/jcs.js'
import { appendLeaf, emptyRange, leafHash, rangeRoot } from '../../core/merkle.js'
import { parseRecord } from '../../core/record.js'
import { storedKey } from '../../store/api-keys.js'
import { checksumKey, hasChecksum } from '../../store/checksums.js'
import { numberKey, readNumber, textKey } from '../../store/keys.js'
import type { View } from '../../store/maintenance.js'
import { OpsError } from '../errors.js'
import { contentPath } from '../fsck/content.js'
import { readBundle, readLogIdentity } from '../fsck/service.js'
import type { OnProgress } from '../report.js'
import { parseJson, readable } from '../stored.js'
import { type ArchiveFolder, BUNDLE_FILE, CONTENT_FOLDER, LOG_FILE, MANIFEST_FILE, type Manifest, PART_BYTES, partName } from './format.js'
import { tarEnd, tarHeader, tarPadding } from './tar.js'

export interface ExportOptions {
  readonly view: View
  readonly crypto: Crypto
  /** RFC 3339 UTC. */
  readonly now: string
  readonly withContent: boolean
  readonly onProgress: OnProgress
  /** Told what is left out because it is not what was written, and follows from nothing. */
  readonly onLeftOut?: (object: string) => void
  /** Told what was written, at the end. */
  readonly onDone?: (manifest: Manifest, sha256: string) => void
}

/**
 * The archive of one moment of a data folder, as a stream in bounded memory (but for the digests of stored content). Fails, and so leaves an
 * archive that no import accepts, when something cannot be read or a content file is no longer what was deposited.
 */
export async function * exportArchive (options: ExportOptions): AsyncGenerator<Buffer, void> {
  const { view, now, withContent } = options
  const identity = await readLogIdentity(view)
  if (identity === undefined) throw new OpsError({ code: 'LOG_UNKNOWN', message: 'no log was opened in this data folder' })
  const writer = createWriter()
  yield * writer.file(LOG_FILE, Buffer.from(jcs(identity)))
  const bundle = await readBundle(view)
  if (bundle !== undefined) yield * writer.file(BUNDLE_FILE, Buffer.from(bundle))
  const source = createLines(options)
  for (const folder of Object.keys(source.lines) as ArchiveFolder[]) yield * writer.parts(folder, source.lines[folder]())
  const content = { files: 0, bytes: 0 }
  if (withContent) {
    for (const sha256 of source.contents) {
      content.bytes += yield * writeContent(view, sha256)
      options.onProgress('content', ++content.files, source.contents.size)
    }
  }
  const { records, range } = source.state()
  const manifest: Manifest = {
    type: 'steelyard/export/v1',
    log: identity.origin,
    createdAt: now,
    records: String(records),
    head: { size: String(range.size), root: toHex(rangeRoot(options.crypto, range)) },
    content: { included: withContent, files: String(content.files), bytes: String(content.bytes) },
    files: writer.files
  }
  const bytes = Buffer.from(jcs(manifest))
  yield * whole(MANIFEST_FILE, bytes)
  yield tarEnd()
  options.onDone?.(manifest, createHash('sha256').update(bytes).digest('hex'))
}

function * whole (name: string, bytes: Buffer): Generator<Buffer, void> {
  yield tarHeader({ name, size: bytes.length })
  yield bytes
  yield tarPadding(bytes.length)
}

/** Writes files and remembers them for the manifest. */
interface ArchiveWriter {
  readonly files: Manifest['files']
  file (name: string, bytes: Buffer): Generator<Buffer, void>
  /** Gathers lines into files. */
  parts (folder: ArchiveFolder, lines: AsyncIterable<Uint8Array | string>): AsyncGenerator<Buffer, void>
}

function createWriter (): ArchiveWriter {
  const files: Manifest['files'][number][] = []
  function * file (name: string, bytes: Buffer): Generator<Buffer, void> {
    files.push({ name, size: String(bytes.length), sha256: createHash('sha256').update(bytes).digest('hex') })
    yield * whole(name, bytes)
  }
  async function * parts (folder: ArchiveFolder, lines: AsyncIterable<Uint8Array | string>): AsyncGenerator<Buffer, void> {
    let waiting: Buffer[] = []
    let size = 0
    let part = 0
    for await (const line of lines) {
      const bytes = Buffer.concat([Buffer.from(line), Buffer.from('\n')])
      waiting.push(bytes)
      size += bytes.length
      if (size < PART_BYTES) continue
      yield * file(partName(folder, part++), Buffer.concat(waiting))
      waiting = []
      size = 0
    }
    if (waiting.length > 0) yield * file(partName(folder, part), Buffer.concat(waiting))
  }
  return { files, file, parts }
}

interface Lines {
  readonly lines: Readonly<Record<ArchiveFolder, () => AsyncIterable<Uint8Array | string>>>
  /** SHA-256 of stored content, complete after the records. */
  readonly contents: ReadonlySet<string>
  state (): { records: number, range: ReturnType<typeof emptyRange> }
}

/** Entries of the database as lines: canonical documents byte for byte, everything else as JCS. */
function createLines ({ view, crypto, onProgress, onLeftOut }: ExportOptions): Lines {
  const contents = new Set<string>()
  let records = 0
  let range = emptyRange()
  return {
    contents,
    state: () => ({ records, range }),
    lines: {
      async * records () {
        for await (const [, bytes] of view.entries('r')) {
          const record = readable(() => parseRecord(bytes))
          if (record?.sequence !== String(records)) throw damaged(`record ${records}`)
          if (record.digestedBy === 'notary') contents.add(record.content.digests.sha256)
          if (++records % 1000 === 0) onProgress('records', records)
          yield bytes
        }
      },
      async * private () {
        for await (const [key] of view.entries('m')) { // whoever erases a deposit's fields erases both
          if (await view.get(numberKey('s', numberOf(key))) === undefined) throw damaged(`the secret of record ${numberOf(key)}`)
        }
        for await (const [key, secret] of view.entries('s')) {
          const sequence = numberOf(key)
          const fields = await view.get(numberKey('m', sequence))
          if (fields === undefined) throw damaged(`metadata of record ${sequence}`)
          yield jcs({ fields: fields.toString(), secret: secret.toString('base64url'), sequence: String(sequence) })
        }
      },
      groups: () => values(view, 'g'),
      async * headers () {
        for await (const bytes of values(view, 'h')) {
          range = appendLeaf(crypto, range, leafHash(crypto, bytes))
          yield bytes
        }
      },
      async * anchors () {
        for await (const [key, readback] of view.entries('c')) {
          const number = numberOf(key)
          const location = await view.get(numberKey('a', number))
          if (location === undefined) throw damaged(`the place of batch ${number}`)
          yield jcs({ batch: String(number), location: location.toString(), readback: readback.toString() })
        }
      },
      async * identities () {
        for await (const [key, identity] of view.entries('i')) yield jcs({ identity: identity.toString(), sha256: key.toString('latin1', 1) })
      },
      blocks: () => values(view, 'b'),
      async * keys () {
        for await (const [key, value] of view.entries('k')) {
          const id = key.toString('latin1', 1)
          const isSound = hasChecksum(value, await view.get(checksumKey(key))) && readable(() => storedKey(parseJson(value), 'key'))?.id === id
          if (isSound) yield jcs({ id, key: value.toString() })
          else onLeftOut?.(`API key ${id}`)
        }
        const key = textKey('x', 'bundle')
        const state = await view.get(key)
        // Made anew where it is not what was written.
        if (state !== undefined && hasChecksum(state, await view.get(checksumKey(key)))) yield jcs({ bundle: state.toString() })
      }
    }
  }
}

/** The number of a key; under one of another length lies what is missing under its own. */
function numberOf (key: Buffer): number {
  if (key.length !== 9) throw damaged(`what lies under ${key.toString('hex')}`)
  return readNumber(key, 1)
}

async function * values (view: View, prefix: 'g' | 'h' | 'b'): AsyncGenerator<Buffer, void> {
  for await (const [, bytes] of view.entries(prefix)) yield bytes
}

/** A content file, hashed while it is read. */
async function * writeContent (view: View, sha256: string): AsyncGenerator<Buffer, number> {
  const path = contentPath(view.content, sha256)
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) throw damaged(`content ${sha256}`)
  yield tarHeader({ name: `${CONTENT_FOLDER}/${sha256}`, size: found.size })
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    size += chunk.length
    yield chunk
  }
  if (size !== found.size || hash.digest('hex') !== sha256) throw damaged(`content ${sha256}`)
  yield tarPadding(size)
  return size
}

function damaged (object: string): OpsError {
  return new OpsError({ code: 'SOURCE_DIFFERS', message: `${object} is missing or no longer what it was: run steelyard fsck` })
}
