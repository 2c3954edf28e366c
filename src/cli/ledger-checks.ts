/**
 * What `doctor` finds out about a ledger that is not its own: which nodes of the connection profile answer, and how the service says that
 * the organizations answer it.
 * @module
 */
import { connect as connectSocket } from 'node:net'
import { readProfile } from '../ledger/profile.js'
import { type Check, messageOf } from './check.js'

const TIMEOUT_MS = 3000

interface Node { readonly name: string, readonly url: string }

/** Whether the profile can be read, and whether enough of its nodes accept a connection. */
export async function profileChecks (path: string): Promise<Check[]> {
  try {
    const { channel, raw, ca } = await readProfile(path)
    const [peers, orderers] = await Promise.all([reachable(nodesIn(raw['peers'])), reachable(nodesIn(raw['orderers']))])
    const { missing } = await reachable([{ name: ca.name, url: ca.url }])
    return [
      { name: 'ledger', level: 'ok', says: `connection profile ${path}, channel ${channel}` },
      verdict('peers', peers, Math.floor(peers.all / 2) + 1, 'an anchor needs a majority'),
      verdict('orderers', orderers, quorumOf(orderers.all), 'nothing is ordered without them'),
      ...(missing.length === 0
        ? []
        : [{ name: 'authority', level: 'warning' as const, says: `${ca.name} does not answer at ${ca.url}`, advice: 'it is needed for a new identity, or a renewed one' }])
    ]
  } catch (error) {
    return [{ name: 'ledger', level: 'problem', says: messageOf(error), advice: 'STEELYARD_LEDGER is `embedded` or the path of a connection profile' }]
  }
}

interface Reached { readonly all: number, readonly missing: readonly string[] }

function verdict (name: string, { all, missing }: Reached, needed: number, why: string): Check {
  if (missing.length === 0) return { name, level: 'ok', says: `all ${all} answer` }
  const says = `${all - missing.length} of ${all} answer; not ${missing.join(', ')}`
  return all - missing.length < needed
    ? { name, level: 'problem', says: `${says}: ${why}, ${needed} of ${all}`, advice: 'ask the organizations that run them to start them; deposits wait, and none is lost' }
    : { name, level: 'warning', says, advice: 'the others carry it; ask the organization that runs it' }
}

/** Of orderers that agree by SmartBFT. */
function quorumOf (nodes: number): number {
  return Math.ceil((nodes + Math.floor((nodes - 1) / 3) + 1) / 2)
}

function nodesIn (section: unknown): Node[] {
  return Object.entries((section ?? {}) as Record<string, { url?: string }>).map(([name, { url = '' }]) => ({ name, url }))
}

async function reachable (nodes: readonly Node[]): Promise<Reached> {
  const answers = await Promise.all(nodes.map(async ({ name, url }) => await accepts(url) ? [] : [name]))
  return { all: nodes.length, missing: answers.flat() }
}

/** Whether anything accepts a connection at an address; the scheme does not matter. */
export async function accepts (url: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url)
  const number = port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port)
  return await new Promise((resolve) => {
    const socket = connectSocket({ host: hostname, port: number, timeout: TIMEOUT_MS })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.on('connect', () => { end(true) }).on('error', () => { end(false) }).on('timeout', () => { end(false) })
  })
}

/** What the service says of itself at `/health/ready`, as far as it is used here. */
interface Ready {
  readonly status: string
  readonly detail?: string
  readonly reasons: readonly string[]
  readonly stalled?: { readonly error: string }
  readonly stages: ReadonlyArray<{ readonly name: string, readonly lastSuccess?: string, readonly lastError?: { readonly code: string } }>
  readonly organizations: ReadonlyArray<{ readonly mspId: string, readonly endorses: boolean, readonly code?: string, readonly message?: string }>
}

const SAFE = 'deposits that were acknowledged are safe, and wait'

/** By the code of what is repeated; `DATA` stands for the data folder. */
const ADVICE: Readonly<Record<string, string>> = {
  STARTING: `\`steelyard doctor --wait\` waits for it, up to a minute; ${SAFE}`,
  UNAVAILABLE: `fewer nodes of the ledger answer than it needs: see the nodes below; ${SAFE}`,
  UNKNOWN_OUTCOME: `orderers take what is sent and do not deliver it: fewer than a quorum may run; ${SAFE}`,
  REFUSED: `the ledger's contract refuses what this service sends, as its log says: is it the right receipt key, and the right network? ${SAFE}`,
  FORBIDDEN: 'the ledger refuses the service\'s identity: is it revoked, expired or of another network, or is there no such channel? ' +
    `To enrol a new one, remove service.json from the data folder's wallet and start the service again; ${SAFE}`,
  LATE: `the clocks of a majority of the organizations and the service's differ: synchronize them with NTP; ${SAFE}`,
  CONFIGURATION: `the connection profile, the channel or the identity does not fit this ledger; ${SAFE}`,
  GAP: `the ledger was set back, or its peers are catching up: compare their heights, and is it the right network? ${SAFE}`,
  NETWORK_MISSING: 'bring the folder of the embedded ledger (DATA/network, and DATA/wallet) from where it was or from the backup: the service finds it. Or is ' +
    'STEELYARD_LEDGER not set, which names another ledger? If it is lost for good, DATA can be served for its proofs as it is; a new log needs a new folder',
  LEDGER_AHEAD: 'DATA is older than its ledger: `steelyard reconcile --data DATA` names the batches that it lacks; restore a newer backup, or, where the folder ' +
    'has their records, `steelyard rebuild-index --data DATA`. It goes on proving what it holds',
  LEDGER_FORK: 'somebody anchored other batches under this log\'s numbers: `steelyard reconcile --data DATA` names the first; is another service running on a copy of this folder?',
  STORE_DAMAGED: 'files of the database were removed or cut under the running service: do not stop it; take `steelyard backup`, then restore that with `steelyard import`',
  LOG_DAMAGED: 'something of the log in DATA was lost or changed, `detail` says what: copy DATA, then `steelyard rebuild-index --data DATA` and `steelyard fsck --data DATA`, which names what else differs; or restore a backup',
  BUNDLE_STALLED: 'the trust bundle that is there goes on being handed out, without what the ledger changed since; where a block of DATA is damaged, ' +
    '`steelyard fsck --data DATA` names it, and a backup brings it back',
  LOG_TRUNCATED: 'the database in DATA was set back or cut, and deposits that were acknowledged are not in it: `steelyard fsck --data DATA` says which. Put the newer files ' +
    'back or restore a newer backup; else serve DATA for its proofs, and begin a new log in a new folder',
  LOG_UNCONFIRMED: 'DATA was restored, repaired or copied, or its mark (high-water) is lost: stop the service, compare it by `steelyard reconcile --data DATA`, and if nothing that was acknowledged is missing, ' +
    'say so with --go-on. Where only the mark is lost, the service goes on by itself when the ledger agrees'
}

const REMEDIES: Readonly<Record<string, string>> = {
  UNREACHABLE: 'its peer or its contract process does not answer: ask that organization; the others carry it',
  DENIED: 'its peer refuses the service\'s identity: it may lack a block of the channel\'s configuration',
  DIFFERS: 'its peer is behind, or runs another contract than the others: compare heights and package ids',
  CLOCK: 'its clock is off: that organization should synchronize it with NTP'
}

/** Readiness, and each organization that does not endorse. `data`: the service's data folder. */
export async function readinessChecks (url: string, data: string): Promise<Check[]> {
  try {
    const ready = await (await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(TIMEOUT_MS) })).json() as Ready
    return [readiness(ready, data), ...ready.organizations.filter(({ endorses }) => !endorses).map(({ mspId, code = '', message = '' }): Check => ({
      name: 'endorsing', level: 'warning', says: `${mspId} does not endorse (${code}): ${message}`, advice: REMEDIES[code] ?? 'ask that organization; the others carry it'
    }))]
  } catch (error) {
    return [{ name: 'ready', level: 'problem', says: messageOf(error), advice: 'is it another program on that port? set STEELYARD_PORT' }]
  }
}

/**
 * What is wrong, the cause before what follows from it: a folder whose log is unconfirmed waits for its ledger first, and whoever confirms it
 * needs that as well.
 */
function causesOf ({ reasons, stalled, stages }: Ready): string[] {
  const link = reasons.includes('LEDGER_UNAVAILABLE') ? stages.find(({ name }) => name === 'ledger') : undefined
  const isStarting = link === undefined ? reasons.includes('BUNDLE_NOT_READY') : link.lastSuccess === undefined && link.lastError === undefined
  return [
    ...reasons.filter((reason) => ['STORE_DAMAGED', 'LOG_DAMAGED', 'LOG_TRUNCATED'].includes(reason)),
    ...(stalled === undefined ? [] : [stalled.error]),
    ...(link?.lastError === undefined ? [] : [link.lastError.code]),
    ...(isStarting ? ['STARTING'] : []),
    ...reasons.filter((reason) => reason === 'LOG_UNCONFIRMED' || reason === 'BUNDLE_STALLED')
  ]
}

function readiness (ready: Ready, data: string): Check {
  const { status, detail, reasons } = ready
  if (status === 'ready') return { name: 'ready', level: 'ok', says: 'takes deposits, and they reach the ledger' }
  const causes = causesOf(ready)
  const advice = causes.flatMap((code) => ADVICE[code] ?? []).map((text) => text.replaceAll('DATA', data))
  const causeFirst = [...reasons].sort((a, b) => Number(a === 'LOG_UNCONFIRMED') - Number(b === 'LOG_UNCONFIRMED'))
  return {
    name: 'ready',
    level: 'problem',
    reasons,
    says: `not ready (${causeFirst.join(', ')})${detail === undefined ? '' : `: ${detail}`}`,
    advice: advice.length === 0 ? `see the ledger below and the service's log; ${SAFE}` : advice.join('; then: ')
  }
}
