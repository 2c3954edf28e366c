import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { toHex } from '../../core/bytes.js'
import type { EvidenceRecord } from '../../core/record.js'
import { type FileDigests, hashFile } from '../../platform/hash-file.js'
import type { DifferenceCode, Findings, OnProgress } from '../report.js'

/** Content that records say is stored, each once. */
export interface ContentList {
  add (record: EvidenceRecord, sequence: number): void
}

interface Expected { readonly sequence: number, readonly number: string, readonly sm3: string | undefined, readonly size: string | undefined }

/** Where the content store keeps a file. */
export function contentPath (folder: string, sha256: string): string {
  return join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
}

/** Re-hashes stored content with both algorithms. What no record names is harmless and only counted. */
export class ContentCheck implements ContentList {
  readonly #expected = new Map<string, Expected>()

  add ({ digestedBy, content, number }: EvidenceRecord, sequence: number): void {
    if (digestedBy !== 'notary' || this.#expected.has(content.digests.sha256)) return
    this.#expected.set(content.digests.sha256, { sequence, number, sm3: content.digests.sm3, size: content.size })
  }

  get size (): number {
    return this.#expected.size
  }

  async run (folder: string, findings: Findings, onProgress: OnProgress): Promise<void> {
    let done = 0
    for (const [sha256, expected] of this.#expected) {
      await this.#checkOne(folder, sha256, expected, findings)
      findings.count('content files')
      onProgress('content', ++done, this.#expected.size)
    }
    for await (const name of contentNames(folder)) {
      if (!this.#expected.has(name)) findings.count('content files that no record names')
    }
  }

  async #checkOne (folder: string, sha256: string, expected: Expected, findings: Findings): Promise<void> {
    const differs = (code: DifferenceCode, says: string): void => {
      const about = `${says}; deposited as ${expected.number}, record ${expected.sequence}`
      findings.differs({ layer: 'content', object: `content ${sha256}`, code, says: about }, expected.sequence)
    }
    let found: FileDigests
    const path = contentPath(folder, sha256)
    try {
      if (!(await stat(path)).isFile()) { // to open a pipe would wait for somebody who writes into it
        differs('CONTENT_DIFFERS', 'what lies in its place is not a file')
        return
      }
      found = await hashFile(path)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : String(error)
      if (code === 'ENOENT') differs('CONTENT_MISSING', 'the file is not there')
      else differs('CONTENT_DIFFERS', `the file cannot be read (${code})`)
      return
    }
    findings.count('content bytes', Number(found.size))
    compare(sha256, expected, found, differs)
  }
}

function compare (sha256: string, expected: Expected, found: FileDigests, differs: (code: DifferenceCode, says: string) => void): void {
  const isSame = toHex(found.sha256) === sha256
  const isSameSm3 = expected.sm3 === undefined || toHex(found.sm3) === expected.sm3
  if (!isSame && isSameSm3 && expected.sm3 !== undefined) differs('CONTENT_DIGESTS_DISAGREE', 'its SM3 is the recorded one, and its SHA-256 is not')
  else if (!isSame) differs('CONTENT_DIFFERS', 'its bytes are no longer those that were deposited')
  else if (!isSameSm3) differs('CONTENT_DIGESTS_DISAGREE', 'its SHA-256 is the recorded one, and its SM3 is not')
  else if (expected.size !== undefined && expected.size !== String(found.size)) differs('CONTENT_SIZE_DIFFERS', `it has ${found.size} bytes, recorded are ${expected.size}`)
}

/** Names of the files of a content store, in order; nothing when there is no such folder. */
export async function * contentNames (folder: string): AsyncGenerator<string, void> {
  const isShard = (name: string): boolean => /^[0-9a-f]{2}$/.test(name)
  const list = async (path: string): Promise<string[]> => (await readdir(path).catch(() => [])).sort()
  for (const first of (await list(folder)).filter(isShard)) {
    for (const second of (await list(join(folder, first))).filter(isShard)) {
      for (const name of await list(join(folder, first, second))) if (/^[0-9a-f]{64}$/.test(name)) yield name
    }
  }
}
