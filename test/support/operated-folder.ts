/** A service's data folder that its operator's tools work on, and the tools. */
import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { Ledger } from '../../src/ledger/ledger.js'
import { openLedger } from '../../src/ledger/open.js'
import { readLogIdentity } from '../../src/ops/fsck/service.js'
import { rebuild } from '../../src/ops/rebuild/rebuild.js'
import { reconcile } from '../../src/ops/reconcile.js'
import type { Report } from '../../src/ops/report.js'
import { parseGroup } from '../../src/store/stored-group.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { numberKey, readNumber } from '../../src/store/keys.js'
import { type Ran, runSteelyard } from './commands.js'
import { copyOf, withDatabase } from './damage.js'
import { dataFolder, type RunningService, startService, until, untilReady } from './service.js'

/** The batch that has several tiles, the last batch, a commit group of several, an identity, and a block that holds a batch. */
export interface Landmarks { readonly wide: number, readonly last: number, readonly group: number, readonly identity: Buffer, readonly block: Buffer }

/** The service is stopped and everything final; its network runs. */
export interface OperatedFolder {
  readonly data: string
  /** Goes with it. */
  readonly scratch: string
  /** The operator's connection profile. */
  readonly profile: string
  /** Evidence numbers of all deposits. */
  readonly numbers: string[]
  /** A copy to damage. */
  readonly copy: () => Promise<string>
  /** Runs the command line as people do. */
  readonly steelyard: (...args: string[]) => Promise<Ran>
  readonly depositFile: (service: RunningService, bytes: Buffer, metadata: object) => Promise<void>
  readonly depositDigests: (service: RunningService, count: number) => Promise<void>
  readonly landmarks: () => Promise<Landmarks>
  /** The one connection to the ledger, which no tool closes. */
  readonly ledger: () => Ledger
  readonly reconciled: (folder: string) => Promise<Report>
  readonly rebuilt: (folder: string, withLedger: boolean, dryRun?: boolean) => Promise<Report>
}

/** Fills one: a batch of several tiles, sealed by its size, if that is wanted; then small ones, each with a file. */
export async function operatedFolder (t: Pick<Test, 'teardown'>, { wide = true } = {}): Promise<OperatedFolder> {
  const data = dataFolder(t)
  const scratch = join(data, 'scratch')
  const profile = join(data, 'network', 'profiles', 'operator.json')
  const numbers: string[] = []
  let copies = 0

  const steelyard = async (...args: string[]): Promise<Ran> => await runSteelyard(data, args)

  const depositFile = async (service: RunningService, bytes: Buffer, metadata: object): Promise<void> => {
    const form = new FormData()
    form.set('file', new Blob([new Uint8Array(bytes)]), 'exhibit.bin')
    form.set('metadata', JSON.stringify(metadata))
    const { status, body } = await service.json('/v1/evidence', { method: 'POST', body: form })
    if (status !== 201) throw new Error(JSON.stringify(body))
    numbers.push(body.number)
  }

  const depositDigests = async (service: RunningService, count: number): Promise<void> => {
    const answers = await Promise.all(Array.from({ length: count }, () => service.depositDigests(randomBytes(32).toString('hex'))))
    numbers.push(...answers.map(({ body }) => body.number as string))
  }

  const untilFinal = async (service: RunningService): Promise<void> => {
    await until(async () => {
      const { received, final } = (await service.json('/health/ready')).body.deposits
      return received === final && received === numbers.length
    })
  }

  await mkdir(scratch, { recursive: true })
  if (wide) {
    const first = await startService(data, { STEELYARD_SEAL_AGE: '60000', STEELYARD_SEAL_SIZE: '320' })
    await untilReady(first)
    await depositDigests(first, 320)
    await untilFinal(first)
    await first.kill() // its network stays
  }
  const service = await startService(data)
  await untilReady(service)
  for (let i = 0; i < 3; i++) {
    await depositFile(service, randomBytes(5000), { case: '2026-1', i })
    await depositDigests(service, 3)
    await untilFinal(service)
  }
  await service.kill()
  const log = await withDatabase(data, async (db) => (await readLogIdentity(db))?.origin ?? '')
  const ledger = await openLedger({
    client: 'fabric-network', profile, wallet: join(data, 'wallet'), log, crypto: nodeCrypto, clock: Date.now, asLocalhost: false
  })
  t.teardown(async () => { await ledger.close() })
  const shared = (): Ledger => ({ ...ledger, close: () => Promise.resolve() })

  return {
    data,
    scratch,
    profile,
    numbers,
    copy: async () => await copyOf(data, `${scratch}/copy-${++copies}`),
    steelyard,
    depositFile,
    depositDigests,
    landmarks: async () => await landmarksOf(data),
    ledger: shared,
    reconciled: async (folder) => await withDatabase(folder, async (view) => (
      await reconcile({ view, crypto: nodeCrypto, ledger: shared(), onProgress: () => undefined })
    )),
    rebuilt: async (folder, withLedger, dryRun = false) => {
      const source = withLedger ? () => Promise.resolve(shared()) : undefined
      return await withDatabase(folder, async (db) => await rebuild({ db, crypto: nodeCrypto, ledger: source, dryRun, onProgress: () => undefined }))
    }
  }
}

async function landmarksOf (data: string): Promise<Landmarks> {
  return await withDatabase(data, async (db) => {
    let [wide, last, group] = [-1, -1, -1]
    for await (const [key, header] of db.entries('h')) {
      last = readNumber(key, 1)
      if (Number((JSON.parse(header.toString()) as { size: string }).size) > 256) wide = last
    }
    for await (const [key, bytes] of db.entries('g')) {
      if (Number(parseGroup(bytes)?.statement.groupSize) > 3) group = readNumber(key, 1)
    }
    let [identity, block] = [Buffer.alloc(0), Buffer.alloc(0)] as [Buffer, Buffer]
    for await (const [key] of db.entries('i')) identity = key
    for await (const [, place] of db.entries('a')) block = numberKey('b', Number((JSON.parse(place.toString()) as { block: string }).block))
    return { wide, last, group, identity, block }
  })
}
