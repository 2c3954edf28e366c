import t from 'tap'
import { utf8 } from '../../src/core/bytes.js'
import { LOG_REFUSALS } from '../../src/core/log-process.js'
import { LedgerError, retryAction } from '../../src/ledger/errors.js'
import { askEveryone, Disagreement } from '../../src/ledger/fabric/agreement.js'
import type { PeerAnswer, SignedProposal } from '../../src/ledger/fabric/client.js'
import { FabricFailure, type FailureKind, ledgerError } from '../../src/ledger/fabric/failure.js'
import { createStandings } from '../../src/ledger/fabric/standing.js'

/** What an organization does: answers these words, fails so, or never answers. */
type Behaviour = string | FabricFailure | undefined

const organizations = ['A', 'B', 'C', 'D']
const failure = (kind: FailureKind, message = 'down'): FabricFailure => new FabricFailure(kind, message)
const refusal = (code: string): FabricFailure => failure('contract', `${code}: because`)

function proposal (...behaviours: Behaviour[]): SignedProposal {
  const nothing = new Uint8Array(0)
  return {
    txId: 'x',
    channelHeader: nothing,
    signatureHeader: nothing,
    payload: nothing,
    ask: async (organization): Promise<PeerAnswer> => {
      const behaviour = behaviours[organizations.indexOf(organization)]
      if (behaviour === undefined) return await new Promise(() => undefined)
      if (typeof behaviour !== 'string') throw behaviour
      return { responsePayload: utf8(behaviour), endorsement: { endorser: utf8(organization), signature: utf8('s') } }
    }
  }
}

/** The endorsers, or the failure. */
async function outcome (...behaviours: Behaviour[]): Promise<string | FabricFailure> {
  try {
    const answers = await askEveryone(proposal(...behaviours), organizations.slice(0, behaviours.length), { graceMs: 5, answerMs: 50 })
    return answers.map(({ endorsement }) => Buffer.from(endorsement.endorser).toString()).join('')
  } catch (error) {
    if (error instanceof FabricFailure) return error
    throw error
  }
}

t.test('a majority that answers alike, and nobody else', async (t) => {
  t.equal(await outcome('y'), 'A')
  t.equal(await outcome('y', 'y', 'y', 'y'), 'ABCD')
  t.equal(await outcome('y', failure('unreachable'), 'y', 'y'), 'ACD')
  t.equal(await outcome('y', 'z', 'y', 'y'), 'ACD', 'one of another mind is not among them')
  t.equal(await outcome('y', undefined, 'y', 'y'), 'ACD', 'one that hangs is not waited for')
  t.equal(await outcome('y', refusal('CLOCK'), 'y', 'y'), 'ACD', 'one whose clock is wrong does not decide')
})

t.test('without one, why', async (t) => {
  const kinds = async (...behaviours: Behaviour[]): Promise<string> => {
    const found = await outcome(...behaviours)
    return typeof found === 'string' ? found : found.kind
  }
  t.equal(await kinds('y', 'y', failure('unreachable'), failure('unreachable')), 'unreachable', 'two of four is no majority')
  t.equal(await kinds('y', 'y', undefined, undefined), 'unreachable')
  t.equal(await kinds(undefined, undefined, undefined, undefined), 'unreachable')
  t.equal(await kinds(refusal('GAP'), refusal('GAP'), refusal('GAP'), 'y'), 'contract')
  t.equal(await kinds(refusal('GAP'), refusal('GAP'), refusal('GAP'), undefined), 'contract', 'and at once')
  t.equal(await kinds(refusal('GAP'), refusal('GAP'), failure('unreachable'), failure('unreachable')), 'unreachable',
    'two of four are no majority for a refusal either')
  t.equal(await kinds(refusal('GAP'), failure('unreachable'), failure('unreachable'), failure('unreachable')), 'unreachable')
  t.equal(await kinds(failure('denied'), failure('denied'), failure('denied'), failure('denied')), 'denied')
  t.ok(await outcome('y', 'y', 'z', 'z') instanceof Disagreement)
  t.ok(await outcome('y', 'y', refusal('GAP'), failure('unreachable')) instanceof Disagreement, 'may be peers that are behind')
})

t.test('every refusal of the log has a ledger code and an action', async (t) => {
  for (const code of LOG_REFUSALS) {
    const error = ledgerError(refusal(code), 'tx')
    t.equal(error.reason, code)
    t.equal(error.txId, 'tx')
    t.not(retryAction(error), 'again-later')
  }
  const code = (error: unknown): string => ledgerError(error).code
  t.equal(code(refusal('FORK')), 'FORK')
  t.equal(code(refusal('HEAD')), 'FORK')
  t.equal(code(failure('contract', 'Error: nothing of ours')), 'REFUSED')
  t.equal(code(failure('unclear')), 'UNKNOWN_OUTCOME')
  t.equal(code(failure('unreachable')), 'UNAVAILABLE')
  t.equal(code(failure('denied')), 'FORBIDDEN')
  t.equal(code(new TypeError('a bug')), 'PROTOCOL')
  const own = new LedgerError({ code: 'GAP', message: 'm' })
  t.equal(ledgerError(own), own)
  t.equal(retryAction(new Error('anything')), 'ask-ledger')
})

t.test('who endorses, and why the others do not', async (t) => {
  const ask = async (times: number, ...behaviours: Behaviour[]): Promise<ReturnType<typeof standings.list>> => {
    for (let i = 0; i < times; i++) {
      await askEveryone(proposal(...behaviours), organizations.slice(0, behaviours.length), { graceMs: 5, answerMs: 50 }, standings).catch(() => undefined)
    }
    await new Promise((resolve) => { setImmediate(resolve) })
    return standings.list()
  }
  let now = Date.parse('2026-01-01T00:00:00Z')
  const standings = createStandings(() => now)
  t.same(standings.list(), [])
  const all = organizations.map((mspId) => ({ mspId, endorses: true }))
  t.same(await ask(3, 'y', 'y', 'y', 'y'), all)
  t.same(await ask(2, 'y', failure('unreachable'), 'y', 'y'), all, 'twice may be chance')
  now += 60_000 // `since` is the first failure's time, not that of the one that made it sure
  const [, absent] = await ask(1, 'y', failure('unreachable', 'no peer'), 'y', 'y')
  t.same(absent, { mspId: 'B', endorses: false, since: '2026-01-01T00:00:00.000Z', code: 'UNREACHABLE', message: 'no peer' })
  t.match((await ask(3, 'y', 'y', refusal('CLOCK'), 'y'))[2], { endorses: false, code: 'CLOCK' })
  t.match((await ask(3, 'y', 'y', 'y', 'z'))[3], { endorses: false, code: 'DIFFERS' })
  t.match(standings.list()[1], { endorses: true }, 'it is back')
  t.match((await ask(3, failure('denied'), 'y', 'y', 'y'))[0], { endorses: false, code: 'DENIED' })
  t.same(await ask(3, refusal('GAP'), refusal('GAP'), refusal('GAP'), refusal('GAP')), all, 'what all refuse is nobody\'s fault')
})
