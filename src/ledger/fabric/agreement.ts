import { toBase64url, toHex } from '../../core/bytes.js'
import type { Crypto } from '../../core/crypto.js'
import type { FabricReadback, Identities } from '../../core/proof.js'
import type { AttestedQuery } from '../ledger.js'
import type { PeerAnswer, ProposalParts, SignedProposal } from './client.js'
import { FabricFailure } from './failure.js'
import type { Standings } from './standing.js'

/** How long the slower organizations are waited for once a majority agrees. */
export interface Patience {
  readonly graceMs: number
  /** For an organization to answer at all. */
  readonly answerMs: number
}

export type Answers = readonly [PeerAnswer, ...PeerAnswer[]]

const majorityOf = (count: number): number => Math.floor(count / 2) + 1

/**
 * Puts a proposal to every organization at once and returns the byte-equal answers of at least a majority: all that come in while
 * one waits for them. So one that is stopped, slow, behind or of another mind stops nothing, and is not among the endorsers.
 */
export async function askEveryone (
  proposal: SignedProposal, organizations: readonly string[], patience: Patience, standings?: Pick<Standings, 'note'>
): Promise<Answers> {
  const needed = majorityOf(organizations.length)
  const answers: PeerAnswer[] = []
  const failures: FabricFailure[] = []
  const asked = organizations.map((organization) => ({ organization, outcome: outcomeOf(proposal, organization) }))
  await new Promise<void>((resolve) => {
    let pending = organizations.length
    let grace: NodeJS.Timeout | undefined
    const limit = setTimeout(resolve, patience.answerMs)
    const settle = (): void => {
      pending--
      const enough = agreeing(answers).length >= needed
      // Nothing more is gained by waiting when all have answered, or when a refusal is certain.
      if (pending === 0 || contractFailures(failures).length >= needed) {
        clearTimeout(limit)
        clearTimeout(grace)
        resolve()
      } else if (enough) {
        grace ??= setTimeout(() => {
          clearTimeout(limit)
          resolve()
        }, patience.graceMs)
      }
    }
    for (const { outcome } of asked) {
      void outcome.then((result) => {
        if (result instanceof FabricFailure) failures.push(result)
        else answers.push(result)
        settle()
      })
    }
  })
  const [first, ...others] = agreeing(answers)
  const agreed = first !== undefined && others.length + 1 >= needed ? first.responsePayload : undefined
  // those that are not waited for are noted when they answer
  for (const { organization, outcome } of asked) void outcome.then((result) => standings?.note(organization, result, agreed))
  if (first !== undefined && others.length + 1 >= needed) return [first, ...others]
  throw disagreement(answers, failures, needed)
}

/** Never rejects. */
async function outcomeOf (proposal: SignedProposal, organization: string): Promise<PeerAnswer | FabricFailure> {
  try {
    return await proposal.ask(organization)
  } catch (error) {
    return error instanceof FabricFailure ? error : new FabricFailure('unreachable', String(error), error)
  }
}

/** Enough organizations answered, but not alike: some are behind, or of another mind. */
export class Disagreement extends FabricFailure {}

/** The largest group of equal answers. */
function agreeing (answers: readonly PeerAnswer[]): PeerAnswer[] {
  const groups = new Map<string, PeerAnswer[]>()
  for (const answer of answers) {
    const key = toBase64url(answer.responsePayload)
    groups.set(key, [...groups.get(key) ?? [], answer])
  }
  return [...groups.values()].sort((a, b) => b.length - a.length)[0] ?? []
}

const contractFailures = (failures: readonly FabricFailure[]): FabricFailure[] =>
  failures.filter(({ kind }) => kind === 'contract')

/**
 * Why there is no majority. A refusal counts when those who refuse could not be outvoted even if all the others were there; a
 * peer that is only behind must not turn an outage into a verdict.
 */
function disagreement (answers: readonly PeerAnswer[], failures: readonly FabricFailure[], needed: number): FabricFailure {
  const refusals = contractFailures(failures)
  const [refusal] = refusals
  const unanimous = answers.length === 0 && failures.length === refusals.length
  if (refusal !== undefined && (refusals.length >= needed || unanimous)) return refusal
  const denied = failures.find(({ kind }) => kind === 'denied')
  if (denied !== undefined && failures.every(({ kind }) => kind === 'denied')) return denied
  const reasons = failures.map(({ message }) => message).join('; ')
  const counts = `${agreeing(answers).length} equal answers of ${answers.length}, ${needed} are needed`
  const Kind = answers.length + refusals.length >= needed ? Disagreement : FabricFailure
  return new Kind('unreachable', reasons === '' ? counts : `${counts}: ${reasons}`)
}

/** The endorsed query in the form that proofs carry, endorsements in the order of their identities' digests. */
export function attestedQuery (crypto: Crypto, parts: ProposalParts, answers: Answers): AttestedQuery {
  const identities: Record<string, string> = {}
  const endorsements = answers.map(({ endorsement: { endorser, signature } }) => {
    const identity = toHex(crypto.sha256(endorser))
    identities[identity] = toBase64url(endorser)
    return { identity, signature: toBase64url(signature) }
  }).sort((a, b) => a.identity < b.identity ? -1 : 1)
  const attestation: FabricReadback = {
    responsePayload: toBase64url(answers[0].responsePayload),
    endorsements,
    proposal: {
      channelHeader: toBase64url(parts.channelHeader),
      signatureHeader: toBase64url(parts.signatureHeader),
      payload: toBase64url(parts.payload)
    }
  }
  return { attestation, identities: identities satisfies Identities }
}
