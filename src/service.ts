import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import type { Config } from './config.js'
import { isGroupSigned } from './core/receipt.js'
import { begin, type Credentials, registeredKey, SetupError } from './first-start.js'
import { createApp } from './http/app.js'
import type { Ledger } from './ledger/ledger.js'
import type { TrustFacts } from './notary/bundle.js'
import type { Context, Signer } from './notary/context.js'
import { headerIn } from './notary/held-log-tree.js'
import { createNotary, type Notary, type NotaryOptions } from './notary/notary.js'
import { createSteadyClock } from './notary/steady-clock.js'
import { nodeCrypto } from './platform/node.js'
import { unlessDamaged } from './store/errors.js'
import { createCheckpoint } from './store/fault-points.js'
import { openStore, type Store } from './store/store.js'
import { makeFolder } from './store/unusable.js'
import { withRemedy } from './store/write-ahead-log.js'

/** How the service reaches its ledger; made by main, which alone knows the networks. */
export interface LedgerAccess {
  /** Whether there is a ledger to connect to, or one has to be made first. */
  isThere (): boolean
  /** `isKnown`: the log was on its ledger before, so that none is made. */
  connect (log: string, isKnown: boolean): Promise<Ledger>
  facts (): TrustFacts
}

export interface ServiceOptions {
  readonly config: Config
  readonly ledger: LedgerAccess
  readonly logger: FastifyBaseLogger
  readonly version: string
  /** API keys were made in this run: shown at once, whatever fails after it. */
  readonly onCredentials?: (credentials: Credentials) => void
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
  /** Drains and closes everything but the network. */
  close (): Promise<void>
}

/**
 * One running service: store, notary, HTTP. It listens before it asks for its ledger: deposits do not wait for that, and nothing is started
 * for a service that cannot listen.
 */
export async function createService (options: ServiceOptions): Promise<Service> {
  const { config } = options
  await makeFolder(config.data)
  const checkpoint = createCheckpoint(config.faultPoint)
  const store = await openStore(config.data, checkpoint, { reserve: config.reserve, log: options.logger })
    .catch((error: unknown) => { throw withRemedy(error, config.data) })
  const undo: Undo = [async () => { await store.close() }]
  try {
    return await start(options, store, checkpoint, undo)
  } catch (error) {
    for (const step of undo.reverse()) await step()
    throw withRemedy(error, config.data)
  }
}

/** What a start that fails has to close, last first. */
type Undo = Array<() => Promise<void>>

async function start (options: ServiceOptions, store: Store, checkpoint: Context['checkpoint'], undo: Undo): Promise<Service> {
  const { config, ledger, logger, version, clock = Date.now } = options
  const { signer, log, credentials } = await begin(config, store, clock())
  if (credentials !== undefined) options.onCredentials?.(credentials)
  const steadyClock = createSteadyClock(clock, () => performance.now(), await lastTimeGiven(store, signer))
  const context: Context = {
    crypto: nodeCrypto, clock: steadyClock.now, random: randomBytes, signer, checkpoint, log: logger, origin: log.origin, deadlineMs: log.deadlineMs
  }
  const gate = createGate()
  let known: string | undefined
  const notary = await createNotary({
    context,
    store,
    steadyClock,
    connect: async () => {
      if (!await gate.opened) throw new TypeError('a service that does not listen asks for no ledger')
      return await ledger.connect(log.origin, await store.meta.isOnLedger())
    },
    facts: () => ledger.facts(),
    isLedgerMissing: await store.meta.isOnLedger() && !ledger.isThere(),
    skewMs: log.skewMs,
    sealAgeMs: config.sealAgeMs,
    sealSize: config.sealSize,
    queueLimit: config.queueLimit,
    uploads: { maxFileSize: config.maxFileSize, expiryMs: config.uploadExpiryMs, perKey: config.uploadLimit },
    onBundle: ({ fingerprint }) => {
      if (fingerprint !== known) options.onFingerprint?.(fingerprint)
      known = fingerprint
    },
    ...(options.trusting === undefined ? {} : { trusting: options.trusting })
  })
  undo.push(async () => {
    const unlinked = notary.link.close() // first, so that the shut gate is no failure that it reports
    gate.settle(false)
    await unlinked
    await notary.close(0)
  })
  const app = await createApp({ notary, logger, maxFileSize: config.maxFileSize, rateLimit: config.rateLimit, version })
  undo.push(async () => { await app.close() })
  const url = await listen(app, config)
  gate.settle(true)
  return {
    app,
    notary,
    url,
    origin: log.origin,
    async close () {
      const drained = notary.close(config.drainMs) // long polls are answered while it drains
      await app.close()
      await drained
      await store.close()
    }
  }
}

/**
 * By the last commit group, if it is what was signed, and the last batch, if its header says so as well: a clock that believed one that changed would
 * spoil what is sealed by it. What is wrong with them is found and said later.
 */
async function lastTimeGiven (store: Store, signer: Signer): Promise<number> {
  const times = await Promise.all([lastSigned(store, signer), lastSealed(store)])
  return Math.max(0, ...times.map((time) => Date.parse(time ?? '')).filter(Number.isFinite))
}

async function lastSigned ({ deposits, meta }: Store, { keyId, spki }: Signer): Promise<string | undefined> {
  const next = await deposits.nextSequence()
  const group = next === 0 ? undefined : await unlessDamaged(deposits.groupOf(next - 1))
  if (group === undefined) return undefined
  const { statement, signature } = group
  const key = statement.keyId === keyId ? spki : registeredKey(await meta.bundleFile(), statement.keyId)
  return key !== undefined && isGroupSigned(nodeCrypto, statement, signature, key) ? statement.signedAt : undefined
}

async function lastSealed ({ batches }: Store): Promise<string | undefined> {
  const sealed = await batches.sealed()
  if (sealed === 'unreadable' || sealed.batches === 0) return undefined
  const header = headerIn(await batches.header(sealed.batches - 1))
  return header?.sealedAt === sealed.sealedAt ? sealed.sealedAt : undefined
}

async function listen (app: FastifyInstance, { host, port: wanted }: Config): Promise<string> {
  try {
    await app.listen({ port: wanted, host })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = code === 'EADDRINUSE' ? 'something else listens there' : message
    throw new SetupError('ADDRESS_UNUSABLE', `cannot listen on ${host}:${wanted} (STEELYARD_HOST, STEELYARD_PORT): ${reason}`, { cause })
  }
  const { address, family, port } = app.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

function createGate (): { readonly opened: Promise<boolean>, settle (opened: boolean): void } {
  let settle: (opened: boolean) => void = () => undefined
  const opened = new Promise<boolean>((resolve) => { settle = resolve })
  return { opened, settle: (value) => { settle(value) } }
}
