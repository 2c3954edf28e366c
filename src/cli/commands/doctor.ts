import { X509Certificate } from 'node:crypto'
import { access, constants, readdir, readFile, stat, statfs } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type NetworkStatus, networkStatus } from '../../../network/embedded/client.js'
import { unusable } from '../../store/unusable.js'
import { type Check, messageOf } from '../check.js'
import { CliError } from '../errors.js'
import { accepts, profileChecks, readinessChecks } from '../ledger-checks.js'
import { connect, dataFolder, type ServiceOptions, serviceUrl } from '../service.js'
import type { Terminal } from '../terminal.js'
import { networkFolder } from './network.js'

const MIN_FREE = 1024 ** 3
const MAX_CLOCK_DIFFERENCE_S = 2
const EXPIRY_WARNING_MS = 7 * 86_400_000

export interface DoctorOptions extends ServiceOptions {
  /** Wait for a service that is starting. */
  readonly wait?: boolean
}

const WAIT_MS = 60_000
const POLL_MS = 100

/** Looks at what an operator would look at first. Exit code 1 when something is a problem. */
export async function run (options: DoctorOptions, terminal: Terminal): Promise<number> {
  const data = resolve(dataFolder(options.data))
  const url = serviceUrl(options.url)
  if (options.wait === true) await untilReady(url, data)
  const served = service(url, data)
  const checks = [node(), ...(await Promise.all([
    folder(data), disk(data), credentials(data), port(url), served, served.then(async (found) => await ledger(data, found)), identity(data)
  ])).flat()]
  const problems = checks.filter(({ level }) => level === 'problem').length
  terminal.result(checks.map(line).join('\n'), { ok: problems === 0, checks })
  return problems === 0 ? 0 : 1
}

async function untilReady (url: string, data: string): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline;) {
    if ((await readinessChecks(url, data))[0]?.level === 'ok') return
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
  }
}

function line ({ name, level, says, advice }: Check): string {
  return `${level.padEnd(8)} ${name.padEnd(12)} ${says}${advice === undefined ? '' : `\n${' '.repeat(22)}-> ${advice}`}`
}

function node (): Check {
  return { name: 'node', level: 'ok', says: process.version }
}

async function folder (data: string): Promise<Check> {
  try {
    await access(data, constants.R_OK | constants.W_OK | constants.X_OK)
    const mode = (await stat(data)).mode & 0o077
    return mode === 0
      ? { name: 'data', level: 'ok', says: data }
      : { name: 'data', level: 'warning', says: `${data} can be entered by others`, advice: `chmod 700 ${data}` }
  } catch (error) {
    return codeOf(error) === 'ENOENT'
      ? { name: 'data', level: 'warning', says: `${data} does not exist yet`, advice: 'it is made by the first start; or set STEELYARD_DATA' }
      : { name: 'data', level: 'problem', says: `${data} is not accessible (${codeOf(error)})`, advice: unusable(error, data)?.message ?? 'run as the user that owns it' }
  }
}

async function disk (data: string): Promise<Check> {
  try {
    const { bavail, bsize } = await statfs(await exists(data) ? data : resolve(data, '..'))
    const free = bavail * bsize
    const says = `${(free / 1024 ** 3).toFixed(1)} GiB free`
    return free < MIN_FREE
      ? { name: 'disk', level: 'problem', says, advice: 'free some space: a deposit is acknowledged only when it is on the disk' }
      : { name: 'disk', level: 'ok', says }
  } catch (error) {
    return { name: 'disk', level: 'warning', says: `free space is unknown (${codeOf(error)})` }
  }
}

async function credentials (data: string): Promise<Check[]> {
  try {
    const mode = (await stat(join(data, 'credentials.json'))).mode & 0o077
    return [mode === 0
      ? { name: 'credentials', level: 'ok', says: 'readable by their owner only' }
      : { name: 'credentials', level: 'problem', says: 'credentials.json is readable by others', advice: `chmod 600 ${join(data, 'credentials.json')}` }]
  } catch {
    return []
  }
}

/** Whether anything listens where the service should. */
async function port (url: string): Promise<Check> {
  const listening = await accepts(url)
  return listening
    ? { name: 'port', level: 'ok', says: `something listens at ${url}` }
    : { name: 'port', level: 'problem', says: `nothing listens at ${url}`, advice: 'scripts/start, or `steelyard serve`; or give --url' }
}

/** What the service says of itself, and whether its clock and this one agree. */
async function service (url: string, data: string): Promise<Check[]> {
  try {
    const asked = Date.now()
    const { headers } = await connect(url).call('GET', '/health/live')
    const checks: Check[] = [{ name: 'service', level: 'ok', says: 'alive' }]
    if (headers.date !== undefined) checks.push(clock(asked, headers.date))
    return [...checks, ...await readinessChecks(url, data)]
  } catch (error) {
    if (error instanceof CliError && error.code === 'UNREACHABLE') return []
    return [{ name: 'service', level: 'problem', says: messageOf(error), advice: 'is it another program on that port? set STEELYARD_PORT' }]
  }
}

/** A Date header has whole seconds, and may have been cached for one. */
function clock (asked: number, date: string): Check {
  const seconds = Math.round(Math.abs(Date.parse(date) - asked) / 1000)
  return seconds > MAX_CLOCK_DIFFERENCE_S
    ? { name: 'clock', level: 'problem', says: `differs from the service's by ${seconds} s`, advice: 'synchronize both with NTP: endorsers refuse anchors outside their window' }
    : { name: 'clock', level: 'ok', says: 'agrees with the service\'s' }
}

/** `served`: what the service says, which this does not contradict. */
async function ledger (data: string, served: readonly Check[]): Promise<Check[]> {
  const { STEELYARD_LEDGER: setting = 'embedded' } = process.env
  if (setting !== 'embedded') return await profileChecks(setting)
  const dir = networkFolder({ data })
  const found = await networkStatus(dir).catch(() => undefined)
  if (found === undefined && served.some(({ reasons }) => reasons?.includes('LEDGER_MISSING'))) {
    return [{ name: 'ledger', level: 'problem', says: `no embedded network is in ${dir}, and the log was on one`, advice: 'see above; one that is begun in its place would not have the log' }]
  }
  if (found === undefined) {
    return [{ name: 'ledger', level: 'warning', says: 'the embedded network does not run', advice: `the service starts it; alone: steelyard network up --dir ${dir}` }]
  }
  return [embedded(found)]
}

function embedded (found: NetworkStatus): Check {
  const missing = [found.quorum.endorsement ? '' : 'no endorsing majority', found.quorum.ordering ? '' : 'no quorum of orderers', found.ready ? '' : 'not ready']
    .filter((text) => text !== '')
  const stopped = found.organizations.filter(({ running }) => !running.peer || !running.orderer).map(({ name }) => name)
  const says = [`embedded, ${found.height} blocks`, ...missing, ...(stopped.length > 0 ? [`stopped: ${stopped.join(', ')}`] : [])].join(', ')
  if (missing.length > 0) return { name: 'ledger', level: 'problem', says, advice: 'steelyard network start ORG' }
  return { name: 'ledger', level: stopped.length > 0 ? 'warning' : 'ok', says }
}

/** The service's certificates at the ledger: enrolled, and not about to expire. */
async function identity (data: string): Promise<Check[]> {
  const wallet = join(data, 'wallet')
  const names = await readdir(wallet).catch(() => [])
  return await Promise.all(names.filter((name) => name.endsWith('.json')).map(async (name) => await certificate(join(wallet, name), name)))
}

async function certificate (path: string, name: string): Promise<Check> {
  try {
    const { certificatePem } = JSON.parse(await readFile(path, 'utf8')) as { certificatePem: string }
    const until = new X509Certificate(certificatePem).validTo
    const left = Date.parse(until) - Date.now()
    const says = `${name.replace('.json', '')} valid until ${new Date(until).toISOString().slice(0, 10)}`
    if (left < 0) return { name: 'identity', level: 'problem', says, advice: 'expired: the service enrols a new one when it starts and the CA answers' }
    return { name: 'identity', level: left < EXPIRY_WARNING_MS ? 'warning' : 'ok', says }
  } catch (error) {
    return { name: 'identity', level: 'problem', says: `${path}: ${messageOf(error)}`, advice: 'remove it: the service enrols a new one' }
  }
}

async function exists (path: string): Promise<boolean> {
  return await access(path).then(() => true, () => false)
}

function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : messageOf(error)
}
