import type { Notary } from '../notary/notary.js'
import type { Stall } from '../notary/stalls.js'

/** Whether a deposit made now would be accepted and reach the ledger, and what is wrong if not: for people, probes and metrics alike. */
export interface Readiness {
  /** Deposits are refused. */
  readonly isClosed: boolean
  /** Codes of all that is wrong. */
  readonly reasons: readonly string[]
  /** The first stage that holds deposits up. */
  readonly stalled: Readonly<Record<'code' | 'stage' | 'error' | 'since' | 'message', string>> | undefined
  /**
   * In a sentence: what is stalled, else why the ledger cannot be used, else why the trust bundle cannot be renewed, else what a service that starts
   * waits for, else why deposits are refused.
   */
  readonly detail: string | undefined
}

export function readinessOf (notary: Notary): Readiness {
  const { intake, stalls } = notary
  const closed = refusal(() => { intake.assertOpen() })
  const stalled = stalledBy(stalls.pipeline())
  const stale = stalls.bundle()
  return {
    isClosed: closed !== undefined,
    reasons: reasonsOf(notary, closed?.code, stalled?.code, stale),
    stalled,
    detail: stalled?.message ?? unlinkedOf(notary) ?? staleOf(stale) ?? startingOf(notary) ?? closed?.message
  }
}

function unlinkedOf ({ link, stalls }: Notary): string | undefined {
  const unlinked = link.isUp ? undefined : stalls.ledger()
  return unlinked === undefined ? undefined : `since ${unlinked.since} the ledger cannot be used, because ${unlinked.message}`
}

function staleOf (stale: Stall | undefined): string | undefined {
  return stale === undefined ? undefined : `since ${stale.since} the trust bundle cannot be renewed, because ${stale.message}`
}

/** Until the first connection, nothing has failed and nothing has succeeded. */
function startingOf ({ link, bundles }: Notary): string | undefined {
  if (!link.isUp) return link.status().lastSuccess === undefined ? 'starting: waits for the ledger, whose log is then compared with this one' : undefined
  return bundles.fingerprint === undefined ? 'starting: reads the ledger\'s blocks for the trust bundle' : undefined
}

function reasonsOf (
  { link, bundles, stages, committer, steadyClock }: Notary, closed: string | undefined, stalled: string | undefined, stale: Stall | undefined
): string[] {
  return [...new Set([
    ...(closed === undefined ? [] : [closed]),
    ...(link.isUp ? [] : ['LEDGER_UNAVAILABLE']),
    ...(bundles.fingerprint === undefined ? ['BUNDLE_NOT_READY'] : []),
    ...(stale === undefined ? [] : ['BUNDLE_STALLED']),
    ...((steadyClock?.stepMs ?? 0) === 0 ? [] : ['CLOCK_STEPPED']),
    ...(committer.failure === undefined ? [] : [committer.failure.code]),
    ...(stalled === undefined ? [] : [stalled]),
    ...stages.flatMap((stage) => stage.status().alarm ?? [])
  ])]
}

function stalledBy (stall: Stall | undefined): Readiness['stalled'] {
  if (stall === undefined) return undefined
  const { stage, code, since, message, isAlarm } = stall
  return {
    code: `${stage.toUpperCase()}_STALLED`,
    stage,
    error: code,
    since,
    message: isAlarm
      ? `since ${since} ${stage} has stopped, because ${message}`
      : `deposits that were acknowledged are safe and have their receipts; since ${since} they wait in ${stage}, because ${message}`
  }
}

function refusal (attempt: () => void): { readonly code: string, readonly message: string } | undefined {
  try {
    attempt()
    return undefined
  } catch (error) {
    return error as { code: string, message: string }
  }
}
