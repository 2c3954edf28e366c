import type { Ledger } from '../ledger/ledger.js'
import type { Context } from './context.js'
import { createStage, type Stage } from './stage.js'
import type { SteadyClock } from './steady-clock.js'

/**
 * The connection to the ledger, which may not be there: the service accepts deposits without it. The link connects, opens the log if it is
 * new, holds it against ours, asks now and then whether somebody answers, and after a few silences connects anew, since the ledger may have
 * moved. When the system's clock stepped, it asks the organizations, who answer only whoever agrees with their clocks.
 */
export interface LedgerLink extends Stage {
  /** The ledger, while it is connected. */
  ledger (): Ledger | undefined
  readonly isUp: boolean
}

export interface LedgerLinkOptions {
  readonly context: Context
  /** Connects; may start a network. */
  readonly connect: () => Promise<Ledger>
  /** Holds the ledger's log against ours, before anybody else gets the ledger. */
  readonly compare: (ledger: Ledger) => Promise<void>
  readonly skewMs: number
  readonly steadyClock: SteadyClock | undefined
  readonly onUp: () => void
}

const PROBE_MS = 2000
const SILENCES = 3

export function createLedgerLink ({ context, connect, compare, skewMs, steadyClock, onUp }: LedgerLinkOptions): LedgerLink {
  const { log, signer, deadlineMs } = context
  let current: Ledger | undefined
  let isUp = false
  let silences = 0

  const open = async (): Promise<void> => {
    const ledger = await connect()
    try {
      await ledger.openLog({ skewMs, deadlineMs, spki: signer.spki })
      await compare(ledger)
    } catch (error) {
      await ledger.close()
      throw error
    }
    current = ledger
    log.info({ channel: ledger.channel, chaincode: ledger.chaincode }, 'ledger connected, log open')
    up()
  }
  const askTime = async (ledger: Ledger): Promise<void> => {
    const stepMs = steadyClock?.stepMs ?? 0
    if (stepMs === 0) return
    try {
      await ledger.attestStatus()
      steadyClock?.confirm(stepMs)
      log.warn({ stepMs }, 'the system\'s clock stepped, the ledger confirms its time')
    } catch (error) {
      log.warn({ stepMs, err: error }, 'the system\'s clock stepped and the ledger does not confirm its time')
    }
  }
  const up = (): void => {
    silences = 0
    if (isUp) return
    isUp = true
    onUp()
  }
  const drop = async (): Promise<void> => {
    const old = current
    current = undefined
    silences = 0
    await old?.close().catch(() => undefined)
  }

  const stage = createStage({
    name: 'ledger',
    clock: context.clock,
    log,
    depth: () => 0,
    pauseMs: { first: 250, most: 5000 },
    async step () {
      if (current === undefined) {
        await open()
        return PROBE_MS
      }
      try {
        await current.height()
        up()
        await askTime(current)
      } catch (error) {
        isUp = false
        if (++silences >= SILENCES) await drop()
        throw error
      }
      return PROBE_MS
    }
  })
  return {
    ...stage,
    get isUp () { return isUp },
    ledger: () => current,
    async close () {
      await stage.close()
      await drop()
      isUp = false
    }
  }
}
