import { treeHead } from '../../core/ledger-values.js'
import { parseCanonical } from '../../core/jcs.js'
import { logOrigin } from '../../core/record.js'
import { boolean, decimal, hex, type Infer, list, literal, matching, object, time } from '../../core/strict.js'

/**
 * steelyard/export/v1 (docs/design/operators-tools.md): a tar archive of JSON lines and content, and at its end the manifest. Whatever can be
 * computed again, indexes and tiles, is not in it: an import computes it, and refuses what does not come out as the manifest says.
 */
export const FOLDERS = ['records', 'private', 'groups', 'headers', 'anchors', 'identities', 'blocks', 'keys'] as const
export type ArchiveFolder = typeof FOLDERS[number]

export const LOG_FILE = 'log.json'
export const BUNDLE_FILE = 'trust-bundle.json'
export const MANIFEST_FILE = 'manifest.json'
export const CONTENT_FOLDER = 'content'
/** Lines are gathered into files of about this many bytes. */
export const PART_BYTES = 4 * 1024 * 1024
/** Most bytes of a file of lines, on import. */
export const MOST_PART_BYTES = 64 * 1024 * 1024

const file = object({
  name: matching(/^(log\.json|trust-bundle\.json|(records|private|groups|headers|anchors|identities|blocks|keys)\/[0-9]{8}\.jsonl)$/, 'a file of an export'),
  size: decimal,
  sha256: hex(32)
})

export const manifest = object({
  type: literal('steelyard/export/v1'),
  log: logOrigin,
  createdAt: time,
  /** Deposits in it, and so the next sequence number. */
  records: decimal,
  /** The log over the sealed batches in it. */
  head: treeHead,
  content: object({ included: boolean, files: decimal, bytes: decimal }),
  files: list(file, 1_000_000)
})
export type Manifest = Infer<typeof manifest>

const LIMITS = { bytes: 256 * 1024 * 1024, depth: 4 } as const

export function parseManifest (bytes: Uint8Array): Manifest {
  return manifest(parseCanonical(bytes, LIMITS), 'manifest')
}

export const partName = (folder: ArchiveFolder, part: number): string => `${folder}/${String(part).padStart(8, '0')}.jsonl`
