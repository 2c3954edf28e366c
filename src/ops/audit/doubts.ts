import type { Findings } from '../report.js'

/** What could not be decided, once for each kind: a channel may have the same thing in every block. */
export interface Doubts {
  note (what: string, why: string, block: number): void
  tell (findings: Findings): void
}

/** Kinds that are told apart; what blocks hold decides their texts, so that they are bounded. */
const MOST_KINDS = 100

export function createDoubts (): Doubts {
  const kinds = new Map<string, { readonly what: string, readonly why: string, readonly block: number, count: number }>()
  let others = 0
  return {
    note (what, why, block) {
      const kind = kinds.get(`${what}\n${why}`)
      if (kind !== undefined) kind.count++
      else if (kinds.size < MOST_KINDS) kinds.set(`${what}\n${why}`, { what, why, block, count: 1 })
      else others++
    },
    tell (findings) {
      for (const { what, why, block, count } of kinds.values()) {
        findings.couldNotCheck(count === 1 ? `${what}, in block ${block}` : `${what}, ${count} times from block ${block} on`, why)
      }
      if (others > 0) findings.couldNotCheck(`${others} further things`, 'of more kinds than are told apart')
    }
  }
}
