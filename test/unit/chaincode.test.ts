import t from 'tap'
import { batchHeaderBytes } from '../../src/core/batch.js'
import { equalBytes, fromUtf8, utf8 } from '../../src/core/bytes.js'
import { jcs } from '../../src/core/jcs.js'
import { batchKey, contractFunction, logKey, parseReadBack, rootKey } from '../../src/core/ledger-values.js'
import { anchorArgument } from '../../src/core/log.js'
import { certificateWith, type ContractAnswer, ContractStub } from '../support/contract-stub.js'
import { HeaderMaker, ORIGIN, spkiOf, T0 } from '../support/log-model.js'

const service = { mspId: 'OperatorMSP', certificate: await certificateWith({ 'steelyard.anchor': 'true' }) }
const reader = { mspId: 'CourtMSP', certificate: await certificateWith({}) }
const codeOf = (answer: ContractAnswer): string => answer.status === 200 ? 'ok' : answer.message.split(':')[0] ?? ''

async function opened (): Promise<ContractStub> {
  const stub = new ContractStub(T0)
  t.equal(codeOf(await stub.call(service, T0, 'openLog', ORIGIN, '30000', '86400000', spkiOf(1))), 'ok')
  return stub
}

t.test('the metadata names the parameters of every function, and the context is not among them', async (t) => {
  const { transactions } = new ContractStub(T0)
  const parameters: Record<string, string[]> = {
    openLog: ['origin', 'skewMs', 'deadlineMs', 'spki'],
    anchor: ['origin', 'headers'],
    registerKey: ['origin', 'spki', 'fromBatch'],
    revokeKey: ['origin', 'keyId', 'until', 'compromisedFrom'],
    readBatch: ['origin', 'number'],
    getKeys: ['origin'],
    status: ['origin'],
    findByRoot: ['origin', 'root'],
    getHead: ['origin'],
    getBatches: ['origin', 'from', 'count'],
    getInclusion: ['origin', 'number', 'size'],
    getConsistency: ['origin', 'first', 'second']
  }
  t.same(Object.fromEntries(transactions.map(({ name, parameters = [] }) => [name, parameters.map((p) => p.name)])), parameters)
  t.ok(transactions.every(({ parameters = [] }) => parameters.every((p) => p.schema.type === 'string')))
  for (const name of Object.keys(parameters)) t.equal(contractFunction(name, 'name'), name)
})

t.test('the clock that the contract is given decides', async (t) => {
  const stub = await opened()
  stub.setClock(T0 + 30_001)
  t.equal(codeOf(await stub.call(service, T0, 'status', ORIGIN)), 'CLOCK')
})

t.test('anchor needs the attribute and the owner, writes three keys and an event', async (t) => {
  const stub = await opened()
  const header = new HeaderMaker().next(2)
  const call = async (who: typeof service): Promise<ContractAnswer> =>
    await stub.call(who, T0 + 120, 'anchor', ORIGIN, anchorArgument([batchHeaderBytes(header)]))
  const plain = { mspId: 'OperatorMSP', certificate: reader.certificate }
  const other = { mspId: 'CourtMSP', certificate: service.certificate }
  const denied = { mspId: 'OperatorMSP', certificate: await certificateWith({ 'steelyard.anchor': 'false' }) }
  for (const who of [plain, other, denied]) {
    t.equal(codeOf(await call(who)), 'FORBIDDEN')
    t.same(stub.writes, [])
  }
  t.equal(codeOf(await call(service)), 'ok')
  t.same(stub.writes.map(([key]) => key), [batchKey(ORIGIN, '0'), rootKey(ORIGIN, header.root), logKey(ORIGIN)])
  t.equal(stub.event?.name, 'steelyard.anchored.v1')
  t.equal(codeOf(await call(service)), 'ok')
  t.same(stub.writes, [], 'again: found')
  t.equal(stub.event, undefined)
})

t.test('the answer of readBatch is exactly its JCS bytes, after exactly one read and no write', async (t) => {
  const stub = await opened()
  const header = new HeaderMaker().next(2)
  await stub.call(service, T0 + 120, 'anchor', ORIGIN, anchorArgument([batchHeaderBytes(header)]))
  const answer = await stub.call(reader, T0 + 999, 'readBatch', ORIGIN, '0')
  t.equal(codeOf(answer), 'ok')
  const back = parseReadBack(answer.payload)
  t.ok(equalBytes(answer.payload, utf8(jcs(back))))
  t.equal(back.channel, 'evidence')
  t.equal(back.time, new Date(T0 + 999).toISOString(), 'nanoseconds are cut to milliseconds')
  t.equal(jcs(back.entry), fromUtf8(stub.state.get(batchKey(ORIGIN, '0')) as Uint8Array))
  t.same(stub.reads, [batchKey(ORIGIN, '0')])
  t.same(stub.writes, [])
  t.equal(codeOf(await stub.call(reader, T0, 'readBatch', ORIGIN, '1')), 'NOT_FOUND')
})

t.test('an empty answer is empty, and wrong arguments are refused by the dispatcher or by the log', async (t) => {
  const stub = await opened()
  t.equal((await stub.call(reader, T0, 'findByRoot', ORIGIN, '00'.repeat(32))).payload.length, 0)
  t.equal(codeOf(await stub.call(reader, T0, 'findByRoot', ORIGIN, 'XY')), 'FORMAT')
  t.not((await stub.call(reader, T0, 'findByRoot', ORIGIN)).status, 200)
  t.not((await stub.call(reader, T0, 'drop', ORIGIN)).status, 200)
  for (const [name, ...args] of [['getHead'], ['getBatches', '0', '5'], ['getConsistency', '0', '0'], ['getKeys']] as const) {
    t.equal(codeOf(await stub.call(reader, T0, name, ORIGIN, ...args)), 'ok', name)
  }
  t.equal(codeOf(await stub.call(service, T0, 'registerKey', ORIGIN, spkiOf(2), '0')), 'ok')
  const { register } = JSON.parse(fromUtf8((await stub.call(reader, T0, 'getKeys', ORIGIN)).payload)) as { register: { keys: Array<{ keyId: string }> } }
  t.equal(codeOf(await stub.call(service, T0, 'revokeKey', ORIGIN, register.keys[1]?.keyId ?? '', '4', '')), 'ok')
})
