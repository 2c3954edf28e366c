/**
 * What an organization's CA remembers: identities and the certificates it issued, in one JSON file that is replaced as a whole.
 * Each change is durable before it is answered. Made for the size of a development network: every change writes the file.
 */
import { join } from 'node:path'
import { privateFolder, readIfPresent, writePrivate } from '../files.js'
import type { CaCertificate, CaIdentity } from './identity.js'

interface Content {
  readonly version: 1
  readonly identities: readonly CaIdentity[]
  readonly certificates: readonly CaCertificate[]
}

/** The durable state of one CA. */
export class CaStore {
  readonly #path: string
  readonly #identities: Map<string, CaIdentity>
  readonly #certificates: Map<string, CaCertificate>

  /** Opens the store in `folder`, or starts an empty one. */
  constructor (folder: string) {
    this.#path = join(privateFolder(folder), 'identities.json')
    const text = readIfPresent(this.#path)
    const content: Content = text === undefined ? { version: 1, identities: [], certificates: [] } : JSON.parse(text) as Content
    this.#identities = new Map(content.identities.map((identity) => [identity.id, identity]))
    this.#certificates = new Map(content.certificates.map((certificate) => [keyOf(certificate), certificate]))
  }

  identity (id: string): CaIdentity | undefined {
    return this.#identities.get(id)
  }

  identities (): CaIdentity[] {
    return [...this.#identities.values()]
  }

  putIdentity (identity: CaIdentity): void {
    this.#identities.set(identity.id, identity)
    this.#save()
  }

  certificate (serial: string, aki: string): CaCertificate | undefined {
    return this.#certificates.get(keyOf({ serial, aki }))
  }

  certificates (): CaCertificate[] {
    return [...this.#certificates.values()]
  }

  putCertificates (certificates: readonly CaCertificate[]): void {
    for (const certificate of certificates) this.#certificates.set(keyOf(certificate), certificate)
    this.#save()
  }

  #save (): void {
    const content: Content = { version: 1, identities: this.identities(), certificates: this.certificates() }
    writePrivate(this.#path, JSON.stringify(content))
  }
}

function keyOf ({ serial, aki }: { serial: string, aki: string }): string {
  return `${serial}/${aki}`
}
