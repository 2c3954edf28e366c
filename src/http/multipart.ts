import type { MultipartFile, MultipartValue } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { parseJson } from './json.js'
import { HttpError } from './problems.js'

/** What a route makes of the parts of a form. Parts come in any order, each name once. */
export interface FormReader {
  /** Must consume the stream. */
  file (name: string, stream: AsyncIterable<Uint8Array>, filename: string): Promise<void>
  field (name: string, value: string): void
}

/** The part that holds the file itself: its content never is a field's. */
const FILE_PART = 'file'

/**
 * Reads a multipart body to its end, streaming. A file over the limit, a body that is cut, parts over their limits or a name given
 * twice end in an HttpError; the caller discards what it has taken by then.
 */
export async function readForm (request: FastifyRequest, reader: FormReader, maxFileSize: number): Promise<void> {
  const seen = new Set<string>()
  try {
    for await (const part of request.parts()) {
      if (seen.has(part.fieldname)) throw new HttpError('MULTIPART_INVALID', `the part ${part.fieldname} is there twice`)
      seen.add(part.fieldname)
      if (part.type === 'file') await readFile(part, reader, maxFileSize)
      else if (part.fieldname === FILE_PART) throw new HttpError('FILE_MISSING', 'the part file is a field and not a file; with curl, send it by -F file=@PATH')
      else reader.field(part.fieldname, textOf(part))
    }
  } catch (error) {
    throw asFormError(error)
  }
}

async function readFile (part: MultipartFile, reader: FormReader, maxFileSize: number): Promise<void> {
  await reader.file(part.fieldname, part.file, part.filename)
  if (part.file.truncated) throw new HttpError('FILE_TOO_LARGE', `the file ${part.fieldname} is larger than ${maxFileSize} bytes`)
}

function textOf ({ fieldname, value, fieldnameTruncated, valueTruncated }: MultipartValue): string {
  if (fieldnameTruncated || valueTruncated || typeof value !== 'string') {
    throw new HttpError('FIELD_INVALID', `the field ${fieldname} is too long`)
  }
  return value
}

/** The parser raises plain errors for a body that ends early or is no form: the sender's fault, not ours. */
function asFormError (error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof HttpError) return error
  const { code } = error as { code?: unknown }
  const isParser = code === undefined && error.name === 'Error'
  const isCut = code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ABORT_ERR'
  return isParser || isCut ? new HttpError('MULTIPART_INVALID', `the form cannot be read: ${error.message}`, { cause: error }) : error
}

/** Lower-case hex of a digest given in a form. */
export function digestField (name: string, value: string): string {
  const text = value.trim().toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(text)) throw new HttpError('FIELD_INVALID', `${name} must be 64 hexadecimal digits`)
  return text
}

/** JSON object given in a form. */
export function jsonField (name: string, value: string): Record<string, unknown> {
  try {
    const parsed = parseJson(value)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>
  } catch (cause) {
    if (cause instanceof HttpError) throw cause
    throw new HttpError('FIELD_INVALID', `${name} is not JSON`, { cause })
  }
  throw new HttpError('FIELD_INVALID', `${name} must be a JSON object`)
}
