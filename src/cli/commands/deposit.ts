import { basename, join } from 'node:path'
import { toHex, utf8 } from '../../core/bytes.js'
import { printEvidenceNumber } from '../../core/evidence-number.js'
import { jcsBytes, type Json } from '../../core/jcs.js'
import { FIELD } from '../../core/metadata.js'
import type { Pin } from '../../core/trust.js'
import { type FileDigests, hashFile } from '../../platform/hash-file.js'
import { checkDeposit } from '../deposit-check.js'
import { CliError } from '../errors.js'
import { EXIT } from '../exit-codes.js'
import { fileError, sizeOf, writeWhole } from '../files.js'
import { jsonBody, multipart } from '../multipart.js'
import { logOf, pinsFor } from '../pins.js'
import { present } from '../present.js'
import { type Answer, apiKey, connect, jsonOf, type Service, type ServiceOptions, serviceUrl } from '../service.js'
import { RESUMABLE_FROM, sendResumable, type Sent } from '../resumable.js'
import { reportError, type Terminal } from '../terminal.js'
import { openWallet, type SignClaim, type WalletClaim } from '../wallet.js'

export interface DepositOptions extends ServiceOptions {
  readonly metadata?: string
  /** Without: the file's name is committed to as metadata. */
  readonly name: boolean
  readonly digestOnly?: boolean
  /** Sends in a way that goes on after an interruption; by itself from a size on. */
  readonly resumable?: boolean
  /** An encrypted wallet that signs a claim about each file, and the file with its password. */
  readonly wallet?: string
  readonly walletPassword?: string
  /** Folder for receipt and secret, default the file's own. */
  readonly out?: string
  /** False: receipt and secret are only printed. */
  readonly save: boolean
  readonly wait?: boolean
  readonly json?: boolean
}

type Metadata = Readonly<Record<string, Json>>

/** Deposits each file; one that fails does not keep the others from being deposited. Resolves with 0 when all were accepted. */
export async function run (files: readonly string[], options: DepositOptions, terminal: Terminal): Promise<number> {
  const service = connect(serviceUrl(options.url), await apiKey(options))
  const shared = metadataOf(options.metadata)
  const bundle = new Uint8Array((await service.call('GET', '/v1/trust-bundle')).body)
  const pins = await pinsFor(logOf(bundle), undefined)
  const sign = options.wallet === undefined ? undefined : await openWallet(options.wallet, options.walletPassword)
  const results: unknown[] = []
  let exitCode: number = EXIT.ok
  for (const file of files) {
    try {
      const metadata = options.name ? { [FIELD.fileName]: basename(file), ...shared } : shared
      results.push(await deposit(file, { options, service, bundle, pins, metadata, sign, terminal }))
    } catch (error) {
      if (files.length === 1) throw error
      terminal.note(file)
      exitCode = reportError(error, false)
      results.push({ file, error: error instanceof CliError ? error.reason ?? error.code : String(error) })
    }
  }
  if (options.json === true) terminal.result('', files.length === 1 ? results[0] : results)
  return exitCode
}

interface Context {
  readonly options: DepositOptions
  readonly service: Service
  readonly bundle: Uint8Array
  readonly pins: readonly Pin[]
  readonly metadata: Metadata | undefined
  readonly sign: SignClaim | undefined
  readonly terminal: Terminal
}

async function deposit (file: string, context: Context): Promise<unknown> {
  const { options, service, bundle, pins, metadata, sign, terminal } = context
  const size = await sizeOf(file)
  if (size === 0) throw new CliError({ code: 'FILE', message: `${file} is empty: there is nothing to deposit` })
  const digests = await hash(file, size, terminal)
  const claim = await sign?.(toHex(digests.sha256))
  const sent = await send(file, size, { digests, claim }, context)
  const answer = jsonOf(sent.answer)
  const { number, secret } = answer
  if (typeof number !== 'string' || typeof secret !== 'string') {
    throw new CliError({ code: 'PROTOCOL', message: 'the answer has no evidence number or no secret' })
  }
  const receiptFile = receiptBytesOf(answer.receipt)
  const receipt = checkDeposit(
    { digests, metadata, claim, digestOnly: options.digestOnly === true, bundle, pins }, { number, secret, receipt: receiptFile }, Date.now()
  )
  const saved = options.save ? await save(file, options.out, number, receiptFile, secret) : undefined
  await sent.done()
  const state = options.wait === true ? await untilFinal(service, number) : String(answer.state)
  if (options.json !== true) {
    terminal.out([
      `${printEvidenceNumber(number)}  ${basename(file)}`,
      `  ${state}; receipt checked: sequence ${receipt.record.sequence}, anchored by ${receipt.statement.deadline}`,
      ...(saved === undefined ? [] : [`  receipt ${saved.receipt}`, `  secret  ${saved.secret} (opens single metadata fields; keep it, share it with nobody)`])
    ].join('\n'))
  }
  return {
    file,
    number,
    state,
    sequence: receipt.record.sequence,
    digests: { sha256: toHex(digests.sha256), sm3: toHex(digests.sm3) },
    deadline: receipt.statement.deadline,
    ...(saved === undefined ? { receipt: answer.receipt, secret } : { saved })
  }
}

async function hash (file: string, size: number, terminal: Terminal): Promise<FileDigests> {
  const progress = terminal.progress(`hashing ${basename(file)}`, size)
  try {
    return await hashFile(file, (done) => { progress.update(done) })
  } catch (cause) {
    throw fileError(file, 'read', cause)
  } finally {
    progress.end()
  }
}

interface Stated { readonly digests: FileDigests, readonly claim: WalletClaim | undefined }

async function send (file: string, size: number, stated: Stated, context: Context): Promise<Sent> {
  const { options, service, metadata } = context
  return options.digestOnly === true
    ? whole(await service.call('POST', '/v1/evidence/digests', jsonBody(digestBody(stated, metadata))))
    : await upload(file, size, stated, context)
}

function whole (answer: Answer): Sent {
  return { answer, done: () => Promise.resolve() }
}

async function upload (file: string, size: number, { digests, claim }: Stated, { options, service, metadata, terminal }: Context): Promise<Sent> {
  const progress = terminal.progress(`sending ${basename(file)}`, size)
  const fields = {
    sha256: toHex(digests.sha256),
    sm3: toHex(digests.sm3),
    ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
    ...(claim !== undefined && { claim: JSON.stringify(claim) })
  }
  try {
    return options.resumable ?? size >= RESUMABLE_FROM
      ? await sendResumable(service, { path: file, size, fields }, progress, terminal)
      : whole(await service.call('POST', '/v1/evidence', multipart(fields, file, size, (done) => { progress.update(done) })))
  } finally {
    progress.end()
  }
}

function digestBody ({ digests, claim }: Stated, metadata: Metadata | undefined): unknown {
  return {
    sha256: toHex(digests.sha256),
    sm3: toHex(digests.sm3),
    size: Number(digests.size),
    ...present({ metadata, claim })
  }
}

/** The receipt file is the JCS of the receipt in the answer. */
function receiptBytesOf (receipt: unknown): Uint8Array {
  try {
    return typeof receipt === 'string' ? utf8(receipt) : jcsBytes(receipt)
  } catch (cause) {
    throw new CliError({ code: 'PROTOCOL', message: 'the answer has no receipt', cause })
  }
}

function metadataOf (text: string | undefined): Metadata | undefined {
  if (text === undefined) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Metadata
  } catch {
    // said below
  }
  throw new CliError({ code: 'USAGE', message: '--metadata takes a JSON object' })
}

interface Saved { readonly receipt: string, readonly secret: string }

async function save (file: string, out: string | undefined, number: string, receipt: Uint8Array, secret: string): Promise<Saved> {
  const base = `${out === undefined ? file : join(out, basename(file))}.${number}`
  const paths = { receipt: `${base}.receipt.json`, secret: `${base}.secret` }
  await writeWhole(paths.receipt, receipt)
  await writeWhole(paths.secret, secret, 0o600)
  return paths
}

/** Long-polls until the proof is complete; gives up after five minutes, the deposit itself being safe. */
async function untilFinal (service: Service, number: string): Promise<string> {
  const deadline = Date.now() + 300_000
  let state = 'received'
  while (state !== 'final' && Date.now() < deadline) {
    state = String(jsonOf(await service.call('GET', `/v1/evidence/${number}?wait=final&timeout=30`)).state)
  }
  return state
}
