import type { Trust, TrustEvidence, TrustState } from './findings.js'
import type { TrustIdentity } from './trust-bundle.js'
import { trustSentences } from './wording.js'

/** A fingerprint that somebody took from elsewhere than the operator: a court, a notary, a gazette. */
export interface Pin {
  readonly fingerprint: string
  /** A date, for the report. Without one the fingerprint was given with the verification itself. */
  readonly pinnedOn?: string
  /** Where it was taken from, for the report. */
  readonly from?: string
}

/** Where a trust bundle came from: the user, the operator, or the proof that it is to check. */
export type BundleSource = 'given' | 'operator' | 'proof'

export interface TrustTerms {
  readonly bundleSource: BundleSource
  readonly pins?: readonly Pin[]
  /** The user says that the bundle is to be taken as it is. A pin that does not match is stronger. */
  readonly trustAsGiven?: boolean
}

/** The fingerprint as it is compared: 64 lower-case hexadecimal digits, whatever grouping was printed. Undefined when it is none. */
export function normalizeFingerprint (text: string): string | undefined {
  const digits = text.replace(/[\s:-]/g, '').toLowerCase()
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined
}

/** Whether a verifier may speak of the bundle's organizations by name. */
export function isAccepted (state: TrustState): boolean {
  return state === 'pinned' || state === 'as-given'
}

/** What the trust in a bundle rests on. */
export function decideTrust (fingerprint: string, identity: TrustIdentity, terms: TrustTerms): Trust {
  const pins = terms.pins ?? []
  const pin = pins.find((candidate) => normalizeFingerprint(candidate.fingerprint) === fingerprint)
  const state = stateOf(pin, pins.length, terms)
  return trust(state, {
    fingerprint,
    kind: identity.kind,
    ...(pin?.pinnedOn === undefined ? {} : { pinnedOn: pin.pinnedOn }),
    ...(pin?.from === undefined ? {} : { from: pin.from })
  })
}

function stateOf (pin: Pin | undefined, pins: number, terms: TrustTerms): TrustState {
  if (pin !== undefined) return 'pinned'
  if (pins > 0) return 'pin-differs'
  return terms.trustAsGiven === true ? 'as-given' : terms.bundleSource
}

export function trust (state: TrustState, evidence: TrustEvidence): Trust {
  return { state, ...evidence, sentences: trustSentences(state, evidence) }
}
