/**
 * What an organization gives to the others, and takes from them, where each has its own machine: certificates, and nothing else. A part is
 * one small file; those of the others are unpacked to where their certificates would lie if all were in one folder.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Infer, literal, map, matching, object } from '../../src/core/strict.js'
import { privateFolder, writePrivate } from '../embedded/files.js'
import { NativeNetworkError } from './errors.js'
import type { Layout } from './layout.js'
import type { PlacedOrg } from './state.js'

/** What is public of an organization's folder. */
const FILES = [
  'ca/ca-cert.pem', 'orderer-ca/ca-cert.pem', 'tls-ca/ca-cert.pem', 'peer/tls/ca.crt', 'orderer/tls/ca.crt', 'orderer/tls/server.crt',
  'orderer/msp/signcerts/cert.pem'
] as const

const certificate = matching(/^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]{100,8000}\n-----END CERTIFICATE-----\n?\n?$/, 'one certificate in PEM')

const part = object({
  type: literal('steelyard/organization/v1'),
  name: matching(/^[a-z][a-z0-9-]{0,30}$/, 'lower-case letters, digits and dashes'),
  mspId: matching(/^[A-Za-z][A-Za-z0-9.-]{0,62}$/, 'letters, digits, dots and dashes'),
  ordererMspId: matching(/^[A-Za-z][A-Za-z0-9.-]{0,62}$/, 'letters, digits, dots and dashes'),
  certificates: map(/^[a-z./-]{1,60}$/, certificate, FILES.length)
})

/** The file that an organization gives to the others. */
export function publicPartFile (layout: Layout, name: string): string {
  return join(layout.publicParts, `${name}.json`)
}

/** Writes the own organization's part. */
export function publish (layout: Layout, { name, mspId, ordererMspId }: PlacedOrg): void {
  const { folder } = layout.org(name)
  const own: Infer<typeof part> = {
    type: 'steelyard/organization/v1',
    name,
    mspId,
    ordererMspId,
    certificates: Object.fromEntries(FILES.map((file) => [file, readFileSync(join(folder, file), 'utf8')]))
  }
  privateFolder(layout.publicParts)
  writePrivate(publicPartFile(layout, name), `${JSON.stringify(own, null, 2)}\n`)
}

/**
 * Unpacks the parts of the others that are there, and names the organizations whose part is not.
 * @throws NativeNetworkError FOLDER_DAMAGED for a part that is not what its name says
 */
export function takeParts (layout: Layout, own: PlacedOrg, orgs: readonly PlacedOrg[]): string[] {
  const others = orgs.filter(({ name }) => name !== own.name)
  const present = existsSync(layout.publicParts) ? readdirSync(layout.publicParts) : []
  for (const org of others) {
    if (present.includes(`${org.name}.json`)) take(layout, org)
  }
  return others.map(({ name }) => name).filter((name) => !present.includes(`${name}.json`))
}

function take (layout: Layout, org: PlacedOrg): void {
  const file = publicPartFile(layout, org.name)
  let read: Infer<typeof part>
  try {
    read = part(JSON.parse(readFileSync(file, 'utf8')), org.name)
  } catch (cause) {
    throw damaged(`${file} is not the part of an organization: ${cause instanceof Error ? cause.message : String(cause)}`, cause)
  }
  const differs = (['name', 'mspId', 'ordererMspId'] as const).find((member) => read[member] !== org[member])
  if (differs !== undefined) throw damaged(`${file} says ${differs} ${read[differs]}, the description ${org[differs]}`)
  for (const name of FILES) {
    const pem = read.certificates[name]
    if (pem === undefined) throw damaged(`${file} lacks ${name}`)
    const to = join(layout.org(org.name).folder, name)
    privateFolder(dirname(to))
    writePrivate(to, pem)
  }
}

/** The bytes of all parts, in the order of the description: the same for everybody who has the same. */
export function allParts (layout: Layout, orgs: readonly PlacedOrg[]): Buffer {
  return Buffer.concat(orgs.flatMap(({ name }) => FILES.map((file) => readFileSync(join(layout.org(name).folder, file)))))
}

function damaged (message: string, cause?: unknown): NativeNetworkError {
  return new NativeNetworkError({ code: 'FOLDER_DAMAGED', message, cause })
}
