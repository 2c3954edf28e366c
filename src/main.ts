import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Logger, pino } from 'pino'
import { ensureNetwork, type NetworkFacts, type NetworkHandle } from '../network/embedded/client.js'
import { type Config, ConfigError, readConfig } from './config.js'
import type { Ledger } from './ledger/ledger.js'
import { openLedger } from './ledger/open.js'
import type { TrustFacts } from './notary/bundle.js'
import { nodeCrypto } from './platform/node.js'
import { createService, type LedgerAccess } from './service.js'

const ROOT = new URL('../../', import.meta.url) // of the package, from dist/src
const CHAINCODE = { name: 'steelyard', folder: fileURLToPath(new URL('chaincode', ROOT)) }
/** A stop that takes longer is ended. */
const STOP_LIMIT_MS = 20_000

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
    onFingerprint: (fingerprint) => { say(`trust bundle ${fingerprint.replace(/(.{4})(?=.)/g, '$1 ')}`) }
  })
  if (service.credentials !== undefined) {
    say(`API key (administrator) ${service.credentials.admin}`, `API key (demonstration) ${service.credentials.demo}`,
      `both are kept in ${config.data}/credentials.json`)
  }
  say(`log ${service.origin}`, `listening on ${service.url}`)

  await stopSignal()
  logger.info('stopping')
  const limit = setTimeout(() => { process.exit(1) }, STOP_LIMIT_MS)
  await service.close()
  await ledger.close()
  clearTimeout(limit)
  return 0
}

function createLedgerAccess (config: Config, logger: Logger): LedgerAccess & { close (): Promise<void> } {
  let network: NetworkHandle | undefined
  let facts: TrustFacts | undefined
  const open = async (log: string, profile: string, factsPath: string): Promise<Ledger> => {
    facts = readFacts(factsPath)
    return await openLedger({
      client: config.ledgerClient, profile, wallet: `${config.data}/wallet`, log, crypto: nodeCrypto, clock: Date.now
    })
  }
  const ensure = async (dir: string, orgs: number | undefined): Promise<NetworkHandle> => await ensureNetwork({
    dir,
    ...(orgs === undefined ? {} : { orgs }),
    chaincode: CHAINCODE,
    log: (event, fields) => { logger.info(fields ?? {}, event) }
  })
  return {
    async connect (log) {
      if (config.ledger.kind === 'profile') return await open(log, config.ledger.profile, config.ledger.facts)
      const handle = await ensure(config.ledger.dir, config.ledger.orgs)
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

async function stopSignal (): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => { resolve() })
  })
}

function say (...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}
