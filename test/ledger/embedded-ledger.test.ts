import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { toHex, utf8 } from '../../src/core/bytes.js'
import { dataHash, headerDer, headerHash, ordererSignedBytes, type ParsedBlock, parseBlock } from '../../src/core/fabric/block.js'
import { commitHash } from '../../src/core/fabric/commit/commit-hash.js'
import { checkEnvelope } from '../../src/core/fabric/commit/envelope.js'
import type { StateUpdate } from '../../src/core/fabric/commit/state.js'
import { codes } from '../../src/core/fabric/commit/validation-codes.js'
import { verifyLowS } from '../../src/core/fabric/ecdsa.js'
import { parseEndorserTransaction } from '../../src/core/fabric/transaction.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { type OrderError, type OrgNode, definitionSequenceKey, lifecycleNamespace } from '../../network/embedded/channel.js'
import { createKeyPair } from '../../network/embedded/crypto/certificates.js'
import { serializeIdentity } from '../../network/embedded/crypto/identity.js'
import { signingIdentity } from '../../network/embedded/crypto/sign.js'
import type { EmbeddedNetworkError } from '../../network/embedded/errors.js'
import { openStore } from '../../network/embedded/ledger/store.js'
import { type EmbeddedNetwork, openNetwork } from '../../network/embedded/network.js'
import { common, kvrwset, rwset } from '../../network/embedded/proto.js'
import { replays } from '../support/replays.js'
import { commit, height, highS, makeTransaction, type TransactionOptions } from '../support/endorsed-transaction.js'

const text = (bytes: Uint8Array | undefined): string | undefined => bytes === undefined ? undefined : Buffer.from(bytes).toString()

async function open (t: Test, orgs: number, folder = join(t.testdir(), 'network')): Promise<EmbeddedNetwork> {
  const network = await openNetwork({ folder, orgs, onFailure: (error) => { t.error(error) } })
  await network.define({ name: 'counter', version: '1.0' })
  t.teardown(async () => { await network.close() })
  return network
}

async function read (network: EmbeddedNetwork, key: string): Promise<string | undefined> {
  const simulator = network.ledger.simulator()
  try {
    return text(await simulator.get('counter', key))
  } finally {
    await simulator.close()
  }
}

const put = (key: string, value: string): TransactionOptions => ({ simulate: (simulator) => { simulator.put('counter', key, utf8(value)) } })

const increment = (key: string): TransactionOptions => ({
  simulate: async (simulator) => {
    const value = Number(text(await simulator.get('counter', key)) ?? '0')
    simulator.put('counter', key, utf8(String(value + 1)))
  }
})

const countRange = (into: string): TransactionOptions => ({
  simulate: async (simulator) => {
    let count = 0
    for await (const { key } of simulator.range('counter', 'k', 'l')) count += key.length > 0 ? 1 : 0
    simulator.put('counter', into, utf8(String(count)))
  }
})

function reads (bytes: Uint8Array): kvrwset.KVRWSet {
  const [set] = rwset.TxReadWriteSet.deserializeBinary(bytes).getNsRwsetList().filter((each) => each.getNamespace() === 'counter')
  return kvrwset.KVRWSet.deserializeBinary(set?.getRwset_asU8() ?? new Uint8Array(0))
}

function stated (block: ParsedBlock): Uint8Array {
  return common.Metadata.deserializeBinary(block.metadata[4] ?? new Uint8Array(0)).getValue_asU8()
}

t.test('the commit hash of real blocks', async (t) => {
  const real = (number: number): ParsedBlock => parseBlock(readFileSync(`test/vectors/fabric/block-${number}.pb`))
  for (const number of [6, 7, 158, 159, 160]) {
    const block = real(number)
    const filter = block.metadata[2] ?? new Uint8Array(0)
    const updates = new Map<string, StateUpdate>()
    for (const [tx, envelope] of block.data.entries()) {
      if (filter[tx] !== codes.VALID) continue
      for (const { namespace, writes } of parseEndorserTransaction(envelope).readWriteSets) {
        for (const { key, value } of writes) updates.set(`${namespace} ${key}`, { namespace, key, value, block: number, tx })
      }
    }
    t.equal(toHex(commitHash(nodeCrypto, filter, [...updates.values()], stated(real(number - 1)))), toHex(stated(block)), `block ${number}`)
  }
})

t.test('one organization', async (t) => {
  const network = await open(t, 1)
  const { ledger } = network
  const org = network.orgs[0] as OrgNode

  t.test('the first blocks', async (t) => {
    t.equal(ledger.height(), 3, 'configuration, approval, commit')
    t.equal(ledger.config.quorum, 1)
    t.equal(ledger.config.consensusType, 'BFT')
    t.same(await ledger.definition('counter'), { name: 'counter', version: '1.0', sequence: 1, initRequired: false })
    t.equal(await ledger.definition('other'), undefined)
    const genesis = parseBlock(await ledger.block(0) as Uint8Array)
    t.equal(genesis.metadata.length, 5)
    t.equal(common.Metadata.deserializeBinary(genesis.signatures).getSignaturesList().length, 0)
    const first = parseBlock(await ledger.block(1) as Uint8Array)
    t.same(first.header.previousHash, headerHash(nodeCrypto, genesis.header))
    t.same(first.header.dataHash, dataHash(nodeCrypto, first.data))
    t.equal(await ledger.blockByHash(headerHash(nodeCrypto, first.header)), 1)
  })

  t.test('roles by node OU, with the marker beside it', async (t) => {
    const roleOf = (serialized: Uint8Array): string => {
      const verdict = ledger.validateCreator(serialized)
      return verdict.ok ? `${verdict.mspId} ${verdict.role} ${verdict.certificate.subject.organizationalUnits.join()}` : verdict.reason
    }
    t.equal(roleOf(org.peer.serialized), 'OperatorMSP peer peer,embedded-single')
    t.equal(roleOf(org.admin.serialized), 'OperatorMSP admin admin,embedded-single')
    t.equal(roleOf(org.orderer.serialized), 'OperatorOrdererMSP orderer orderer,embedded-single')
    const { publicKey } = await createKeyPair()
    const client = await org.ca.issue({ commonName: 'app', role: 'client', publicKey, attributes: { 'hf.Type': 'client' } })
    t.equal(roleOf(serializeIdentity('OperatorMSP', client)), 'OperatorMSP client client,embedded-single')
    t.not(roleOf(serializeIdentity('OperatorOrdererMSP', client)).includes('client'), true)
    t.equal(roleOf(utf8('nonsense')), 'IDENTITY_MALFORMED')
  })

  t.test('commits, indexes, keeps history, tells listeners', async (t) => {
    const seen: number[] = []
    const forget = ledger.onCommit((block) => { seen.push(block.number) })
    const made = await makeTransaction(network, { ...put('a', '1'), event: 'put' })
    const number = ledger.height()
    t.same(await commit(network, made), [codes.VALID])
    t.same(seen, [number])
    forget()
    t.equal(await read(network, 'a'), '1')
    t.same(await ledger.transaction(made.txId), { block: number, index: 0, code: codes.VALID })
    t.ok((await ledger.committedBlock(number))?.transactions[0]?.chaincodeEvent)
    await commit(network, await makeTransaction(network, { simulate: (simulator) => { simulator.del('counter', 'a') } }))
    t.equal(await read(network, 'a'), undefined)
    const simulator = ledger.simulator()
    const history = []
    for await (const { isDelete, value } of simulator.history('counter', 'a')) history.push([isDelete, text(value)])
    await simulator.close()
    t.same(history, [[true, ''], [false, '1']])
  })

  t.test('an empty value is a deletion', async (t) => {
    await commit(network, await makeTransaction(network, put('empty', 'x')))
    t.same(await commit(network, await makeTransaction(network, put('empty', ''))), [codes.VALID])
    t.equal(await read(network, 'empty'), undefined)
  })

  t.test('conflicts: read by two, written by one', async (t) => {
    const made = [await makeTransaction(network, increment('n')), await makeTransaction(network, increment('n'))]
    t.same(await commit(network, ...made), [codes.VALID, codes.MVCC_READ_CONFLICT])
    t.equal(await read(network, 'n'), '1')
    const late = await makeTransaction(network, increment('n'))
    await commit(network, await makeTransaction(network, increment('n')))
    t.same(await commit(network, late), [codes.MVCC_READ_CONFLICT], 'in a later block')
    t.equal(await read(network, 'n'), '2')
    const again = await makeTransaction(network, increment('n'))
    t.same(await commit(network, again), [codes.VALID])
  })

  t.test('phantoms, raw and as a summary', async (t) => {
    const quiet = await makeTransaction(network, countRange('total'))
    t.same(await commit(network, quiet), [codes.VALID], 'empty range')
    for (const size of [3, 60, 2600]) {
      await commit(network, await makeTransaction(network, {
        simulate: (simulator) => { for (let i = 0; i < size; i++) simulator.put('counter', `k${i}`, utf8('v')) }
      }))
      t.same(await commit(network, await makeTransaction(network, countRange('total'))), [codes.VALID], `${size} keys`)
      t.equal(await read(network, 'total'), String(size))
      const counted = await makeTransaction(network, countRange('total'))
      const added = await makeTransaction(network, put('kx', 'v'))
      t.same(await commit(network, added, counted), [codes.VALID, codes.PHANTOM_READ_CONFLICT], 'in the same block')
      const recounted = await makeTransaction(network, countRange('total'))
      await commit(network, await makeTransaction(network, { simulate: (simulator) => { simulator.del('counter', 'kx') } }))
      t.same(await commit(network, recounted), [codes.PHANTOM_READ_CONFLICT], 'in a later block')
    }
  })

  t.test('a range that is read in part depends on that part only', async (t) => {
    const firstTwo: TransactionOptions = {
      simulate: async (simulator) => {
        let count = 0
        for await (const entry of simulator.range('counter', 'k', 'l')) if (entry.key !== '' && ++count === 2) break
        simulator.put('counter', 'two', utf8('x'))
      }
    }
    const [before, after] = [await makeTransaction(network, firstTwo), await makeTransaction(network, firstTwo)]
    t.same(await commit(network, await makeTransaction(network, put('kz', 'v')), before), [codes.VALID, codes.VALID])
    t.same(await commit(network, await makeTransaction(network, put('k0', 'w')), after), [codes.VALID, codes.PHANTOM_READ_CONFLICT])
  })

  t.test('the read/write set is Fabric\'s', async (t) => {
    await commit(network, await makeTransaction(network, put('known', 'v')))
    const simulator = ledger.simulator()
    await simulator.get(lifecycleNamespace, definitionSequenceKey('counter'))
    for (const key of ['z', 'known', 'ﬀ', '𐀀', 'A']) await simulator.get('counter', key)
    simulator.put('counter', 'b', utf8('1'))
    simulator.put('counter', 'a', utf8('1'))
    t.equal(await simulator.get('counter', 'b'), undefined, 'own writes are not seen')
    const results = simulator.results()
    await simulator.close()
    const set = reads(results)
    t.same(rwset.TxReadWriteSet.deserializeBinary(results).getNsRwsetList().map((each) => each.getNamespace()), [lifecycleNamespace, 'counter'])
    t.same(set.getReadsList().map((each) => each.getKey()), ['A', 'b', 'known', 'z', 'ﬀ', '𐀀'], 'sorted by UTF-8 bytes')
    t.same(set.getReadsList().map((each) => each.getVersion() !== undefined), [false, false, true, false, false, false])
    t.same(set.getWritesList().map((each) => each.getKey()), ['a', 'b'])
  })

  t.test('a simulator keeps its snapshot', async (t) => {
    await commit(network, await makeTransaction(network, put('snapshot', 'old')))
    const simulator = ledger.simulator()
    await commit(network, await makeTransaction(network, put('snapshot', 'new')))
    t.equal(text(await simulator.get('counter', 'snapshot')), 'old')
    await simulator.close()
    await t.rejects(simulator.get('counter', 'snapshot'), { code: 'SIMULATION' })
  })

  t.test('duplicate transaction ids', async (t) => {
    const made = await makeTransaction(network, put('twice', '1'))
    t.same(await commit(network, made, made), [codes.VALID, codes.DUPLICATE_TXID], 'in one block')
    const at = await ledger.transaction(made.txId)
    t.same(await commit(network, made), [codes.DUPLICATE_TXID], 'later')
    t.same(await ledger.transaction(made.txId), at, 'the first stays')
  })

  t.test('what is not endorsed, or by the wrong one', async (t) => {
    const [none, byAdmin, byClientCopy] = [
      await makeTransaction(network, { ...put('bad', '1'), endorsers: [] }),
      await makeTransaction(network, { ...put('bad', '1'), endorsers: [org.admin] }),
      await makeTransaction(network, { ...put('bad', '1'), tamperEndorsement: highS })
    ]
    t.same(await commit(network, none, byAdmin, byClientCopy), Array(3).fill(codes.ENDORSEMENT_POLICY_FAILURE))
    t.equal(await read(network, 'bad'), undefined)
    t.equal((await ledger.transaction(none.txId))?.code, codes.ENDORSEMENT_POLICY_FAILURE)
  })

  t.test('what is malformed inside', async (t) => {
    const wrongHash = await makeTransaction(network, { ...put('bad', '1'), hash: new Uint8Array(32) })
    const unknown = await makeTransaction(network, { ...put('bad', '1'), chaincode: 'unknown' })
    const foreign = await makeTransaction(network, { simulate: (simulator) => { simulator.put('elsewhere', 'bad', utf8('1')) } })
    const wrongId = await makeTransaction(network, { ...put('bad', '1'), ids: { txId: '00'.repeat(32), nonce: utf8('n') } })
    t.same(await commit(network, wrongHash, unknown, foreign, wrongId), [
      codes.INVALID_ENDORSER_TRANSACTION, codes.INVALID_CHAINCODE, codes.INVALID_CHAINCODE, codes.BAD_PROPOSAL_TXID
    ])
    const highCreator = await makeTransaction(network, { ...put('bad', '1'), tamper: highS })
    t.match(checkEnvelope(nodeCrypto, ledger.config, highCreator.envelope), { ok: false, code: codes.BAD_CREATOR_SIGNATURE })
    t.match(checkEnvelope(nodeCrypto, ledger.config, utf8('nonsense')), { ok: false, code: codes.BAD_PAYLOAD })
  })

  t.test('what an orderer refuses', async (t) => {
    const status = async (envelope: Uint8Array): Promise<number> =>
      await ledger.order(envelope).then(() => 200, (error: unknown) => (error as OrderError).status)
    const outsider = await createKeyPair()
    const certificate = org.admin.certificatePem // the right certificate, another key
    t.equal(await status(utf8('nonsense')), 400)
    t.equal(await status((await makeTransaction(network, { ...put('a', '1'), channel: 'other' })).envelope), 400)
    t.equal(await status((await makeTransaction(network, { ...put('a', '1'), tamper: highS })).envelope), 403)
    t.equal(await status((await makeTransaction(network, { ...put('a', '1'), tamper: () => utf8('no DER') })).envelope), 403)
    const forged = signingIdentity(org.mspId, certificate, outsider.keyPem)
    t.equal(await status((await makeTransaction(network, { ...put('a', '1'), creator: forged })).envelope), 403)
    t.equal(await status(new Uint8Array(11 * 1024 * 1024)), 400)
  })

  t.test('a client may write a zero, but not take a value back with it', async (t) => {
    const seconds = Uint8Array.of(8, 0x80, 0x80, 0x80, 0x80, 6)
    const zero = await makeTransaction(network, { ...put('zero', '1'), timestamp: Uint8Array.of(...seconds, 0x10, 0) }) // as fabric-network
    t.same(await commit(network, zero), [codes.VALID])
    for (const rest of [[0x10, 5, 0x10, 0], [0x10, 0, 0x10, 0], [0x10, 5, 0x10, 6]]) {
      const doubled = await makeTransaction(network, { ...put('zero', '2'), timestamp: Uint8Array.of(...seconds, ...rest) })
      await t.rejects(ledger.order(doubled.envelope), { name: 'OrderError', status: 400 })
    }
  })

  t.test('streams blocks, and waits for new ones', async (t) => {
    const from = ledger.height() - 1
    const stop = new AbortController()
    const numbers: bigint[] = []
    for await (const bytes of ledger.latestBlocks(from, stop.signal)) {
      numbers.push(parseBlock(bytes).header.number)
      if (numbers.length === 1) await ledger.order((await makeTransaction(network, put('stream', '1'))).envelope)
      else stop.abort()
    }
    t.same(numbers, [BigInt(from), BigInt(from + 1)])
  })

  t.test('a replay comes to the same', async (t) => { await replays(t, network) })
})

t.test('four organizations', async (t) => {
  const network = await open(t, 4)
  const { ledger, orgs } = network
  const running = (count: number): void => { for (const [i, org] of orgs.entries()) org.running.orderer = i < count }

  t.test('a quorum signs, each by its consenter number', async (t) => {
    t.equal(ledger.config.quorum, 3)
    t.same(orgs.map(({ name }) => name), ['court', 'notary', 'forensic', 'platform'])
    t.equal(network.description.kind, 'embedded-development')
    await commit(network, await makeTransaction(network, put('a', '1')))
    const block = parseBlock(await ledger.block(ledger.height() - 1) as Uint8Array)
    const metadata = common.Metadata.deserializeBinary(block.signatures)
    const der = headerDer(block.header)
    const ids = metadata.getSignaturesList().map((each) => {
      const identifier = each.getIdentifierHeader_asU8()
      const id = common.IdentifierHeader.deserializeBinary(identifier).getIdentifier()
      const signer = orgs.find((org) => org.consenterId === id) as OrgNode
      const verdict = ledger.validateCreator(signer.orderer.serialized)
      t.ok(verdict.ok && verifyLowS(nodeCrypto, verdict.certificate.publicKey,
        ordererSignedBytes(metadata.getValue_asU8(), identifier, der), each.getSignature_asU8()))
      t.equal(each.getSignatureHeader_asU8().length, 0)
      return id
    })
    t.same(ids, [1, 2, 3])
  })

  t.test('two of four endorsements are too few, three are enough', async (t) => {
    const peers = orgs.map(({ peer }) => peer)
    const [first, second, third] = peers as [OrgNode['peer'], OrgNode['peer'], OrgNode['peer']]
    const made = await Promise.all([[first, second], [first, second, first], [first, second, third]].map(async (endorsers) =>
      await makeTransaction(network, { ...put('b', '1'), endorsers })))
    t.same(await commit(network, ...made), [codes.ENDORSEMENT_POLICY_FAILURE, codes.ENDORSEMENT_POLICY_FAILURE, codes.VALID])
    t.notOk(ledger.endorsementQuorum(['CourtMSP', 'NotaryMSP']))
    t.ok(ledger.endorsementQuorum(['CourtMSP', 'NotaryMSP', 'PlatformMSP']))
  })

  t.test('with one orderer down it goes on, with two it stops, and what waits is ordered later', async (t) => {
    running(3)
    t.same(await commit(network, await makeTransaction(network, put('c', '1'))), [codes.VALID])
    const waiting = await makeTransaction(network, put('c', '2'))
    const before = ledger.height()
    const ordered = ledger.order(waiting.envelope)
    running(2)
    await ordered
    await t.rejects(ledger.order(waiting.envelope), { name: 'OrderError', status: 503 })
    t.equal(ledger.height(), before)
    running(4)
    ledger.resume()
    await height(network, before + 1)
    t.equal(await read(network, 'c'), '2')
  })

  t.test('a replay comes to the same', async (t) => { await replays(t, network) })
})

t.test('a folder is used by one, and goes on where it was', async (t) => {
  const folder = join(t.testdir(), 'network')
  const first = await openNetwork({ folder, orgs: 1, onFailure: (error) => { t.error(error) } })
  await first.define({ name: 'counter', version: '1.0' })
  await commit(first, await makeTransaction(first, increment('n')))
  await t.rejects(openNetwork({ folder, onFailure: () => {} }), { name: 'EmbeddedNetworkError', code: 'FOLDER_LOCKED' } satisfies Partial<EmbeddedNetworkError>)
  const [identity, tip] = [first.orgs[0]?.peer.certificatePem, first.ledger.height()]
  const last = await first.ledger.block(tip - 1) as Uint8Array
  await first.close()

  const second = await openNetwork({ folder, orgs: 4, onFailure: (error) => { t.error(error) } })
  t.equal(second.orgs.length, 1, 'the folder decides')
  t.equal(second.orgs[0]?.peer.certificatePem, identity)
  t.equal(second.ledger.height(), tip)
  await second.define({ name: 'counter', version: '1.0' })
  t.equal(second.ledger.height(), tip, 'defined already')
  t.same(await commit(second, await makeTransaction(second, increment('n'))), [codes.VALID])
  t.equal(await read(second, 'n'), '2')
  const next = parseBlock(await second.ledger.block(tip) as Uint8Array)
  t.same(next.header.previousHash, headerHash(nodeCrypto, parseBlock(last).header))
  const [update] = [{ namespace: 'counter', key: 'n', value: utf8('2'), block: tip, tx: 0 }]
  t.same(stated(next), commitHash(nodeCrypto, Uint8Array.of(0), [update], stated(parseBlock(last))), 'the commit hash goes on')
  await second.close()
  const store = await openStore(join(folder, 'ledger'))
  t.equal((await store.tip())?.height, tip + 1)
  await store.close()
})
