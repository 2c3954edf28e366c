/**
 * A chaincode package: a gzipped archive of metadata.json and code.tar.gz. For chaincode that runs as a service the code is a
 * connection.json, which says where it listens.
 * @module
 */
import { createHash } from 'node:crypto'
import { fromUtf8 } from '../../../src/core/bytes.js'
import { ArchiveError, type UnpackedFile, untarGz } from '../../shared/untar.js'
import { tarGz } from '../../shared/tar.js'
import { LifecycleRefusal } from './refusal.js'

/** Where a chaincode service listens, and how it is to be reached. */
export interface ChaincodeEndpoint {
  /** host:port. */
  readonly address: string
  /** Milliseconds, default the network's own. */
  readonly dialTimeout?: number
  /** Absent: plain TCP. */
  readonly tls?: {
    readonly rootPem: string
    readonly client?: { readonly certPem: string, readonly keyPem: string }
    /** Name in the server's certificate, where it is not the address's. */
    readonly domain?: string
  }
}

/** A package as a peer knows it. */
export interface ChaincodePackage {
  /** Label and SHA-256 of the archive. */
  readonly packageId: string
  readonly label: string
  readonly archive: Uint8Array
  /** Absent: this network runs the chaincode itself. */
  readonly endpoint?: ChaincodeEndpoint
}

const LABEL = /^[A-Za-z0-9][A-Za-z0-9_.+-]*$/
/** In a managed package, where the address would be: official builders have the same placeholder. */
const PLACEHOLDER = '{{.address}}'

/** Reads a package that somebody wants installed. @throws LifecycleRefusal, in Fabric's words where it refuses the same */
export function parsePackage (archive: Uint8Array): ChaincodePackage {
  const { code, label, type } = orRefuse('could not parse as a chaincode install package: ', () => readPackage(archive))
  const packageId = `${label}:${createHash('sha256').update(archive).digest('hex')}`
  if (type.toLowerCase() !== 'ccaas') {
    throw new LifecycleRefusal(`could not build chaincode: this network builds no chaincode: the type of a package must be ccaas, it is ${type}`)
  }
  return { packageId, label, archive, endpoint: orRefuse('could not build chaincode: external builder failed: ', () => readEndpoint(code)) }
}

/** The package of a chaincode that this network runs itself: the same at every start, whatever port it gets. */
export function managedPackage (name: string): ChaincodePackage {
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
  const code = tarGz([{ name: 'connection.json', content: json({ address: PLACEHOLDER, dial_timeout: '3s', tls_required: false }) }])
  const archive = tarGz([{ name: 'metadata.json', content: json({ type: 'ccaas', label: name }) }, { name: 'code.tar.gz', content: code }])
  return { packageId: `${name}:${createHash('sha256').update(archive).digest('hex')}`, label: name, archive }
}

function readPackage (archive: Uint8Array): { code: UnpackedFile[], label: string, type: string } {
  const files = untarGz(archive)
  const code = files.find(({ name }) => name === 'code.tar.gz')
  if (code === undefined) throw new ArchiveError('did not find a code package inside the package')
  const metadata = files.find(({ name }) => name === 'metadata.json')
  if (metadata === undefined) throw new ArchiveError('did not find any package metadata (missing metadata.json)')
  const { label, type } = readObject(metadata, 'could not unmarshal metadata.json as json', 'persistence.ChaincodePackageMetadata')
  if (typeof label !== 'string' || !LABEL.test(label)) {
    const rule = 'Label must be non-empty, can only consist of alphanumerics, symbols from \'.+-_\', and can only begin with alphanumerics'
    throw new ArchiveError(`invalid label '${typeof label === 'string' ? label : ''}'. ${rule}`)
  }
  return { code: untarGz(code.content), label, type: typeof type === 'string' ? type : '' }
}

function readEndpoint (code: readonly UnpackedFile[]): ChaincodeEndpoint {
  const file = code.find(({ name }) => name === 'connection.json')
  if (file === undefined) throw new ArchiveError('connection.json not found')
  const connection = readObject(file, 'connection.json', 'connection')
  const text = (name: string): string => {
    const value = connection[name] ?? ''
    if (typeof value !== 'string') throw new ArchiveError(`connection.json: ${name} must be a string`)
    if (value.includes('{{')) throw new ArchiveError(`connection.json: this network has no value for the placeholder in ${name}`)
    return value
  }
  const address = text('address')
  if (!/^\[?[^\s/]+\]?:\d{1,5}$/.test(address)) throw new ArchiveError('connection.json: address must be host:port')
  const dialTimeout = readDuration(connection['dial_timeout'])
  return {
    address,
    ...(dialTimeout === undefined ? {} : { dialTimeout }),
    ...(connection['tls_required'] === true ? { tls: readTls(text, connection['client_auth_required'] === true) } : {})
  }
}

function readTls (text: (name: string) => string, clientAuth: boolean): NonNullable<ChaincodeEndpoint['tls']> {
  const needed = (name: string, what: string): string => {
    const value = text(name)
    if (value === '') throw new ArchiveError(`chaincode tls ${what} not provided`)
    return value
  }
  const domain = text('domain')
  const client = clientAuth ? { keyPem: needed('client_key', 'key'), certPem: needed('client_cert', 'cert') } : undefined
  return {
    rootPem: needed('root_cert', 'root cert'),
    ...(client === undefined ? {} : { client }),
    ...(domain === '' ? {} : { domain })
  }
}

const UNITS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Go's durations: nanoseconds, or texts such as `1m30s`. */
function readDuration (value: unknown): number | undefined {
  if (value === undefined || value === '' || value === 0) return undefined
  if (typeof value === 'number') return value / 1e6
  const text = typeof value === 'string' ? value : ''
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) throw new ArchiveError('connection.json: dial_timeout: invalid duration')
  return parts.reduce((sum, [, count = '', unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0), 0)
}

function readObject (file: UnpackedFile, what: string, type: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(fromUtf8(file.content))
  } catch (cause) {
    throw new ArchiveError(`${what}: ${cause instanceof Error ? cause.message : ''}`, { cause })
  }
  if (value === null) return {} // as Go takes it
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  throw new ArchiveError(`${what}: json: cannot unmarshal ${kind} into Go value of type ${type}`)
}

function orRefuse<T> (prefix: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof ArchiveError) throw new LifecycleRefusal(prefix + cause.message)
    throw cause
  }
}
