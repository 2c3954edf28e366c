import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Config } from './config.js'
import { begin, type Credentials } from './first-start.js'
import { createApp } from './http/app.js'
import type { Ledger } from './ledger/ledger.js'
import type { TrustFacts } from './notary/bundle.js'
import type { Context } from './notary/context.js'
import { createNotary, type Notary, type NotaryOptions } from './notary/notary.js'
import { nodeCrypto } from './platform/node.js'
import { createCheckpoint } from './store/fault-points.js'
import { openStore } from './store/store.js'

/** How the service reaches its ledger; made by main, which alone knows the networks. */
export interface LedgerAccess {
  connect (log: string): Promise<Ledger>
  facts (): TrustFacts
}

export interface ServiceOptions {
  readonly config: Config
  readonly ledger: LedgerAccess
  readonly logger: FastifyBaseLogger
  readonly version: string
  /** The bundle was assembled for the first time in this run. */
  readonly onFingerprint?: (fingerprint: string) => void
  readonly clock?: () => number
  readonly trusting?: NotaryOptions['trusting']
}

export interface Service {
  readonly app: FastifyInstance
  readonly notary: Notary
  /** Where it listens. */
  readonly url: string
  readonly origin: string
  readonly credentials: Credentials | undefined
  /** Drains and closes everything but the network. */
  close (): Promise<void>
}

/** One running service: store, notary, HTTP. It listens before the ledger is there: deposits do not wait for it. */
export async function createService (options: ServiceOptions): Promise<Service> {
  const { config, ledger, logger, version, clock = Date.now } = options
  await mkdir(config.data, { recursive: true, mode: 0o700 })
  const checkpoint = createCheckpoint(config.faultPoint)
  const store = await openStore(config.data, checkpoint)
  try {
    const { signer, log, credentials } = await begin(config, store, clock())
    const context: Context = {
      crypto: nodeCrypto, clock, random: randomBytes, signer, checkpoint, log: logger, origin: log.origin, deadlineMs: log.deadlineMs
    }
    let known: string | undefined
    const notary = await createNotary({
      context,
      store,
      connect: () => ledger.connect(log.origin),
      facts: () => ledger.facts(),
      skewMs: log.skewMs,
      sealAgeMs: config.sealAgeMs,
      sealSize: config.sealSize,
      queueLimit: config.queueLimit,
      onBundle: ({ fingerprint }) => {
        if (fingerprint !== known) options.onFingerprint?.(fingerprint)
        known = fingerprint
      },
      ...(options.trusting === undefined ? {} : { trusting: options.trusting })
    })
    const app = await createApp({ notary, logger, maxFileSize: config.maxFileSize, rateLimit: config.rateLimit, version })
    await app.listen({ port: config.port, host: config.host })
    const { address, family, port } = app.server.address() as AddressInfo
    return {
      app,
      notary,
      url: `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`,
      origin: log.origin,
      credentials,
      async close () {
        const drained = notary.close(config.drainMs) // long polls are answered while it drains
        await app.close()
        await drained
        await store.close()
      }
    }
  } catch (error) {
    await store.close()
    throw error
  }
}
