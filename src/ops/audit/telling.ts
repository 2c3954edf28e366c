import type { Sentences } from '../../core/findings.js'
import type { DifferenceCode, Findings, Layer } from '../report.js'

interface Told { readonly layer: Layer, readonly code: DifferenceCode, readonly object: Sentences, readonly says: Sentences }

/** What an audit finds is read by experts and judges: everything is said in both languages. */
export interface Telling {
  differs (what: Told, position: number): void
  couldNotCheck (what: Sentences, why: Sentences): void
  note (text: Sentences): void
}

export function tellingOf (findings: Findings): Telling {
  return {
    differs ({ layer, code, object, says }, position) {
      findings.differs({ layer, code, object: object.en, says: says.en, zh: { object: object.zh, says: says.zh } }, position)
    },
    couldNotCheck: (what, why) => { findings.couldNotCheck(what.en, why.en, { what: what.zh, why: why.zh }) },
    note: ({ en, zh }) => { findings.note(en, zh) }
  }
}
