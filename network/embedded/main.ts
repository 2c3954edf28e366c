/**
 * The process: `node dist/network/embedded/main.js --dir DIR [--orgs N] [--channel NAME] [--chaincode NAME=FOLDER]... [--with-parent]`.
 * One JSON line on stdout when it is ready; the log goes to stderr as JSON lines. Exit codes: 0 stopped, 1 failed, 75 the folder is in
 * use by another process.
 * @module
 */
import { parseArgs } from 'node:util'
import { EmbeddedNetworkError } from './errors.js'
import { type ChaincodeSource, type RunningNetwork, runNetwork, type RunOptions } from './process.js'

/** Exit code of a process that found the folder locked (EX_TEMPFAIL). */
const LOCKED = 75

function log (event: string, fields: Readonly<Record<string, unknown>> = {}): void {
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`)
}

function readOptions (): Omit<RunOptions, 'onEnd' | 'log'> & { withParent: boolean } {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string' },
      orgs: { type: 'string' },
      channel: { type: 'string' },
      chaincode: { type: 'string', multiple: true },
      'with-parent': { type: 'boolean' }
    }
  })
  if (values.dir === undefined) throw new EmbeddedNetworkError({ code: 'DESCRIPTION', message: '--dir is missing' })
  return {
    folder: values.dir,
    chaincodes: (values.chaincode ?? []).map(chaincodeSource),
    withParent: values['with-parent'] ?? false,
    ...(values.orgs === undefined ? {} : { orgs: Number(values.orgs) }),
    ...(values.channel === undefined ? {} : { channel: values.channel })
  }
}

function chaincodeSource (text: string): ChaincodeSource {
  const [, name, folder] = /^([A-Za-z0-9_-]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || folder === undefined) {
    throw new EmbeddedNetworkError({ code: 'DESCRIPTION', message: '--chaincode wants NAME=FOLDER' })
  }
  return { name, folder }
}

async function main (): Promise<void> {
  const { withParent, ...options } = readOptions()
  const running: { network?: RunningNetwork } = {} // empty while it starts
  let ending: Promise<void> | undefined
  const end = (code: number, reason: string): void => {
    log('network.stopping', { reason })
    ending ??= (running.network?.stop() ?? Promise.resolve()).then(() => { process.exit(code) })
  }
  // Whoever started this process may stop reading; it goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => { end(0, signal) })
  if (withParent) process.stdin.on('close', () => { end(0, 'the parent is gone') }).resume()
  const network = await runNetwork({ ...options, log, onEnd: (reason) => { end(reason === 'stopped' ? 0 : 1, reason) } })
  running.network = network
  process.stdout.write(`${JSON.stringify(network.ready)}\n`)
  log('network.ready', network.ready)
}

try {
  await main()
} catch (error) {
  const known = error instanceof EmbeddedNetworkError
  const { message, stack } = error instanceof Error ? error : new Error('unknown')
  log('network.failed', known ? { code: error.code, message } : { code: 'INTERNAL', message, stack })
  process.exit(known && error.code === 'FOLDER_LOCKED' ? LOCKED : 1)
}
