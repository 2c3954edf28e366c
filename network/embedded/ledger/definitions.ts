/**
 * Chaincode definitions as the `_lifecycle` namespace holds them, and what organizations approved of them.
 * @module
 */
import { equalBytes, toHex } from '../../../src/core/bytes.js'
import {
  type CommittedFields, type DefinitionField, definitionFieldKey, implicitCollection, lifecycleRules, readFields
} from '../../../src/core/fabric/commit/definition-rules.js'
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { type Approval, type ChaincodeDefinition, lifecycleNamespace } from '../channel.js'
import { definition, lifecycleDb } from '../proto.js'
import { hashedKey, hashedNamespace } from './keys.js'
import type { Store } from './store.js'

/** A definition with the rules that its transactions must satisfy. */
export interface CommittedDefinition extends ChaincodeDefinition {
  readonly rules: CommittedFields['rules']
  /** Values of the state that an approval must equal. */
  readonly parameters: ReadonlyMap<DefinitionField, Uint8Array>
}

interface Cache {
  readonly known: Map<string, CommittedDefinition>
  readonly approvals: Map<string, Approval>
  names: readonly string[] | undefined
}

function emptyCache (): Cache {
  return { known: new Map(), approvals: new Map(), names: undefined }
}

const FIELDS: readonly DefinitionField[] = ['Sequence', 'EndorsementInfo', 'ValidationInfo', 'Collections']
const METADATA = 'namespaces/metadata/'

/** Reads definitions of the committed state and keeps them until a block changes any. */
export class Definitions {
  readonly #store: Store
  #cache: Cache = emptyCache()

  constructor (store: Store) {
    this.#store = store
  }

  async get (name: string): Promise<CommittedDefinition | undefined> {
    const cache = this.#cache // what is read while a block changes it goes into the cache that is dropped
    const known = cache.known.get(name)
    if (known !== undefined) return known
    const found = await this.#read(name)
    if (found !== undefined) cache.known.set(name, found) // names that clients invent are not kept
    return found
  }

  async all (): Promise<CommittedDefinition[]> {
    const cache = this.#cache
    cache.names ??= await this.#readNames()
    const found = await Promise.all(cache.names.map(async (name) => await this.get(name)))
    return found.filter((each) => each !== undefined)
  }

  /** The rules for writes into a namespace; undefined where nothing is defined. */
  async rules (namespace: string, config: ChannelConfig): Promise<CommittedDefinition['rules'] | undefined> {
    return namespace === lifecycleNamespace ? lifecycleRules(config) : (await this.get(namespace))?.rules
  }

  /** What an organization approved of the definition in force, by the hashes in its implicit collection. */
  async approval (name: string, mspId: string): Promise<Approval> {
    const id = `${mspId}/${name}`
    const cache = this.#cache
    const known = cache.approvals.get(id)
    if (known !== undefined) return known
    const committed = await this.get(name)
    if (committed === undefined) return { approved: false }
    const approval = await this.#readApproval(committed, mspId)
    cache.approvals.set(id, approval)
    return approval
  }

  /** Call after a block that wrote into `_lifecycle` or a collection of it. */
  forget (): void {
    this.#cache = emptyCache()
  }

  async #read (name: string): Promise<CommittedDefinition | undefined> {
    const values = new Map<DefinitionField, Uint8Array>()
    for (const field of FIELDS) {
      const value = (await this.#store.state(lifecycleNamespace, definitionFieldKey(name, field)))?.value
      if (value !== undefined) values.set(field, value)
    }
    const fields = readFields((field) => values.get(field))
    if (fields === undefined) return undefined
    const info = lifecycleDb.StateData.deserializeBinary(values.get('EndorsementInfo') ?? new Uint8Array(0)).getBytes_asU8()
    values.delete('Sequence')
    return { name, ...fields, initRequired: definition.ChaincodeEndorsementInfo.deserializeBinary(info).getInitRequired(), parameters: values }
  }

  async #readNames (): Promise<string[]> {
    const names: string[] = []
    for await (const { key } of this.#store.range(lifecycleNamespace, METADATA, `${METADATA}\x7f`)) names.push(key.slice(METADATA.length))
    return names
  }

  async #readApproval ({ name, sequence, parameters }: CommittedDefinition, mspId: string): Promise<Approval> {
    const namespace = hashedNamespace(lifecycleNamespace, implicitCollection(mspId))
    const hashOf = async (key: string): Promise<Uint8Array | undefined> => (await this.#store.state(namespace, hashedKey(key)))?.value
    const matches = await Promise.all([...parameters].map(async ([field, value]) => {
      const approved = await hashOf(definitionFieldKey(`${name}#${sequence}`, field))
      return approved !== undefined && equalBytes(approved, nodeCrypto.sha256(value))
    }))
    const packageId = await hashOf(`chaincode-sources/fields/${name}#${sequence}/PackageID`)
    return { approved: matches.every(Boolean), ...(packageId === undefined ? {} : { packageHash: toHex(packageId) }) }
  }
}
