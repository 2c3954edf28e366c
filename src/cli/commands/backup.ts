import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { archiveSummary, checkArchiveFile, refuseExisting, writeStream } from '../archive-file.js'
import { CliError } from '../errors.js'
import { createProgressLine, refusing } from '../ops.js'
import { dataFolder, type ServiceOptions, serviceUrl } from '../service.js'
import type { Terminal } from '../terminal.js'

export interface BackupOptions extends ServiceOptions {
  readonly content: boolean
}

/** Takes a backup of a service that runs, and reads it back. */
export async function run (file: string, options: BackupOptions, terminal: Terminal): Promise<number> {
  await refuseExisting(file)
  const { onProgress, end } = createProgressLine()
  const key = await adminKey(options)
  const written = await refusing(async () => {
    try {
      await writeStream(file, receive(`${serviceUrl(options.url)}/v1/admin/backup${options.content ? '' : '?content=false'}`, key), { onProgress, end })
      return await checkArchiveFile(file, onProgress)
    } finally {
      end()
    }
  })
  const { text, json } = archiveSummary(file, written)
  terminal.result(text, json)
  return 0
}

/** The body of the answer; an answer that is cut ends in an error. */
async function * receive (url: string, key: string): AsyncGenerator<Uint8Array, void> {
  let response: Response
  try {
    response = await fetch(url, { method: 'POST', headers: { authorization: `Bearer ${key}` } })
  } catch (cause) {
    throw new CliError({ code: 'UNREACHABLE', message: `no answer from ${url}; is the service running?`, cause })
  }
  if (!response.ok || response.body === null) throw await problem(response)
  try {
    yield * response.body as unknown as AsyncIterable<Uint8Array>
  } catch (cause) {
    throw new CliError({ code: 'SERVICE', message: 'the service could not complete the backup; its log says which object differs', cause })
  }
}

async function problem (response: Response): Promise<CliError> {
  const { code = `HTTP_${response.status}`, title = `status ${response.status}` } = await response.json().catch(() => ({})) as { code?: string, title?: string }
  const hint = code === 'SCOPE_MISSING' ? ': a backup holds everything, and takes an administrator\'s key (--key; the first one is in credentials.json of the data folder)' : ''
  return new CliError({ code: 'SERVICE', message: title + hint, reason: code })
}

/**
 * A backup holds everything, so it takes an administrator's key: the one that is given, that of the data folder when the service is on this
 * machine, and only then STEELYARD_KEY, which is mostly the key that one deposits with.
 */
async function adminKey (options: ServiceOptions): Promise<string> {
  const path = join(dataFolder(options.data), 'credentials.json')
  const own = async (): Promise<string | undefined> => isLocal(serviceUrl(options.url)) ? await adminKeyOf(path) : undefined
  const key = options.key ?? await own() ?? process.env.STEELYARD_KEY
  if (key !== undefined && key !== '') return key
  throw new CliError({ code: 'KEY_MISSING', message: `no administrator's key: give --key or STEELYARD_KEY (there is none for this service in ${path})` })
}

/** The folder's keys are those of this machine's service: no other one gets to see them. */
function isLocal (url: string): boolean {
  return URL.canParse(url) && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
}

async function adminKeyOf (path: string): Promise<string | undefined> {
  return await readFile(path, 'utf8').then((text) => (JSON.parse(text) as { admin?: string }).admin).catch(() => undefined)
}
