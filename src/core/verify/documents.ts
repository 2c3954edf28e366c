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

/** Reads a file strictly. A file that cannot be read is a finding with a code of its own, never an exception. */
export function readDocument<T> (document: DocumentName, bytes: Uint8Array, parse: (bytes: Uint8Array) => T): Read<T> {
  try {
    return { ok: true, value: parse(bytes) }
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    return { ok: false, problem: problemOf(document, error) }
  }
}

function problemOf (document: DocumentName, error: EvidenceError): Problem {
  const path = error.path === undefined || error.path === '' ? {} : { path: error.path.slice(0, 200) }
  const code = error.path === `${document}.type` ? 'DOCUMENT_OF_ANOTHER_KIND' : CODES[error.code] ?? 'DOCUMENT_MALFORMED'
  return problem(code, { document, ...path })
}
