import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { LedgerError } from './errors.js'

/** A peer of a connection profile. */
export interface ProfilePeer {
  readonly name: string
  /** grpcs://host:port, or grpc:// without TLS. */
  readonly url: string
  readonly tlsRootsPem: string | undefined
  /** The name in the peer's TLS certificate, where it is not the url's host. */
  readonly hostname: string | undefined
}

/** What the adapters need of a Fabric connection profile with the extension `x-steelyard`. */
export interface LedgerProfile {
  readonly mspId: string
  readonly channel: string
  readonly chaincode: string
  /** The peers of the client's own organization, then the others that the profile lists. */
  readonly peers: readonly [ProfilePeer, ...ProfilePeer[]]
  readonly ca: { readonly url: string, readonly name: string, readonly tlsRootsPem: string }
  readonly registrar: { readonly id: string, readonly secretFile: string }
  /** The profile as fabric-network takes it. */
  readonly raw: Record<string, unknown>
}

/** The profile as fabric-network takes it, without the peers of the client's own organization; undefined when no other is left. */
export function rawWithoutOwnPeers ({ raw, mspId }: LedgerProfile): Record<string, unknown> | undefined {
  const { organizations = {}, peers = {}, channels = {} } = raw as RawProfile
  const own = new Set(Object.values(organizations).filter(({ mspid }) => mspid === mspId).flatMap((org) => org.peers ?? []))
  const others = Object.keys(peers).filter((name) => !own.has(name))
  if (others.length === 0) return undefined
  const left = Object.fromEntries(others.map((name) => [name, peers[name]]))
  const named = Object.entries(channels).map(([name, channel]) => [name, { ...channel, peers: others }])
  return { ...raw, peers: left, channels: Object.fromEntries(named) }
}

interface RawPeer { url?: string, tlsCACerts?: { pem?: string, path?: string }, grpcOptions?: Record<string, unknown> }
interface RawProfile {
  client?: { organization?: string }
  organizations?: Record<string, { mspid?: string, peers?: string[] }>
  peers?: Record<string, RawPeer>
  channels?: Record<string, object>
  'x-steelyard'?: {
    caUrl?: string
    caName?: string
    caTlsPem?: string
    registrar?: { id?: string, secretFile?: string }
    mspId?: string
    channel?: string
    chaincode?: string
  }
}

function problem (path: string, what: string, cause?: unknown): LedgerError {
  return new LedgerError({ code: 'CONFIGURATION', message: `connection profile ${path}: ${what}`, cause })
}

/** Reads a connection profile; relative paths in it are relative to its folder. */
export async function readProfile (path: string): Promise<LedgerProfile> {
  let raw: RawProfile
  try {
    raw = JSON.parse(await readFile(path, 'utf8')) as RawProfile
  } catch (cause) {
    throw problem(path, 'cannot be read as JSON', cause)
  }
  const own = raw['x-steelyard'] ?? {}
  const need = (value: string | undefined, name: string): string => {
    if (typeof value !== 'string' || value === '') throw problem(path, `${name} is missing`)
    return value
  }
  const mspId = need(own.mspId, 'x-steelyard.mspId')
  const [first, ...others] = await peersOf(path, raw, mspId)
  if (first === undefined) throw problem(path, 'lists no peer')
  return {
    mspId,
    channel: need(own.channel, 'x-steelyard.channel'),
    chaincode: need(own.chaincode, 'x-steelyard.chaincode'),
    peers: [first, ...others],
    ca: {
      url: need(own.caUrl, 'x-steelyard.caUrl'),
      name: need(own.caName, 'x-steelyard.caName'),
      tlsRootsPem: own.caTlsPem ?? ''
    },
    registrar: {
      id: need(own.registrar?.id, 'x-steelyard.registrar.id'),
      secretFile: resolve(dirname(path), need(own.registrar?.secretFile, 'x-steelyard.registrar.secretFile'))
    },
    raw: raw as Record<string, unknown>
  }
}

async function peersOf (path: string, raw: RawProfile, mspId: string): Promise<ProfilePeer[]> {
  const organizations = Object.values(raw.organizations ?? {})
  const own = organizations.filter((org) => org.mspid === mspId).flatMap((org) => org.peers ?? [])
  const names = new Set([...own, ...Object.keys(raw.peers ?? {})])
  const out: ProfilePeer[] = []
  for (const name of names) out.push(await peerOf(path, name, raw.peers?.[name] ?? {}))
  return out
}

async function peerOf (path: string, name: string, { url, tlsCACerts, grpcOptions }: RawPeer): Promise<ProfilePeer> {
  if (url === undefined) throw problem(path, `peer ${name} has no url`)
  const { pem, path: file } = tlsCACerts ?? {}
  const hostname = grpcOptions?.['ssl-target-name-override']
  return {
    name,
    url,
    tlsRootsPem: pem ?? (file === undefined ? undefined : await readFile(resolve(dirname(path), file), 'utf8')),
    hostname: typeof hostname === 'string' ? hostname : undefined
  }
}
