/** The whole service in this process, on a real store and a real socket, with a ledger in memory that signs nothing. */
import type { FastifyBaseLogger } from 'fastify'
import type { Test } from 'tap'
import { fromBase64url, fromUtf8 } from '../../src/core/bytes.js'
import { parseProof } from '../../src/core/proof.js'
import { readConfig } from '../../src/config.js'
import { createService, type Service } from '../../src/service.js'
import { FakeLedger } from './memory-ledger.js'
import { noop } from './notary-world.js'
import { until } from './service.js'

/** The ledgers that there are, by log: as on a real one, another origin opens another log. */
export type Ledgers = Map<string, FakeLedger>

export interface ServiceWorld {
  readonly service: Service
  readonly folder: string
  readonly ledgers: Ledgers
  /** What the service told its operator. */
  readonly said: readonly string[]
  untilUp (): Promise<void>
  close (): Promise<void>
}

export async function serviceWorld (
  t: Test, { folder = t.testdir({}), ledgers = new Map(), env = {} }: { folder?: string, ledgers?: Ledgers, env?: Readonly<Record<string, string>> } = {}
): Promise<ServiceWorld> {
  const said: string[] = []
  const tell = (_facts: object, message: string): void => { said.push(message) }
  const logger = { level: 'silent', fatal: tell, error: tell, warn: tell, info: noop, debug: noop, trace: noop, silent: noop, child: () => logger }
  let ledger: FakeLedger | undefined
  const service: Service = await createService({
    config: readConfig({ STEELYARD_DATA: folder, STEELYARD_PORT: '0', STEELYARD_SEAL_AGE: '20', STEELYARD_DRAIN: '0', STEELYARD_RESERVE: '0', ...env }),
    logger: logger as unknown as FastifyBaseLogger,
    version: '0',
    ledger: {
      isThere: () => true,
      async connect (log) {
        ledger = ledgers.get(log) ?? new FakeLedger(log, Date.now)
        ledgers.set(log, ledger)
        return await Promise.resolve(ledger)
      },
      facts: () => ({ kind: 'embedded-single', entities: [{ name: 'operator', operator: true, peers: ['OperatorMSP'], orderers: ['OperatorOrdererMSP'] }] })
    },
    trusting: {
      locate: ({ responsePayload }) => ({ block: String(ledger?.blockOfBatch(fromUtf8(fromBase64url(responsePayload)))), transaction: 0 }),
      selfCheck: async (sequence) => { parseProof(await service.notary.prover.prove({ sequence })) }
    }
  })
  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => { await (closing ??= service.close()) }
  t.teardown(close)
  return { service, folder, ledgers, said, close, untilUp: async () => { await until(async () => await Promise.resolve(service.notary.link.isUp)) } }
}
