/** The headers of the tus resumable upload protocol 1.0.0, https://tus.io/protocols/resumable-upload. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Json } from '../core/jcs.js'
import { FIELD } from '../core/metadata.js'
import type { Expected, Said } from '../notary/intake.js'
import type { Checksum } from '../notary/upload-body.js'
import type { UploadState } from '../notary/uploads.js'
import { claimField } from './claim.js'
import { digestField, jsonField } from './multipart.js'
import { HttpError } from './problems.js'

export const TUS_VERSION = '1.0.0'
/** Of the bytes in a request. */
export const BYTES = 'application/offset+octet-stream'
const EXTENSIONS = 'creation,creation-with-upload,creation-defer-length,termination,expiration,checksum'
/** Names for Upload-Checksum are those of node:crypto. */
const CHECKSUMS = ['sha256', 'sm3', 'sha1', 'md5']
const CHECKSUM = /^([a-z0-9]+) ([A-Za-z0-9+/]+={0,2})$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const INTEGER = /^(0|[1-9][0-9]{0,15})$/

/** What the server can do, as OPTIONS tells it. */
export function abilities (maxFileSize: number): Record<string, string> {
  return {
    'tus-version': TUS_VERSION,
    'tus-extension': EXTENSIONS,
    'tus-max-size': String(maxFileSize),
    'tus-checksum-algorithm': CHECKSUMS.join(',')
  }
}

/** Refuses a request of another version of the protocol, and says the version in every answer. */
export function requireVersion (request: FastifyRequest, reply: FastifyReply): void {
  void reply.header('tus-resumable', TUS_VERSION)
  if (request.method === 'OPTIONS' || request.method === 'GET' || request.headers['tus-resumable'] === TUS_VERSION) return
  void reply.header('tus-version', TUS_VERSION)
  throw new HttpError('TUS_VERSION', `the request needs Tus-Resumable: ${TUS_VERSION}`)
}

/** How far an upload is. */
export function progressHeaders ({ offset, expiresAt, deposited }: UploadState): Record<string, string> {
  return {
    'upload-offset': String(offset),
    'upload-expires': new Date(expiresAt).toUTCString(),
    'cache-control': 'no-store',
    ...(deposited === undefined ? {} : { 'steelyard-number': deposited.number })
  }
}

/** A header that is a number of bytes; undefined without it. */
export function bytesHeader (request: FastifyRequest, name: string): number | undefined {
  const value = request.headers[name]
  if (value === undefined) return undefined
  if (typeof value !== 'string' || !INTEGER.test(value)) throw new HttpError('FIELD_INVALID', `${name} must be a number of bytes`)
  return Number(value)
}

/** The length that a new upload announces; undefined when it will be said later. */
export function announcedLength (request: FastifyRequest): number | undefined {
  const length = bytesHeader(request, 'upload-length')
  const deferred = request.headers['upload-defer-length']
  if ((length === undefined) === (deferred === undefined) || (deferred !== undefined && deferred !== '1')) {
    throw new HttpError('FIELD_INVALID', 'a new upload needs either upload-length or upload-defer-length: 1')
  }
  return length
}

export function checksumOf (request: FastifyRequest): Checksum | undefined {
  const value = request.headers['upload-checksum']
  if (value === undefined) return undefined
  const [, algorithm = '', digest = ''] = typeof value === 'string' ? CHECKSUM.exec(value) ?? [] : []
  if (!CHECKSUMS.includes(algorithm)) throw new HttpError('FIELD_INVALID', `upload-checksum must be one of ${CHECKSUMS.join(', ')}, a space, and the digest in base64`)
  return { algorithm, digest: Buffer.from(digest, 'base64') }
}

/**
 * Upload-Metadata: `filename` and `filetype`, which become fields of the deposit's metadata, and the parts that a form has beside its file.
 * What is not known is refused: it would be dropped without a word.
 */
export function readMetadata (header: string | undefined): { expected: Expected, said: Said } {
  const expected: { sha256?: string, sm3?: string } = {}
  const named: Record<string, Json> = {}
  const parts: { metadata?: Record<string, Json>, claim?: Said['claim'] } = {}
  for (const [name, value] of pairs(header)) {
    if (name === 'sha256' || name === 'sm3') expected[name] = digestField(name, value)
    else if (name === 'filename') named[FIELD.fileName] = value
    else if (name === 'filetype') named.fileType = value
    else if (name === 'metadata') parts.metadata = jsonField(name, value) as Record<string, Json>
    else if (name === 'claim') parts.claim = claimField(jsonField(name, value))
    else throw new HttpError('FIELD_INVALID', `upload-metadata has no ${name}; it takes filename, filetype, metadata, sha256, sm3 and claim`)
  }
  const metadata = { ...named, ...parts.metadata } // what is said in full counts more than what a client adds by itself
  return { expected, said: { metadata: Object.keys(metadata).length === 0 ? parts.metadata : metadata, claim: parts.claim } }
}

function pairs (header: string | undefined): Map<string, string> {
  const out = new Map<string, string>()
  if (header === undefined || header === '') return out
  for (const pair of header.split(',')) {
    const [name = '', value = '', ...rest] = pair.trim().split(' ')
    if (name === '' || rest.length > 0 || !BASE64.test(value)) throw new HttpError('FIELD_INVALID', 'upload-metadata must be pairs of a name and a value in base64, with commas between them')
    if (out.has(name)) throw new HttpError('FIELD_INVALID', `upload-metadata has ${name} twice`)
    out.set(name, textOf(name, value))
  }
  return out
}

function textOf (name: string, value: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'base64'))
  } catch (cause) {
    throw new HttpError('FIELD_INVALID', `${name} in upload-metadata is not UTF-8`, { cause })
  }
}
