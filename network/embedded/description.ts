/**
 * What a network is made of: organizations, channel and chaincodes. Written once when the folder is made (network.json) and
 * never changed afterwards, apart from ports and added chaincodes.
 * @module
 */
import { join } from 'node:path'
import { EmbeddedNetworkError } from './errors.js'
import { readIfPresent, writePrivate } from './files.js'

/** One organization of the description. */
export interface OrgDescription {
  readonly name: string
  readonly mspId: string
  readonly ordererMspId: string
  readonly domain: string
  readonly ports: { peer: number, orderer: number, ca: number }
}

/** A chaincode and the version that its definition names. */
export interface ChaincodeDescription {
  readonly name: string
  readonly version: string
}

/** The content of network.json. */
export interface NetworkDescription {
  readonly format: 1
  readonly kind: NetworkKind
  readonly channel: string
  readonly organizations: readonly OrgDescription[]
  /** Name of the organization that runs the service: the only one, or `platform` where it exists, else the first. */
  readonly operator: string
}

/** Written into every certificate and into the trust facts: a guard against taking such a network for a consortium. */
export type NetworkKind = 'embedded-single' | 'embedded-development'

/** What a caller may choose. */
export interface DescriptionOptions {
  /** 1 to 16, default 1. */
  readonly orgs?: number
  /** Default `evidence`. */
  readonly channel?: string
}

const FOUR = ['court', 'notary', 'forensic', 'platform']
const MOST = 16
const FILE = 'network.json'

/** A description by number of organizations, all ports still 0. */
export function describeNetwork (options: DescriptionOptions): NetworkDescription {
  const count = options.orgs ?? 1
  const channel = options.channel ?? 'evidence'
  if (!Number.isInteger(count) || count < 1 || count > MOST) {
    throw new EmbeddedNetworkError({ code: 'DESCRIPTION', message: `the number of organizations must be 1 to ${MOST}` })
  }
  if (!/^[a-z][a-z0-9.-]{0,248}$/.test(channel)) {
    throw new EmbeddedNetworkError({ code: 'DESCRIPTION', message: 'a channel name is lower-case letters, digits, dots and dashes' })
  }
  const names = namesOf(count)
  return {
    format: 1,
    kind: count === 1 ? 'embedded-single' : 'embedded-development',
    channel,
    organizations: names.map(organization),
    operator: names.find((name) => name === 'platform') ?? names[0] ?? 'operator'
  }
}

function namesOf (count: number): string[] {
  if (count === 1) return ['operator']
  return Array.from({ length: count }, (_, i) => FOUR[i] ?? `org${i + 1}`)
}

function organization (name: string): OrgDescription {
  const title = name.charAt(0).toUpperCase() + name.slice(1)
  return {
    name,
    mspId: `${title}MSP`,
    ordererMspId: `${title}OrdererMSP`,
    domain: `${name}.example`,
    ports: { peer: 0, orderer: 0, ca: 0 }
  }
}

/** Whether a network was made in a folder. */
export function isDescribed (folder: string): boolean {
  return readIfPresent(join(folder, FILE)) !== undefined
}

/** The description of a folder, or undefined if no network was made in it. */
export function readDescription (folder: string): NetworkDescription | undefined {
  const text = readIfPresent(join(folder, FILE))
  if (text === undefined) return undefined
  try {
    const description = JSON.parse(text) as Omit<NetworkDescription, 'format'> & { format: number }
    if (description.format !== 1 || description.organizations.length === 0) throw new Error('unknown format')
    return { ...description, format: 1 }
  } catch (cause) {
    throw new EmbeddedNetworkError({ code: 'FOLDER_DAMAGED', message: `${FILE} cannot be read`, cause })
  }
}

/** Stores the description, 0600. */
export function writeDescription (folder: string, description: NetworkDescription): void {
  writePrivate(join(folder, FILE), `${JSON.stringify(description, null, 2)}\n`)
}
