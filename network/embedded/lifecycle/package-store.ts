/**
 * The packages that one organization's peer has: those in its folder, and those of the chaincodes that this network runs itself, which
 * every peer has from the start.
 * @module
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { toHex } from '../../../src/core/bytes.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { EmbeddedNetworkError } from '../errors.js'
import { privateFolder, writePrivate } from '../files.js'
import { type ChaincodePackage, parsePackage } from './package.js'
import { LifecycleRefusal } from './refusal.js'
import { fieldValue } from './state.js'

const EXTENSION = '.tar.gz'

/** Owns an organization's folder `packages`; read once, when it is opened. */
export class PackageStore {
  readonly #folder: string
  readonly #packages = new Map<string, ChaincodePackage>()
  /** By the hash that an approval has of the package id. */
  readonly #byHash = new Map<string, ChaincodePackage>()

  constructor (orgFolder: string, managed: readonly ChaincodePackage[]) {
    this.#folder = privateFolder(join(orgFolder, 'packages'))
    for (const each of [...managed, ...readPackages(this.#folder)]) this.#add(each)
  }

  all (): ChaincodePackage[] {
    return [...this.#packages.values()]
  }

  get (packageId: string): ChaincodePackage | undefined {
    return this.#packages.get(packageId)
  }

  /** The package with whose id an approval has this hash (see `Approval`). */
  byHash (hash: string): ChaincodePackage | undefined {
    return this.#byHash.get(hash)
  }

  /** Stores a package. @throws LifecycleRefusal for one that is none, or is there */
  install (archive: Uint8Array): ChaincodePackage {
    const parsed = parsePackage(Uint8Array.from(archive))
    if (this.#packages.has(parsed.packageId)) {
      throw new LifecycleRefusal(`chaincode already successfully installed (package ID '${parsed.packageId}')`)
    }
    writePrivate(join(this.#folder, parsed.packageId.replace(':', '.') + EXTENSION), parsed.archive)
    this.#add(parsed)
    return parsed
  }

  #add (each: ChaincodePackage): void {
    this.#packages.set(each.packageId, each)
    this.#byHash.set(toHex(nodeCrypto.sha256(fieldValue(each.packageId))), each)
  }
}

function readPackages (folder: string): ChaincodePackage[] {
  return readdirSync(folder).filter((name) => name.endsWith(EXTENSION)).map((name) => {
    try {
      return parsePackage(Uint8Array.from(readFileSync(join(folder, name))))
    } catch (cause) {
      throw new EmbeddedNetworkError({ code: 'FOLDER_DAMAGED', message: `the package ${name} cannot be read`, cause })
    }
  })
}
