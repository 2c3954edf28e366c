import * as grpc from '@grpc/grpc-js'
import type { GatewayError } from '@hyperledger/fabric-gateway'
import t from 'tap'
import { counterNetwork } from '../support/counter-network.js'

const counter = await counterNetwork(t, 1, { connectTimeout: 1000, executeTimeout: 5000 })
const contract = counter.peerGateway('operator').getNetwork('evidence').getContract('counter')

async function evaluate (name: string, ...args: string[]): Promise<string> {
  return Buffer.from(await contract.evaluateTransaction(name, ...args)).toString()
}

async function submit (name: string, ...args: string[]): Promise<string> {
  return Buffer.from(await contract.submitTransaction(name, ...args)).toString()
}

async function failureOf (promise: Promise<unknown>): Promise<GatewayError> {
  try {
    await promise
  } catch (error) {
    return error as GatewayError
  }
  throw new Error('did not fail')
}

t.test('ranges in byte order, through as many messages as it takes', async (t) => {
  await submit('fill', 'k', '250')
  const keys = JSON.parse(await evaluate('list', 'k', 'l')) as string[]
  t.equal(keys.length, 250)
  t.same(keys, [...keys].sort())
  t.same(JSON.parse(await evaluate('list', 'k0010', 'k0012')), ['k0010', 'k0011'])
  t.same(JSON.parse(await evaluate('list', 'x', 'y')), [])
  await submit('list', 'k', 'l') // its read set is valid as well
})

t.test('pages by bookmark', async (t) => {
  const seen: string[] = []
  let bookmark = ''
  do {
    const page = JSON.parse(await evaluate('page', 'k', 'l', '120', bookmark)) as { keys: string[], bookmark: string, count: number }
    t.equal(page.count, page.keys.length)
    seen.push(...page.keys)
    bookmark = page.bookmark
  } while (bookmark !== '')
  t.equal(seen.length, 250)
  t.equal(new Set(seen).size, 250)
})

t.test('history, newest first, with timestamps', async (t) => {
  await submit('create', 'h', '1')
  await submit('increment', 'h')
  await submit('remove', 'h')
  const entries = JSON.parse(await evaluate('history', 'h')) as Array<{ value: string, isDelete: boolean, seconds: number }>
  t.same(entries.map(({ value, isDelete }) => [value, isDelete]), [['', true], ['2', false], ['1', false]])
  t.ok(entries.every(({ seconds }) => Math.abs(seconds - Date.now() / 1000) < 60))
})

t.test('a transaction does not see its own writes', async (t) => {
  await submit('create', 'own', 'old')
  t.equal(await evaluate('readOwnWrite', 'own'), 'old')
})

t.test('what the network does not keep is refused', async (t) => {
  for (const [name, pattern] of [
    ['keyPolicy', /PUT_STATE_METADATA failed/], ['privateData', /PUT_STATE failed.*private data/], ['richQuery', /GET_QUERY_RESULT failed/]
  ] as const) {
    const failure = await failureOf(submit(name, 'key'))
    t.equal(failure.code, grpc.status.ABORTED, name)
    t.match(failure.details[0]?.message, pattern)
  }
})

t.test('calls between chaincodes', async (t) => {
  t.same(JSON.parse(await submit('call', 'second', '', 'create', 'called', '1')), { status: 200, message: '', payload: '1' })
  const second = counter.peerGateway('operator').getNetwork('evidence').getContract('second')
  t.equal(Buffer.from(await second.evaluateTransaction('read', 'called')).toString(), '1', 'written in the namespace of the callee')
  t.match((await failureOf(evaluate('read', 'called'))).message, /missing/)
  const refused = JSON.parse(await evaluate('call', 'second', '', 'create', 'called', '1')) as { status: number, message: string }
  t.same([refused.status, refused.message], [500, 'exists'])
  const unknown = await failureOf(evaluate('call', 'nocc', '', 'read', 'own', ''))
  t.match(unknown.message, /INVOKE_CHAINCODE failed.*chaincode nocc not found/)
  const elsewhere = await failureOf(evaluate('call', 'counter', 'other', 'read', 'own', ''))
  t.match(elsewhere.message, /failed to find ledger for channel: other/)
  const itself = await failureOf(evaluate('call', 'counter', '', 'read', 'own', ''))
  t.match(itself.message, /exists/, 'one stream knows a transaction once, as on a real peer')
})

t.test('interleaves many transactions on one stream', async (t) => {
  const values = await Promise.all(Array.from({ length: 50 }, async (_, i) => await submit('create', `many${i}`, String(i))))
  t.same(values, Array.from({ length: 50 }, (_, i) => String(i)))
})

t.test('execution times out', async (t) => {
  const failure = await failureOf(evaluate('wait'))
  t.equal(failure.code, grpc.status.ABORTED)
  t.match(failure.details[0]?.message, /timeout expired while executing transaction/)
  t.equal(await evaluate('read', 'own'), 'old', 'the stream lives on')
})

t.test('a chaincode that dies fails the transaction, then every call until it is back', async (t) => {
  const dying = await failureOf(evaluate('crash'))
  t.equal(dying.code, grpc.status.ABORTED)
  t.match(dying.details[0]?.message, /chaincode stream terminated/)
  const down = await failureOf(evaluate('read', 'own'))
  t.equal(down.code, grpc.status.ABORTED)
  t.match(down.details[0]?.message, /could not launch chaincode counter/)
  await counter.chaincode.start()
  t.equal(await evaluate('read', 'own'), 'old')
})
