/** The notary on a real store, with a ledger in memory. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { Test } from 'tap'
import { fromBase64url, fromUtf8 } from '../../src/core/bytes.js'
import { parseProof } from '../../src/core/proof.js'
import { ed25519PublicKey, receiptKeyId } from '../../src/core/receipt.js'
import type { Clock, Log, Signer } from '../../src/notary/context.js'
import type { Deposited } from '../../src/notary/intake.js'
import { createNotary, type Notary } from '../../src/notary/notary.js'
import { nodeCrypto } from '../../src/platform/node.js'
import type { ApiKey } from '../../src/store/api-keys.js'
import { openStore, type Store } from '../../src/store/store.js'
import { FakeLedger } from './memory-ledger.js'
import { until } from './service.js'

export const ORIGIN = 'test.example/0011223344556677'
export const BY: ApiKey = { id: '0011223344556677', organization: '8899aabbccddeeff', label: 'test', scopes: ['deposit', 'read'] }
export const noop = (): void => undefined
export const silent = { info: noop, warn: noop, error: noop }

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
export const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
const signer: Signer = {
  keyId: receiptKeyId(nodeCrypto, spki), spki, publicKey: ed25519PublicKey(spki) as Uint8Array, sign: (message) => sign(null, message, privateKey)
}

/** A notary on a store of its own and a ledger in memory. */
export interface World { notary: Notary, ledger: FakeLedger, store: Store, folder: string, close (): Promise<void>, restart (): Promise<World> }

interface WorldOptions { log?: Log, ledger?: FakeLedger, clock?: Clock, folder?: string, queueLimit?: number, store?: Store, sealSize?: number, sealAgeMs?: number }

export async function world (t: Test, options: WorldOptions = {}): Promise<World> {
  const { clock = Date.now, folder = t.testdir({}), queueLimit = 1000, sealSize = 8192, sealAgeMs = 10, log = silent } = options
  const ledger = options.ledger ?? new FakeLedger(ORIGIN, clock)
  const store = options.store ?? await openStore(folder, noop, { log })
  const notary: Notary = await createNotary({
    context: {
      crypto: nodeCrypto, clock, random: randomBytes, signer, checkpoint: noop, log, origin: ORIGIN, deadlineMs: 3_600_000
    },
    store,
    connect: async () => await Promise.resolve(ledger),
    facts: () => ({ kind: 'embedded-single', entities: [{ name: 'operator', operator: true, peers: ['OperatorMSP'], orderers: ['OperatorOrdererMSP'] }] }),
    skewMs: 30_000,
    sealAgeMs,
    sealSize,
    queueLimit,
    uploads: { maxFileSize: 1000, expiryMs: 60_000, perKey: 2 },
    onBundle: noop,
    trusting: {
      locate: ({ responsePayload }) => ({ block: String(ledger.blockOfBatch(fromUtf8(fromBase64url(responsePayload)))), transaction: 0 }),
      selfCheck: async (sequence) => { parseProof(await notary.prover.prove({ sequence })) }
    }
  })
  let isClosed = false
  const close = async (): Promise<void> => {
    if (isClosed) return
    isClosed = true
    await notary.close(0)
    await store.close()
  }
  t.teardown(close)
  return {
    notary,
    ledger,
    store,
    folder,
    close,
    async restart () {
      await close()
      return await world(t, { ledger, clock, folder, queueLimit, sealSize, log })
    }
  }
}

export const digests = (): { sha256: string, sm3: string } => ({ sha256: randomBytes(32).toString('hex'), sm3: randomBytes(32).toString('hex') })
export const deposit = async ({ notary }: World, count: number): Promise<Deposited[]> =>
  await Promise.all(Array.from({ length: count }, () => notary.intake.digests(BY, { digests: digests() })))
export const allFinal = async ({ notary: { progress } }: World): Promise<void> => {
  await until(async () => await Promise.resolve(progress.final.sequence === progress.received))
}
/** A log of so many final batches of 20 deposits, not open. */
export async function finalBatches (t: Test, batches: number): Promise<World> {
  const at = await world(t)
  for (let batch = 0; batch < batches; batch++) {
    await deposit(at, 20)
    await allFinal(at)
  }
  await at.close()
  return at
}
/** What a stage of its pipeline says of itself. */
export const stage = ({ notary }: World, name: string): ReturnType<Notary['stages'][number]['status']> =>
  notary.stages.map((each) => each.status()).find((status) => status.name === name) as never
