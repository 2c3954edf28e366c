import { AUDIT_SAYS } from '../../core/audit-wording.js'
import type { Sentences } from '../../core/findings.js'
import type { Telling } from './telling.js'

/** What could not be decided, once for each kind: a channel may have the same thing in every block. */
export interface Doubts {
  note (what: Sentences, why: Sentences, block: number): void
  tell (telling: Telling): void
}

/** Kinds that are told apart; what blocks hold decides their texts, so that they are bounded. */
const MOST_KINDS = 100

export function createDoubts (): Doubts {
  const kinds = new Map<string, { readonly what: Sentences, readonly why: Sentences, readonly block: number, count: number }>()
  let others = 0
  return {
    note (what, why, block) {
      const name = `${what.en}\n${why.en}`
      const kind = kinds.get(name)
      if (kind !== undefined) kind.count++
      else if (kinds.size < MOST_KINDS) kinds.set(name, { what, why, block, count: 1 })
      else others++
    },
    tell (telling) {
      for (const { what, why, block, count } of kinds.values()) {
        telling.couldNotCheck(count === 1 ? AUDIT_SAYS.inBlock(what, block) : AUDIT_SAYS.times(what, count, block), why)
      }
      if (others > 0) telling.couldNotCheck(AUDIT_SAYS.others(others), AUDIT_SAYS.moreKinds)
    }
  }
}
