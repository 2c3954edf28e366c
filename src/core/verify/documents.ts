import { fromUtf8 } from '../bytes.js'
import { EvidenceError, type EvidenceErrorCode } from '../errors.js'
import type { DocumentName, FindingCode } from '../findings.js'
import { type Problem, problem } from './result.js'

/** A document that was read, or the problem with it. */
export type Read<T> = { readonly ok: true, readonly value: T } | { readonly ok: false, readonly problem: Problem }

const CODES: Readonly<Partial<Record<EvidenceErrorCode, FindingCode>>> = {
  NOT_CANONICAL: 'DOCUMENT_RESAVED',
  NOT_UTF8: 'DOCUMENT_UNREADABLE',
  NOT_JSON: 'DOCUMENT_UNREADABLE',
  TOO_LARGE: 'DOCUMENT_TOO_LARGE',
  UNSUPPORTED_TYPE: 'DOCUMENT_OF_ANOTHER_KIND'
}

const TYPES: Readonly<Record<DocumentName, string>> = {
  proof: 'steelyard/proof/v1',
  receipt: 'steelyard/receipt/v1',
  bundle: 'steelyard/trust-bundle/v1',
  status: 'steelyard/attested-status/v1'
}

/** Reads a file strictly. A file that cannot be read is a finding with a code of its own, never an exception. */
export function readDocument<T> (document: DocumentName, bytes: Uint8Array, parse: (bytes: Uint8Array) => T): Read<T> {
  try {
    return { ok: true, value: parse(bytes) }
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    return { ok: false, problem: problemOf(document, bytes, error) }
  }
}

function problemOf (document: DocumentName, bytes: Uint8Array, error: EvidenceError): Problem {
  const code = CODES[error.code]
  if (code !== undefined) return problem(code, { document })
  if (error.code === 'FORMAT' && isOther(document, bytes)) return problem('DOCUMENT_OF_ANOTHER_KIND', { document })
  return problem('DOCUMENT_MALFORMED', { document, ...(error.path === undefined || error.path === '' ? {} : { path: error.path.slice(0, 200) }) })
}

/** Whether a canonical file that is not of its form names another type than it should, or none. */
function isOther (document: DocumentName, bytes: Uint8Array): boolean {
  const value: unknown = JSON.parse(fromUtf8(bytes))
  return typeof value !== 'object' || value === null || !('type' in value) || value.type !== TYPES[document]
}
