import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Logger, pino } from 'pino'
import { ensureNetwork, hasNetwork, type NetworkFacts, type NetworkHandle } from '../network/embedded/client.js'
import { EmbeddedNetworkError } from '../network/embedded/errors.js'
import { type Config, ConfigError, readConfig } from './config.js'
import type { Ledger } from './ledger/ledger.js'
import { openLedger } from './ledger/open.js'
import type { TrustFacts } from './notary/bundle.js'
import { nodeCrypto } from './platform/node.js'
import { createService, type LedgerAccess } from './service.js'

const ROOT = new URL('../../', import.meta.url) // of the package, from dist/src
const CHAINCODE = { name: 'steelyard', folder: fileURLToPath(new URL('chaincode', ROOT)) }
/** A stop that takes longer is ended; the network that was started here is told to go first. Together 20 s. */
const STOP_LIMIT_MS = 17_000
const NETWORK_LIMIT_MS = 3000

/** `steelyard serve`: runs until SIGTERM or SIGINT; resolves with the exit code. */
export async function main (): Promise<number> {
  let config: Config
  try {
    config = readConfig(process.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 64
  }
  const logger = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: false }))
  const ledger = createLedgerAccess(config, logger)
  const service = await createService({
    config,
    ledger,
    logger,
    version: version(),
    onCredentials: ({ admin, demo }) => {
      say(`API key (administrator) ${admin}`, `API key (demonstration) ${demo}`, `both are kept in ${config.data}/credentials.json`)
    },
    onFingerprint: (fingerprint) => { say(`trust bundle ${fingerprint.replace(/(.{4})(?=.)/g, '$1 ')}`) }
  }).catch(async (error: unknown) => {
    await ledger.close()
    throw error
  })
  say(`log ${service.origin}`, `listening on ${service.url}`)

  const problem = await Promise.race([stopSignal(), ledger.unusable])
  logger.info('stopping')
  const limit = setTimeout(() => {
    logger.error('not stopped in time')
    setTimeout(() => { process.exit(1) }, NETWORK_LIMIT_MS)
    void ledger.close().finally(() => { process.exit(1) })
  }, STOP_LIMIT_MS)
  await service.close()
  await ledger.close()
  clearTimeout(limit)
  if (problem !== undefined) throw problem
  return 0
}

interface MainLedger extends LedgerAccess {
  /** Resolves when no repetition can help: the configuration contradicts what is on disk. */
  readonly unusable: Promise<Error>
  close (): Promise<void>
}

function createLedgerAccess (config: Config, logger: Logger): MainLedger {
  let network: NetworkHandle | undefined
  let facts: TrustFacts | undefined
  let refused: EmbeddedNetworkError | undefined
  let refuse: (error: Error) => void = () => undefined
  const unusable = new Promise<Error>((resolve) => { refuse = resolve })
  const open = async (log: string, profile: string, factsPath: string): Promise<Ledger> => {
    facts = readFacts(factsPath)
    return await openLedger({
      client: config.ledgerClient, profile, wallet: `${config.data}/wallet`, log, crypto: nodeCrypto, clock: Date.now
    })
  }
  const ensure = async (dir: string, orgs: number | undefined, mustExist: boolean): Promise<NetworkHandle> => {
    if (refused !== undefined) throw refused
    try {
      return await ensureNetwork({
        dir,
        ...(orgs === undefined ? {} : { orgs }),
        chaincode: CHAINCODE,
        mustExist,
        log: (event, fields) => { logger.info(fields ?? {}, event) }
      })
    } catch (error) {
      if (error instanceof EmbeddedNetworkError && error.code === 'DESCRIPTION') {
        refused = error
        refuse(error)
      }
      throw error
    }
  }
  return {
    unusable,
    isThere: () => config.ledger.kind === 'profile' || hasNetwork(config.ledger.dir),
    async connect (log, isKnown) {
      if (config.ledger.kind === 'profile') return await open(log, config.ledger.profile, config.ledger.facts)
      const handle = await ensure(config.ledger.dir, config.ledger.orgs, isKnown)
      if (handle.started || network === undefined) network = handle // whoever started it stops it
      return await open(log, handle.profilePath(), handle.factsPath)
    },
    facts () {
      if (facts === undefined) throw new TypeError('the facts are read when the ledger is connected')
      return facts
    },
    close: async () => { await network?.close() }
  }
}

function readFacts (path: string): TrustFacts {
  const { kind, organizations } = JSON.parse(readFileSync(path, 'utf8')) as Omit<NetworkFacts, 'kind'> & { kind: TrustFacts['kind'] }
  return {
    kind,
    entities: organizations.map(({ name, operator, mspId, ordererMspId }) => ({ name, operator, peers: [mspId], orderers: [ordererMspId] }))
  }
}

function version (): string {
  return (JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string }).version
}

async function stopSignal (): Promise<undefined> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => { resolve() })
  })
  return undefined
}

function say (...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}
