import { readFileSync } from 'node:fs'
import t from 'tap'
import { concat, fromUtf8, toHex } from '../../src/core/bytes.js'
import { dataHash, headerDer, headerHash, parseBlock } from '../../src/core/fabric/block.js'
import { verifyHistory } from '../../src/core/fabric/history.js'
import type { FabricResult } from '../../src/core/fabric/refusal.js'
import { createFabricVerifier, type FabricVerifier } from '../../src/core/fabric/verifier.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { block, blockData, crossLink, documentOf, file, FOLDER, history, identity, queryData } from './fabric-vectors.js'

interface Listed {
  number: number
  previousHash: string
  dataHash: string
  orderers: number[]
  txs: { type: number, txId: string, endorsers?: string[], chaincode?: string }[]
}

const listed = JSON.parse(readFileSync(`${FOLDER}/blocks.json`, 'utf8')) as Listed[]

function verifier (configs?: number[]): FabricVerifier {
  const verified = verifyHistory(nodeCrypto, identity, history(configs))
  if (!verified.ok) throw new Error(`${verified.code}: ${verified.detail}`)
  return createFabricVerifier(nodeCrypto, verified.value)
}

function codeOf (result: FabricResult<unknown>): string {
  return result.ok ? 'ok' : result.code
}

const key = 'batch:mv1795478032601'
const valid = '54d51f6368b95896d0687cfdf9d9565b494acd1d047e77cd8ddfe85adaf3b603'

void t.test('hashes of the real blocks', async (t) => {
  for (const { number, previousHash, dataHash: expected } of listed) {
    const { header, data } = block(number)
    t.equal(toHex(dataHash(nodeCrypto, data)), expected, `data hash of block ${number}`)
    t.equal(toHex(header.previousHash), previousHash)
  }
  t.equal(toHex(headerHash(nodeCrypto, block(0).header)), listed[1]?.previousHash, 'block 1 follows block 0')
  t.equal(toHex(headerHash(nodeCrypto, block(6).header)), listed.find(({ number }) => number === 7)?.previousHash)
})

void t.test('the history of the real network', async (t) => {
  const { history: facts } = verifier()
  t.same(facts.ranges.map(({ from, until }) => [from, until]), [[0n, 157n], [157n, undefined]])
  t.same(facts.ranges.map(({ config }) => config.batchTimeout), ['200ms', '300ms'])
  t.match(facts.definitions, [{
    name: 'anchor',
    version: '1',
    sequence: 1,
    at: { block: 5n, tx: 0n },
    policy: { kind: 'reference', path: '/Channel/Application/Endorsement' }
  }])
  t.equal(facts.lastBlock, 157n)
})

void t.test('a history that does not follow from the identity is refused', async (t) => {
  const refused = (id: Partial<typeof identity>, other: Partial<ReturnType<typeof history>>): string =>
    codeOf(verifyHistory(nodeCrypto, { ...identity, ...id }, { ...history(), ...other }))
  const [definition] = history().definitions
  const [config] = history().configs
  if (definition === undefined || config === undefined) throw new Error('no history')
  t.equal(refused({}, {}), 'ok')
  t.equal(refused({ genesis: '00'.repeat(32) }, {}), 'GENESIS')
  t.equal(refused({ channel: 'other' }, {}), 'CHANNEL')
  t.equal(refused({ chaincode: 'other' }, {}), 'DEFINITION')
  t.equal(refused({}, { genesis: { number: '0', data: config.data } }), 'GENESIS')
  t.equal(refused({}, { configs: [config, config] }), 'LAST_CONFIG', 'a configuration twice')
  t.equal(refused({}, { configs: [definition.block] }), 'LAST_CONFIG', 'an ordinary block as configuration')
  t.equal(refused({}, { definitions: [definition, definition] }), 'DEFINITION', 'a definition twice')
  t.equal(refused({}, { definitions: [{ ...definition, transaction: '1' }] }), 'TRANSACTION_INDEX')
  const { transaction, ...approval } = blockData(1)
  t.equal(refused({}, { definitions: [{ block: approval, transaction }] }), 'ENDORSEMENT_POLICY', 'an approval is no definition')
  const { transaction: index, ...anchor } = blockData(6)
  t.equal(refused({}, { definitions: [{ block: anchor, transaction: index }] }), 'DEFINITION')
})

void t.test('every anchor of the real blocks is ordered and endorsed', async (t) => {
  const verify = verifier()
  for (const { number, orderers, txs } of listed) {
    for (const [index, tx] of txs.entries()) {
      if (tx.chaincode !== 'anchor') continue
      const result = verify.block(blockData(number, index))
      if (!result.ok) return t.fail(`block ${number}: ${result.code} ${result.detail}`)
      const { block: ordered, endorsers, transaction, definition } = result.value
      t.equal(transaction.channelHeader.txId, tx.txId)
      t.same(endorsers.map(({ mspId }) => mspId), tx.endorsers)
      t.same(ordered.consenters.map(({ id }) => id), orderers)
      t.same([ordered.quorum, ordered.of, definition.sequence], [3, 4, 1])
    }
  }
})

void t.test('an older bundle could not check, a wrong range differs', async (t) => {
  const older = verifier([]).block(blockData(158))
  t.match(older, { ok: false, code: 'BUNDLE_OLDER', kind: 'could-not-check' })
  t.equal(codeOf(verifier([]).block(blockData(143))), 'ok')
  const data = blockData(158)
  t.equal(codeOf(verifier().block({ ...data, number: '150' })), 'LAST_CONFIG')
  t.equal(codeOf(verifier().block({ ...data, number: '0' })), 'HEADER')
  t.equal(codeOf(verifier().block(blockData(157))), 'TRANSACTION_TYPE', 'the configuration block is no anchor')
})

void t.test('single transactions that prove nothing are refused', async (t) => {
  const verify = verifier()
  t.equal(codeOf(verify.block(blockData(5))), 'CHAINCODE', 'a transaction of _lifecycle')
  t.equal(codeOf(verify.block(blockData(143, 4))), 'TRANSACTION_INDEX')
  const foreign = verifyHistory(nodeCrypto, { ...identity, channel: 'other' }, history())
  t.equal(codeOf(foreign), 'CHANNEL')
})

void t.test('the cross-linked block is refused', async (t) => {
  const linked = parseBlock(Buffer.from(crossLink.crosslinkedBlock, 'base64'))
  t.same(dataHash(nodeCrypto, linked.data), block(143).header.dataHash, 'the data hash does not notice')
  t.same(headerDer(linked.header), headerDer(block(143).header))
  t.match(verifier().block(documentOf(linked)), { ok: false, code: 'MALFORMED', kind: 'differs' })
})

void t.test('elements cut at other places are refused', async (t) => {
  const [first, second, ...rest] = block(143).data
  if (first === undefined || second === undefined) throw new Error('too few elements')
  const joined = concat(first, second)
  for (const at of [0, 1, first.length - 1, first.length + 1, joined.length]) {
    const data = [joined.subarray(0, at), joined.subarray(at), ...rest]
    t.equal(codeOf(verifier().block(documentOf({ ...block(143), data }))), at === 0 ? 'TRANSACTION_FORM' : 'MALFORMED')
  }
})

void t.test('the read-back of the real network', async (t) => {
  const verify = verifier()
  const { data, identities } = queryData(crossLink.readBack)
  const question = { args: ['get', 'mv1795478032601'], key, version: { block: 143n, tx: 0n }, after: 143n }
  const result = verify.readback(data, identities, question)
  if (!result.ok) return t.fail(`${result.code} ${result.detail}`)
  const { payload, endorsers, version, full } = result.value
  t.equal(fromUtf8(payload), '{"id":"mv1795478032601","root":"04","n":9}')
  t.equal(endorsers.length, 4)
  t.same([version, full], [{ block: 143n, tx: 0n }, true])

  const { proposal, ...compact } = data
  t.match(verify.readback(compact, identities, question), { ok: true, value: { full: false } })
  const ask = (other: Partial<typeof question>): string => codeOf(verify.readback(data, identities, { ...question, ...other }))
  t.equal(ask({ version: { block: 143n, tx: 1n } }), 'READ_VERSION')
  t.equal(ask({ version: { block: 142n, tx: 0n } }), 'READ_VERSION')
  t.equal(ask({ key: 'batch:other' }), 'READ_WRITE_SET')
  t.equal(ask({ args: ['get', 'other'] }), 'PROPOSAL')
  t.equal(ask({ args: ['get'] }), 'PROPOSAL')
  const { version: _, ...anywhere } = question
  t.equal(codeOf(verify.readback(data, identities, anywhere)), 'ok')

  t.equal(codeOf(verify.readback(data, {}, question)), 'IDENTITY')
  const [one, two, ...others] = data.endorsements
  if (one === undefined || two === undefined || proposal === undefined) throw new Error('too few endorsements')
  const endorsed = (endorsements: typeof data.endorsements): string => codeOf(verify.readback({ ...data, endorsements }, identities, question))
  t.equal(endorsed([one, two, ...others.slice(1)]), 'ok', 'three of four')
  t.equal(endorsed([one, two]), 'ENDORSEMENT_POLICY', 'two of four')
  t.equal(endorsed([one, one, two]), 'ENDORSER_TWICE')
  t.equal(endorsed([one, { ...two, signature: one.signature }, ...others]), 'ENDORSER_SIGNATURE')
  const swapped = Object.fromEntries(Object.entries(identities).map(([digest, _], i, all) => [digest, all[(i + 1) % all.length]?.[1] ?? '']))
  t.equal(codeOf(verify.readback(data, swapped, question)), 'IDENTITY')
  const elsewhere = { ...proposal, payload: queryData(Object.values(crossLink.qscc)[0] ?? crossLink.readBack).data.proposal?.payload ?? '' }
  t.equal(codeOf(verify.readback({ ...data, proposal: elsewhere }, identities, question)), 'PROPOSAL')
})

void t.test('the peers\' own answers about block 143', async (t) => {
  const verify = verifier()
  for (const [index, { txId }] of (listed.find(({ number }) => number === 143)?.txs ?? []).entries()) {
    const ordered = verify.block(blockData(143, index))
    const answer = crossLink.qscc[txId]
    if (!ordered.ok || answer === undefined) return t.fail(`transaction ${index}`)
    const { data, identities } = queryData(answer)
    t.equal(codeOf(verify.qscc(data, identities, ordered.value)), txId === valid ? 'ok' : 'VALIDATION_CODE')
    const { proposal, ...compact } = data
    t.equal(codeOf(verify.qscc(compact, identities, ordered.value)), 'PROPOSAL')
    const other = verify.block(blockData(143, (index + 1) % 4))
    if (!other.ok) return t.fail()
    t.equal(codeOf(verify.qscc(data, identities, other.value)), 'PROPOSAL', 'an answer about another transaction')
  }
})

void t.test('every altered byte of a block\'s evidence is noticed', async (t) => {
  const verified = verifyHistory(nodeCrypto, identity, history())
  if (!verified.ok) return t.fail()
  const parsed = block(159)
  const [element] = parsed.data
  if (element === undefined) return t.fail()
  const accepted: string[] = []
  const alter = (bytes: Uint8Array, at: number, bit: number): Uint8Array => {
    const copy = Uint8Array.from(bytes)
    copy[at] = (copy[at] ?? 0) ^ (1 << bit)
    return copy
  }
  const verify = createFabricVerifier(nodeCrypto, verified.value)
  const check = (what: string, changed: Partial<typeof parsed>): void => {
    if (verify.block(documentOf({ ...parsed, ...changed })).ok) accepted.push(what)
  }
  // One bit each, another from byte to byte: the single bits of all bytes would say the same eight times.
  for (let i = 0; i < element.length; i++) check(`data ${i}`, { data: [alter(element, i, i % 8)] })
  for (let i = 0; i < parsed.signatures.length; i++) check(`signatures ${i}`, { signatures: alter(parsed.signatures, i, i % 8) })
  for (let i = 0; i < 32; i++) {
    check(`previous hash ${i}`, { header: { ...parsed.header, previousHash: alter(parsed.header.previousHash, i, i % 8) } })
  }
  t.same(accepted, [])
  t.equal(codeOf(verify.block(documentOf({ ...parsed, data: [concat(element, Uint8Array.of(0))] }))), 'MALFORMED')
  t.equal(codeOf(verify.block(documentOf({ ...parsed, signatures: parsed.signatures.subarray(0, -1) }))), 'MALFORMED')
  t.equal(codeOf(verify.block({ ...documentOf(parsed), number: '160' })), 'ORDERER_SIGNATURE')
  t.equal(file('block-159.pb').length, 5421)
})
