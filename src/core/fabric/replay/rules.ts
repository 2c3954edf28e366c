import { DOUBTS } from '../../audit-wording.js'
import type { Sentences } from '../../findings.js'
import { definitionFieldKey, lifecycleRules, readFields, withImplicitCollections } from '../commit/definition-rules.js'
import type { NamespaceRules } from '../commit/state.js'
import type { ChannelConfig } from '../config.js'
import { LIFECYCLE } from '../definition.js'
import { EvidenceError } from '../../errors.js'
import type { ReplayState } from './state.js'

/** The namespace in which Fabric 1.x kept chaincodes; a channel that was upgraded may still have some. */
const LEGACY = 'lscc'

/** Whose endorsements a namespace needs, by the definitions that the blocks committed so far. */
export function rulesIn (state: ReplayState, config: ChannelConfig, namespace: string): NamespaceRules | { readonly unread: Sentences } | undefined {
  if (namespace === LIFECYCLE) return lifecycleRules(config)
  const fields = read(state, namespace)
  if (fields === undefined) {
    return state.version({ namespace: LEGACY, key: namespace }) === undefined ? undefined : { unread: DOUBTS.oldChaincode }
  }
  const { rules } = fields
  return 'unread' in rules ? rules : withImplicitCollections(config, rules)
}

function read (state: ReplayState, namespace: string): { readonly rules: NamespaceRules | { readonly unread: Sentences } } | undefined {
  try {
    return readFields((field) => state.lifecycle(definitionFieldKey(namespace, field)))
  } catch (error) {
    if (error instanceof EvidenceError) return { rules: { unread: DOUBTS.definition } }
    throw error
  }
}
