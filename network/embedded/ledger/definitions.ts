/**
 * Chaincode definitions as the `_lifecycle` namespace holds them.
 * @module
 */
import { type DefinitionField, definitionFieldKey, lifecycleRules, readFields } from '../../../src/core/fabric/commit/definition-rules.js'
import type { NamespaceRules } from '../../../src/core/fabric/commit/state.js'
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import { type ChaincodeDefinition, lifecycleNamespace } from '../channel.js'
import type { Store } from './store.js'

/** A definition with the rules that its transactions must satisfy. */
export interface CommittedDefinition extends ChaincodeDefinition {
  readonly rules: NamespaceRules | { readonly unread: string }
}

const FIELDS: readonly DefinitionField[] = ['Sequence', 'EndorsementInfo', 'ValidationInfo']

/** Reads definitions of the committed state and keeps them until a block changes any. */
export class Definitions {
  readonly #store: Store
  readonly #known = new Map<string, CommittedDefinition | undefined>()

  constructor (store: Store) {
    this.#store = store
  }

  async get (name: string): Promise<CommittedDefinition | undefined> {
    if (this.#known.has(name)) return this.#known.get(name)
    const found = await this.#read(name)
    if (found !== undefined) this.#known.set(name, found) // names that clients invent are not kept
    return found
  }

  /** The rules for writes into a namespace; undefined where nothing is defined. */
  async rules (namespace: string, config: ChannelConfig): Promise<CommittedDefinition['rules'] | undefined> {
    return namespace === lifecycleNamespace ? lifecycleRules(config) : (await this.get(namespace))?.rules
  }

  /** Call after a block that wrote into `_lifecycle`. */
  forget (): void {
    this.#known.clear()
  }

  async #read (name: string): Promise<CommittedDefinition | undefined> {
    const values = new Map<DefinitionField, Uint8Array | undefined>()
    for (const field of FIELDS) values.set(field, (await this.#store.state(lifecycleNamespace, definitionFieldKey(name, field)))?.value)
    const fields = readFields((field) => values.get(field))
    return fields === undefined ? undefined : { name, ...fields }
  }
}
