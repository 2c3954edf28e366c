import { type LogAlarm, MESSAGES } from './continuity.js'
import type { DepositState } from './progress.js'
import type { Stage, StageStatus } from './stage.js'

/** What holds deposits up: they are durable and receipted, and wait. */
export interface Stall {
  readonly stage: string
  /** Of the error that is repeated, or the alarm that stopped the stage. */
  readonly code: string
  readonly message: string
  readonly since: string
  /** It has stopped, and nothing but a person helps. */
  readonly isAlarm: boolean
}

export interface Stalls {
  /** The first stage on a deposit's way that fails. */
  pipeline (): Stall | undefined
  /** Why the connection to the ledger cannot be used. */
  ledger (): Stall | undefined
  /** Why the trust bundle cannot be renewed, while the ledger can be asked. No deposit waits for it. */
  bundle (): Stall | undefined
  /** What a deposit waits for, if anything on the rest of its way fails, or the connection to the ledger does. */
  of (state: DepositState): Stall | undefined
  /** A deposit made now would reach the ledger, as far as is known: somebody answers, and what was sent last was not refused. */
  readonly isLedgerUp: boolean
}

const WAY = ['sealing', 'anchoring', 'finality'] as const
const AHEAD: Readonly<Record<DepositState, number>> = { received: 0, sealed: 1, anchored: 2, final: 3 }

/** Derived from the stages alone; owns nothing. One living peer answers the link, while an anchor needs a majority: so both are asked. */
export function createStalls (stages: readonly Stage[], link: { readonly isUp: boolean }): Stalls {
  const first = (names: readonly string[]): Stall | undefined => {
    const statuses = stages.map((stage) => stage.status())
    return names.map((name) => statuses.find((status) => status.name === name)).map(stallOf).find((stall) => stall !== undefined)
  }
  return {
    pipeline: () => first(WAY),
    ledger: () => first(['ledger']),
    bundle: () => link.isUp ? first(['trust-bundle']) : undefined,
    of: (state) => state === 'final' ? undefined : first([...WAY.slice(AHEAD[state]), 'ledger']),
    get isLedgerUp () { return link.isUp && first(['anchoring', 'finality']) === undefined }
  }
}

function stallOf (status: StageStatus | undefined): Stall | undefined {
  if (status?.failingSince === undefined) return undefined
  const { name, alarm, lastError, failingSince } = status
  return {
    stage: name,
    code: alarm ?? lastError?.code ?? 'UNEXPECTED',
    message: alarm === undefined ? lastError?.message ?? '' : messageOf(alarm),
    since: failingSince,
    isAlarm: alarm !== undefined
  }
}

function messageOf (alarm: string): string {
  return `${alarm in MESSAGES ? MESSAGES[alarm as LogAlarm] : 'the stage has stopped'}; it needs a person`
}
