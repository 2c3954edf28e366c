/**
 * The description of a consortium (consortium.yaml): read strictly, so that a typing error is named and not ignored.
 * @module
 */
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { type Infer, boolean, integer, list, matching, object, oneOf } from '../../src/core/strict.js'
import { ORDERING, type Ordering } from '../embedded/genesis/channel-config.js'
import { NativeNetworkError } from './errors.js'

const orgName = matching(/^[a-z][a-z0-9-]{0,30}$/, 'lower-case letters, digits and dashes')
const mspName = matching(/^[A-Za-z][A-Za-z0-9.-]{0,62}$/, 'letters, digits, dots and dashes')
const hostName = matching(/^[A-Za-z0-9.:-]{1,253}$/, 'a host name or address')
const duration = matching(/^[1-9][0-9]*(ms|s|m)$/, 'a duration such as 100ms, 5s or 2m')
const rule = oneOf('ANY', 'ALL', 'MAJORITY')
const port = integer(1, 65_535)

const ports = object({}, {
  peer: port,
  peerChaincode: port,
  peerOperations: port,
  orderer: port,
  ordererAdmin: port,
  ordererOperations: port,
  ca: port,
  caOperations: port,
  chaincode: port
})

const organization = object({ name: orgName }, {
  title: matching(/^[A-Z][A-Za-z0-9]{0,30}$/, 'a capital letter, then letters and digits'),
  operator: boolean,
  mspId: mspName,
  ordererMspId: mspName,
  domain: hostName,
  host: hostName,
  listen: hostName,
  ports
})

const file = object({
  format: integer(1, 1),
  channel: matching(/^[a-z][a-z0-9.-]{0,248}$/, 'lower-case letters, digits, dots and dashes'),
  chaincode: object({
    name: matching(/^[A-Za-z0-9]+([-_][A-Za-z0-9]+)*$/, 'a chaincode name'),
    version: matching(/^[A-Za-z0-9_.+-]{1,40}$/, 'a chaincode version')
  }),
  organizations: list(organization, 64, 1)
}, {
  policies: object({}, { endorsement: rule, lifecycle: rule, admins: rule }),
  ordering: object({}, {
    requestForwardTimeout: duration,
    requestBatchMaxInterval: duration,
    requestComplainTimeout: duration,
    leaderHeartbeatTimeout: duration,
    viewChangeTimeout: duration,
    batch: object({}, {
      messages: integer(1, 100_000),
      preferredBytes: integer(1024, 100_000_000),
      absoluteBytes: integer(1024, 100_000_000)
    })
  })
})

type File = Infer<typeof file>
type FileOrg = File['organizations'][number]

/** Every port of one organization. */
export type PortName = 'peer' | 'peerChaincode' | 'peerOperations' | 'orderer' | 'ordererAdmin' | 'ordererOperations' |
  'ca' | 'caOperations' | 'chaincode'
export const PORT_NAMES: readonly PortName[] = [
  'peer', 'peerChaincode', 'peerOperations', 'orderer', 'ordererAdmin', 'ordererOperations', 'ca', 'caOperations', 'chaincode'
]

/** One organization with nothing left open but the ports that are to be assigned. */
export interface ConsortiumOrg {
  readonly name: string
  readonly title: string
  readonly operator: boolean
  readonly mspId: string
  readonly ordererMspId: string
  readonly domain: string
  readonly host: string
  readonly listen: string
  readonly ports: Readonly<Partial<Record<PortName, number>>>
  /** Only of one that came after the channel's genesis: the number of its consenter, absent when it has no orderer. */
  readonly joined?: { readonly consenter?: number }
}

/** How the channel decides. */
export type Rule = 'ANY' | 'ALL' | 'MAJORITY'

/** A consortium, complete. */
export interface Consortium {
  readonly channel: string
  readonly chaincode: { readonly name: string, readonly version: string }
  readonly organizations: readonly ConsortiumOrg[]
  readonly policies: { readonly endorsement: Rule, readonly lifecycle: Rule, readonly admins: Rule }
  readonly ordering: Ordering
}

/** Reads a description. */
export function readConsortium (path: string): Consortium {
  try {
    return parseConsortium(readFileSync(path, 'utf8'))
  } catch (cause) {
    if (cause instanceof NativeNetworkError) throw cause
    throw new NativeNetworkError({ code: 'DESCRIPTION', message: `${path} cannot be read: ${String(cause)}`, cause })
  }
}

/**
 * Parses the text of a description.
 * @throws NativeNetworkError DESCRIPTION naming the member at fault
 */
export function parseConsortium (text: string): Consortium {
  let parsed: File
  try {
    parsed = file(parse(text), 'consortium')
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new NativeNetworkError({ code: 'DESCRIPTION', message, cause })
  }
  const organizations = parsed.organizations.map(complete)
  checkDistinct(organizations)
  const { batch, ...ordering } = parsed.ordering ?? {}
  return {
    channel: parsed.channel,
    chaincode: parsed.chaincode,
    organizations: withOperator(organizations),
    policies: { endorsement: 'MAJORITY', lifecycle: 'MAJORITY', admins: 'MAJORITY', ...parsed.policies },
    ordering: { ...ORDERING, ...ordering, batch: { ...ORDERING.batch, ...batch } }
  }
}

/**
 * An organization that is to join later, with nothing left open.
 * @throws NativeNetworkError DESCRIPTION
 */
export function describeOrganization (name: string, present: readonly ConsortiumOrg[]): ConsortiumOrg {
  let described: ConsortiumOrg
  try {
    described = complete(organization({ name }, 'organization'))
  } catch (cause) {
    throw new NativeNetworkError({ code: 'DESCRIPTION', message: cause instanceof Error ? cause.message : String(cause), cause })
  }
  checkDistinct([...present, described])
  return described
}

function complete (org: FileOrg): ConsortiumOrg {
  const title = org.title ?? org.name.charAt(0).toUpperCase() + org.name.slice(1)
  return {
    title,
    operator: false,
    mspId: `${title}MSP`,
    ordererMspId: `${title}OrdererMSP`,
    domain: `${org.name}.example`,
    host: 'localhost',
    listen: '127.0.0.1',
    ports: {},
    ...org
  }
}

function checkDistinct (organizations: readonly ConsortiumOrg[]): void {
  const seen = new Set<string>()
  for (const org of organizations) {
    for (const value of [`name ${org.name}`, `msp ${org.mspId}`, `msp ${org.ordererMspId}`, `domain ${org.domain}`]) {
      if (seen.has(value)) throw new NativeNetworkError({ code: 'DESCRIPTION', message: `${value} is used twice` })
      seen.add(value)
    }
  }
}

function withOperator (organizations: readonly ConsortiumOrg[]): readonly ConsortiumOrg[] {
  const marked = organizations.filter((org) => org.operator)
  if (marked.length > 1) throw new NativeNetworkError({ code: 'DESCRIPTION', message: 'only one organization can be the operator' })
  if (marked.length === 1) return organizations
  return organizations.map((org, i) => (i === organizations.length - 1 ? { ...org, operator: true } : org))
}
