import {
  type Finding, type FindingCode, type FindingEvidence, type FindingName, type Omission, type OmissionCode, type OmissionEvidence,
  type Remark, type RemarkCode, type RemarkEvidence, STATES
} from '../findings.js'
import { findingSentences, omissionSentences, remarkSentences } from '../wording.js'

export function finding<C extends FindingCode> (name: FindingName, code: C, evidence: FindingEvidence[C]): Finding {
  return { name, state: STATES[code], code, evidence, sentences: findingSentences(code, evidence) }
}

export function remark<C extends RemarkCode> (code: C, evidence: RemarkEvidence[C]): Remark {
  return { code, evidence, sentences: remarkSentences(code, evidence) }
}

export function omission<C extends OmissionCode> (code: C, evidence: OmissionEvidence[C]): Omission {
  return { code, evidence, sentences: omissionSentences(code, evidence) }
}

/** A code that stands against a finding, before it is known which finding it goes into. */
export interface Problem<C extends FindingCode = FindingCode> {
  readonly code: C
  readonly evidence: FindingEvidence[C]
}

export function problem<C extends FindingCode> (code: C, evidence: FindingEvidence[C]): Problem {
  return { code, evidence }
}

/**
 * The problem to report when there are several: whatever differs before whatever could not be checked, and of these the
 * first. Checks are lazy, so that each may rely on those before it; a later one runs also when an earlier could only not be checked.
 */
export function worst (checks: readonly (() => Problem | undefined)[]): Problem | undefined {
  let unchecked: Problem | undefined
  for (const check of checks) {
    const found = check()
    if (found === undefined) continue
    if (STATES[found.code] === 'differs') return found
    unchecked ??= found
  }
  return unchecked
}

/** The finding that a problem makes. */
export function asFinding (name: FindingName, { code, evidence }: Problem): Finding {
  return finding(name, code, evidence)
}
