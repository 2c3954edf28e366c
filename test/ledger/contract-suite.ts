/**
 * What every ledger adapter must do on every network. Faults are put between the ledger and the client library (see
 * LedgerConfig.intercept), or done to the network itself where it can be stopped.
 */
import { randomBytes } from 'node:crypto'
import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { batchHeaderBytes, type BatchHeader } from '../../src/core/batch.js'
import { fromBase64url, toHex } from '../../src/core/bytes.js'
import { jcs } from '../../src/core/jcs.js'
import { type BatchEntry, batchKey, keysKey, ledgerBytes, logKey, parseReadBack } from '../../src/core/ledger-values.js'
import { dataHash, headerHash } from '../../src/core/fabric/block.js'
import { LIFECYCLE, sequenceKey } from '../../src/core/fabric/definition.js'
import { verifyLowS } from '../../src/core/fabric/ecdsa.js'
import { type FabricHistory, verifyHistory } from '../../src/core/fabric/history.js'
import { parseSerializedIdentity } from '../../src/core/fabric/msp.js'
import type { FabricResult } from '../../src/core/fabric/refusal.js'
import { endorsedBytes, parseEndorserTransaction, parseResponsePayload, proposalHash } from '../../src/core/fabric/transaction.js'
import { createFabricVerifier } from '../../src/core/fabric/verifier.js'
import { parseCertificate } from '../../src/core/fabric/x509.js'
import type { BlockData } from '../../src/core/proof.js'
import { LedgerError, type LedgerErrorCode } from '../../src/ledger/errors.js'
import type { FabricClient } from '../../src/ledger/fabric/client.js'
import { FabricFailure } from '../../src/ledger/fabric/failure.js'
import type { AttestedQuery, Ledger } from '../../src/ledger/ledger.js'
import { type LedgerClient, type LedgerConfig, openLedger } from '../../src/ledger/open.js'
import { nodeCrypto } from '../../src/platform/node.js'
import type { LedgerNetwork } from '../support/ledger-network.js'
import { flipped, HeaderMaker, spkiOf } from '../support/log-model.js'

const SKEW = 30_000
const parameters = { skewMs: SKEW, deadlineMs: 86_400_000, spki: fromBase64url(spkiOf(1)) }
const majorityOf = (count: number): number => Math.floor(count / 2) + 1

interface Log {
  readonly ledger: Ledger
  readonly origin: string
  /** The next header, sealed now. */
  next (size?: number): BatchHeader
  peek (change: Partial<BatchHeader>): BatchHeader
  reopen (change: Partial<LedgerConfig>): Promise<Ledger>
}

export function ledgerContract (t: Test, client: LedgerClient, network: LedgerNetwork): void {
  const { profile, wallet } = network

  /** A fresh log on the network, opened. */
  async function freshLog (t: Test, change: Partial<LedgerConfig> = {}): Promise<Log> {
    const origin = `contract.example/${randomBytes(8).toString('hex')}`
    const maker = new HeaderMaker(origin)
    const now = (): Partial<BatchHeader> => ({ sealedAt: new Date().toISOString() })
    const reopen = async (change: Partial<LedgerConfig>): Promise<Ledger> => {
      const ledger = await openLedger({
        client, profile, wallet, log: origin, crypto: nodeCrypto, clock: Date.now, ...change
      })
      t.teardown(async () => { await ledger.close() })
      return ledger
    }
    const ledger = await reopen({})
    await ledger.openLog(parameters)
    return {
      ledger: Object.keys(change).length === 0 ? ledger : await reopen(change),
      origin,
      next: (size = 3) => maker.next(size, now()),
      peek: (more) => maker.peek(3, { ...now(), ...more }),
      reopen
    }
  }

  t.test('opening', async (t) => {
    const { ledger, reopen } = await freshLog(t)
    await ledger.openLog(parameters)
    await refused(t, ledger.openLog({ ...parameters, skewMs: 40_000 }), 'REFUSED', 'ALREADY_OPEN')
    const elsewhere = await reopen({ log: `none.example/${randomBytes(8).toString('hex')}` })
    await refused(t, elsewhere.attestStatus(), 'NOT_OPEN', 'NOT_OPEN')
    await refused(t, elsewhere.anchor([batchHeaderBytes(new HeaderMaker(elsewhere.log).next(1))], none), 'NOT_OPEN')
    const { statement } = await ledger.attestStatus()
    t.match(statement, { nextSequence: '0', head: { size: '0' }, channel: ledger.channel, log: ledger.log })
  })

  t.test('anchor, find, attest, and the block that holds it', async (t) => {
    const { ledger, origin, next } = await freshLog(t)
    const headers = [next(), next(7)]
    const announced: string[] = []
    const { txId, entries } = await ledger.anchor(headers.map(batchHeaderBytes), async (id) => {
      t.equal(await ledger.transaction(id), undefined, 'announced before it is sent')
      announced.push(id)
    })
    t.same(announced, [txId])
    t.same(entries.map(({ header }) => header), headers)
    t.same(await ledger.findBatch('1'), entries[1])
    t.equal(await ledger.findBatch('2'), undefined)
    t.equal(await ledger.findRoot(headers[1]?.root ?? ''), '1')
    t.equal(await ledger.findRoot(flipped(headers[1]?.root ?? '')), undefined)

    const status = await ledger.transaction(txId ?? '')
    t.equal(status?.code, 0)
    const block = await ledger.block(status?.block ?? '')
    t.same(await ledger.blockOf(txId ?? ''), { block, index: status?.index })
    t.equal(block.transactions[status?.index ?? -1]?.txId, txId)
    t.ok(BigInt(await ledger.height()) > BigInt(block.data.number))

    const query = await ledger.attestBatch('1')
    const back = parseReadBack(checkAttestation(t, query, network.organizations))
    t.same(back.entry, entries[1])
    t.equal(back.channel, ledger.channel)
    const [own] = parseResponsePayload(fromBase64url(query.attestation.responsePayload)).readWriteSets
      .filter(({ namespace }) => namespace === ledger.chaincode)
    t.match(own?.reads, [{ key: batchKey(origin, '1'), version: { block: BigInt(block.data.number), tx: BigInt(status?.index ?? -1) } }])
    t.equal(own?.reads.length, 1)
    await refused(t, ledger.attestBatch('9'), 'REFUSED', 'NOT_FOUND')

    const { statement, ...attested } = await ledger.attestStatus()
    t.equal(toHex(checkAttestation(t, attested, network.organizations)), toHex(ledgerBytes(statement)))
    t.match(statement, { nextSequence: '10', head: entries[1]?.head })
  })

  t.test('the evidence convinces the offline verifier', async (t) => {
    const { ledger, origin, next } = await freshLog(t)
    const { txId = '', entries } = await ledger.anchor([batchHeaderBytes(next())], none)
    const history = await historyOf(ledger)
    const verifier = createFabricVerifier(nodeCrypto, history)
    const found = await ledger.blockOf(txId)
    if (found === undefined) throw new Error('the block is gone')
    const ordered = expectOk(t, verifier.block({ ...found.block.data, transaction: String(found.index) }))
    const key = batchKey(origin, '0')
    const written = ordered.transaction.readWriteSets.find(({ namespace }) => namespace === ledger.chaincode)?.writes
      .find((write) => write.key === key)?.value
    t.equal(toHex(written ?? new Uint8Array(0)), toHex(ledgerBytes(entries[0] as BatchEntry)))
    const { attestation, identities } = await ledger.attestBatch('0')
    const args = ['readBatch', origin, '0']
    const back = expectOk(t, verifier.readback(attestation, identities, { args, key, version: ordered.at, after: ordered.at.block }))
    t.ok(back.full)
    const keys = await ledger.attestKeys()
    const asked = { args: ['getKeys', origin], key: keysKey(origin), after: 0n }
    expectOk(t, verifier.readback(keys.attestation, keys.identities, asked))
    const state = await ledger.attestStatus()
    expectOk(t, verifier.readback(state.attestation, state.identities, { args: ['status', origin], key: logKey(origin), after: 0n }))
  })

  t.test('again: the same bytes are found, not written', async (t) => {
    const { ledger, next } = await freshLog(t)
    const first = batchHeaderBytes(next())
    const anchored = await ledger.anchor([first], none)
    const again = await ledger.anchor([first], () => { throw new Error('nothing is to be sent') })
    t.same(again, { entries: anchored.entries })
    const second = batchHeaderBytes(next())
    const both = await ledger.anchor([first, second], none)
    t.same(both.entries[0], anchored.entries[0])
    t.equal(both.entries.length, 2)
  })

  t.test('64 batches at once, all or nothing', async (t) => {
    const { ledger, next } = await freshLog(t)
    const headers = Array.from({ length: 64 }, () => next(1))
    const broken = headers.map((header, i) => i === 63 ? { ...header, first: '90' } : header)
    await refused(t, ledger.anchor(broken.map(batchHeaderBytes), none), 'GAP')
    t.equal(await ledger.findBatch('0'), undefined)
    t.equal((await ledger.anchor(headers.map(batchHeaderBytes), none)).entries.length, 64)
    await refused(t, ledger.anchor([], none), 'REFUSED', 'BOUNDS')
  })

  t.test('fork, gap, late', async (t) => {
    const { ledger, next, peek, reopen } = await freshLog(t)
    const first = next()
    await ledger.anchor([batchHeaderBytes(first)], none)
    const unsent = (): Promise<void> => { throw new Error('nothing is to be sent') }
    await refused(t, ledger.anchor([batchHeaderBytes({ ...first, size: '4' })], unsent), 'FORK', 'FORK')
    await refused(t, ledger.anchor([batchHeaderBytes(peek({ previousHead: flipped(first.root) }))], unsent), 'FORK', 'HEAD')
    await refused(t, ledger.anchor([batchHeaderBytes(peek({ number: '2' }))], unsent), 'GAP', 'GAP')
    const good = batchHeaderBytes(peek({}))
    for (const by of [-SKEW - 5000, SKEW + 5000]) {
      const late = await reopen({ intercept: proposingAt(by) })
      await refused(t, late.anchor([good], unsent), 'LATE', 'CLOCK')
      await refused(t, late.attestStatus(), 'LATE', 'CLOCK')
    }
    const ahead = batchHeaderBytes(peek({ sealedAt: new Date(Date.now() + 2 * SKEW).toISOString() }))
    await refused(t, ledger.anchor([ahead], unsent), 'LATE', 'SEALED_IN_FUTURE')
    t.equal((await ledger.anchor([good], none)).entries.length, 1, 'none of that hindered the right one')
  })

  t.test('keys', async (t) => {
    const { ledger } = await freshLog(t)
    const added = fromBase64url(spkiOf(2))
    await ledger.registerKey(added, '5')
    await ledger.registerKey(added, '5')
    await refused(t, ledger.registerKey(added, '6'), 'REFUSED', 'KEY_KNOWN')
    const { statement, ...attested } = await ledger.attestKeys()
    checkAttestation(t, attested, network.organizations)
    t.match(statement.register.keys, [{ fromBatch: '0', spki: spkiOf(1) }, { fromBatch: '5', spki: spkiOf(2) }])
  })

  t.test('unknown outcomes: each is settled by asking the ledger, and nothing is lost or twice', async (t) => {
    const cut = new FabricFailure('unclear', 'the connection was cut')
    const faults: Record<string, (client: FabricClient) => Partial<FabricClient>> = {
      'cut before it arrived': () => ({ broadcast: () => Promise.reject(cut) }),
      'cut after it arrived': (real) => ({ broadcast: async (transaction) => { await real.broadcast(transaction); throw cut } }),
      'commit never heard of': (real) => ({
        evaluate: async (chaincode, args) => {
          if (args[0] === 'GetBlockByTxID') throw new FabricFailure('unreachable', 'no answer')
          return await real.evaluate(chaincode, args)
        }
      }),
      'accepted and dropped by the orderer': () => ({ broadcast: () => Promise.resolve() })
    }
    for (const [name, fault] of Object.entries(faults)) {
      await t.test(name, async (t) => {
        const { ledger, next, reopen } = await freshLog(t)
        await ledger.anchor([batchHeaderBytes(next())], none)
        const faulty = await reopen({ commitMs: 300, intercept: (real) => ({ ...real, ...fault(real) }) })
        const header = batchHeaderBytes(next())
        let announced = ''
        const error = await refused(t, faulty.anchor([header], (id) => { announced = id; return Promise.resolve() }), 'UNKNOWN_OUTCOME')
        t.equal(error.txId, announced)
        const arrives = name === 'cut after it arrived' || name === 'commit never heard of'
        if (arrives) await until(async () => (await ledger.transaction(announced))?.code === 0)
        const { txId, entries } = await ledger.anchor([header], none)
        t.equal(txId === undefined, arrives, 'written once')
        t.equal(entries.length, 1)
        t.equal((await ledger.attestStatus()).statement.head.size, '2')
      })
    }
  })

  t.test('sent twice: one is committed, the other is a duplicate', async (t) => {
    const { ledger, next } = await freshLog(t, {
      intercept: (real) => ({
        ...real,
        broadcast: async (transaction) => { await Promise.allSettled([real.broadcast(transaction), real.broadcast(transaction)]) }
      })
    })
    t.equal((await ledger.anchor([batchHeaderBytes(next())], none)).entries.length, 1)
  })

  t.test('two at once: the slower is a conflict, and a new transaction finds the batch', async (t) => {
    const { ledger, next, reopen } = await freshLog(t)
    const header = batchHeaderBytes(next())
    const slower = await reopen({})
    await refused(t, slower.anchor([header], async () => { await ledger.anchor([header], none) }), 'CONFLICT')
    t.equal((await slower.anchor([header], none)).txId, undefined)
  })

  t.test('a refusal by the caller before sending sends nothing', async (t) => {
    const { ledger, next } = await freshLog(t)
    let announced = ''
    const refusal = new Error('the disk is full')
    await t.rejects(ledger.anchor([batchHeaderBytes(next())], (id) => { announced = id; return Promise.reject(refusal) }), refusal)
    t.equal(await ledger.transaction(announced), undefined)
    t.equal(await ledger.findBatch('0'), undefined)
  })

  t.test('following gives each block once and in order', async (t) => {
    const { ledger, next } = await freshLog(t)
    const from = BigInt(await ledger.height()) - 1n
    const stop = new AbortController()
    const seen: bigint[] = []
    const transactions: string[] = []
    const following = (async () => {
      for await (const block of ledger.follow(String(from), stop.signal)) {
        seen.push(BigInt(block.data.number))
        transactions.push(...block.transactions.map(({ txId }) => txId))
      }
    })()
    const wanted: string[] = []
    for (let i = 0; i < 3; i++) wanted.push((await ledger.anchor([batchHeaderBytes(next())], none)).txId ?? '')
    await until(() => Promise.resolve(wanted.every((txId) => transactions.includes(txId))))
    stop.abort()
    await following
    t.same(seen, seen.map((_, i) => from + BigInt(i)))
    t.same(transactions.filter((txId) => wanted.includes(txId)), wanted)
  })

  const { setRunning, setOrganization } = network
  if (setRunning !== undefined) {
    t.test('the network goes away and comes back', async (t) => {
      const { ledger, next } = await freshLog(t)
      await ledger.anchor([batchHeaderBytes(next())], none)
      const header = batchHeaderBytes(next())
      const stop = new AbortController()
      const numbers: string[] = []
      const following = (async () => {
        for await (const block of ledger.follow('0', stop.signal)) numbers.push(block.data.number)
      })()
      await setRunning(false)
      await refused(t, ledger.height(), 'UNAVAILABLE')
      await refused(t, ledger.anchor([header], () => { throw new Error('nothing is to be sent') }), 'UNAVAILABLE')
      await setRunning(true)
      await until(async () => await ledger.height().then(() => true, () => false))
      const { txId, entries } = await untilDone(async () => await ledger.anchor([header], none))
      t.equal(entries.length, 1)
      const { block } = await ledger.transaction(txId ?? '') ?? { block: '' }
      await until(() => Promise.resolve(numbers.includes(block)))
      stop.abort()
      await following
      t.same(numbers, numbers.map((_, i) => String(i)), 'followed across it, each block once')
    })

    t.test('the network dies right after it took the transaction', async (t) => {
      const { next, reopen, ledger } = await freshLog(t)
      const header = batchHeaderBytes(next())
      const dying = await reopen({
        commitMs: 300,
        intercept: (real) => ({
          ...real,
          broadcast: async (transaction) => {
            await real.broadcast(transaction)
            await setRunning(false)
          }
        })
      })
      let announced = ''
      const dead = await refused(t, dying.anchor([header], (id) => { announced = id; return Promise.resolve() }), 'UNKNOWN_OUTCOME')
      t.equal(dead.txId, announced)
      await setRunning(true)
      const { entries } = await untilDone(async () => await ledger.anchor([header], none))
      t.equal(jcs(entries[0]), jcs(await ledger.findBatch('0')))
    })
  }

  if (setOrganization !== undefined && network.others.length >= 2) {
    t.test('an organization stopped does not stop the ledger; too many do, and it recovers by itself', async (t) => {
      const { ledger, next } = await freshLog(t)
      const all = network.organizations
      const [first = '', ...others] = network.others
      await setOrganization(first, false)
      t.teardown(async () => { for (const name of network.others) await setOrganization(name, true) })
      await ledger.anchor([batchHeaderBytes(next())], none)
      checkAttestation(t, await ledger.attestBatch('0'), all)
      t.ok((await ledger.attestBatch('0')).attestation.endorsements.length < all)
      const stopped = others.slice(0, all - majorityOf(all))
      for (const name of stopped) await setOrganization(name, false)
      const header = batchHeaderBytes(next())
      await refused(t, ledger.anchor([header], () => { throw new Error('nothing is to be sent') }), 'UNAVAILABLE')
      await refused(t, ledger.attestBatch('0'), 'UNAVAILABLE')
      t.equal((await ledger.findBatch('0'))?.header.number, '0', 'what is there can still be read')
      for (const name of [first, ...stopped]) await setOrganization(name, true)
      t.equal((await untilDone(async () => await ledger.anchor([header], none))).entries.length, 1)
      await until(async () => (await ledger.attestBatch('1')).attestation.endorsements.length === all)
    })

    t.test('the client\'s own organization is stopped: a client that begins then goes on by the others', async (t) => {
      const { next, reopen } = await freshLog(t)
      await setOrganization(network.own, false)
      t.teardown(async () => { await setOrganization(network.own, true) })
      const ledger = await reopen({})
      await ledger.anchor([batchHeaderBytes(next())], none)
      checkAttestation(t, await ledger.attestBatch('0'), network.organizations)
      await setOrganization(network.own, true)
      await until(async () => (await ledger.attestBatch('0')).attestation.endorsements.length === network.organizations)
    })
  }
}

const none = (): Promise<void> => Promise.resolve()

/** What a trust bundle's history is made of, found in the blocks. */
async function historyOf (ledger: Ledger): Promise<FabricHistory> {
  const configs: BlockData[] = []
  const definitions: Array<{ block: BlockData, transaction: string }> = []
  const genesis = (await ledger.block('0')).data
  for (let number = 1n, height = BigInt(await ledger.height()); number < height; number++) {
    const { data, transactions } = await ledger.block(String(number))
    if (transactions[0]?.type === 1) configs.push(data)
    transactions.forEach(({ type, code }, i) => {
      if (type !== 3 || code !== 0) return
      const { readWriteSets } = parseEndorserTransaction(fromBase64url(data.data[i] ?? ''))
      const commits = readWriteSets.some(({ namespace, writes }) =>
        namespace === LIFECYCLE && writes.some(({ key }) => key === sequenceKey(ledger.chaincode)))
      if (commits) definitions.push({ block: data, transaction: String(i) })
    })
  }
  const header = { number: 0n, previousHash: new Uint8Array(0), dataHash: dataHash(nodeCrypto, genesis.data.map(fromBase64url)) }
  const identity = { channel: ledger.channel, chaincode: ledger.chaincode, genesis: toHex(headerHash(nodeCrypto, header)) }
  const history = verifyHistory(nodeCrypto, identity, { genesis: { number: '0', data: genesis.data }, configs, definitions })
  if (!history.ok) throw new Error(JSON.stringify(history))
  return history.value
}

function expectOk<T> (t: Test, result: FabricResult<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result))
  t.ok(result.ok)
  return result.value
}

async function refused (t: Test, call: Promise<unknown>, code: LedgerErrorCode, reason?: string): Promise<LedgerError> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    t.equal(error.code, code, error.message)
    if (reason !== undefined) t.equal(error.reason, reason)
    return error
  }
  throw new Error(`accepted, where ${code} was expected`)
}

/** Polls a condition; the test's own time limit ends it. */
async function until (condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await sleep(20)
}

/** What a notary does while the ledger is away: again, until it is definite. */
async function untilDone<T> (run: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof LedgerError) || !['UNAVAILABLE', 'UNKNOWN_OUTCOME', 'CONFLICT'].includes(error.code)) throw error
      await sleep(50)
    }
  }
}

/** Proposals made by a clock that is wrong by so many milliseconds. */
function proposingAt (by: number): (client: FabricClient) => FabricClient {
  return (real) => ({
    ...real,
    propose: async (...args) => {
      await real.evaluate('qscc', ['GetChainInfo', 'evidence']).catch(() => undefined) // connected, by the right clock
      mock.timers.enable({ apis: ['Date'], now: Date.now() + by })
      try {
        return await real.propose(...args)
      } finally {
        mock.timers.reset()
      }
    }
  })
}

/** Each endorsement verifies, by distinct organizations, at least a majority; returns the answer that they signed. */
function checkAttestation (t: Test, { attestation, identities }: AttestedQuery, organizations: number): Uint8Array {
  const payload = fromBase64url(attestation.responsePayload)
  const msps = attestation.endorsements.map(({ identity, signature }) => {
    const endorser = fromBase64url(identities[identity] ?? '')
    t.equal(toHex(nodeCrypto.sha256(endorser)), identity)
    const { mspId, pem } = parseSerializedIdentity(endorser)
    const { publicKey } = parseCertificate(pem)
    t.ok(publicKey !== undefined && verifyLowS(nodeCrypto, publicKey, endorsedBytes(payload, endorser), fromBase64url(signature)))
    return mspId
  })
  t.equal(new Set(msps).size, msps.length)
  t.equal(Object.keys(identities).length, msps.length)
  t.ok(msps.length >= majorityOf(organizations))
  const response = parseResponsePayload(payload)
  const { channelHeader = '', signatureHeader = '', payload: proposal = '' } = attestation.proposal ?? {}
  const hash = proposalHash(nodeCrypto, fromBase64url(channelHeader), fromBase64url(signatureHeader), fromBase64url(proposal))
  t.equal(toHex(response.proposalHash), toHex(hash))
  return response.action.response.payload
}
