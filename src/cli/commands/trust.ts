import { EvidenceError } from '../../core/errors.js'
import { BUNDLE_LIMITS, fingerprint, parseTrustBundle, type TrustBundle } from '../../core/trust-bundle.js'
import { parseAttestedStatus } from '../../core/verify.js'
import { nodeCrypto } from '../../platform/node.js'
import { CliError } from '../errors.js'
import { readUpTo, writeWhole } from '../files.js'
import { groupFingerprint, MOST_SOURCE, parseFingerprint, pinsPath, readPins, storePin } from '../pins.js'
import type { Terminal } from '../terminal.js'

export interface FetchOptions {
  readonly url?: string
  readonly output: string
}

export interface PinOptions {
  /** Where the fingerprint was taken from. */
  readonly from?: string
  /** What it must be, read from elsewhere. */
  readonly fingerprint?: string
}

const KINDS: Readonly<Record<TrustBundle['identity']['kind'], string>> = {
  'embedded-single': 'embedded network of one organization: one operator holds every key',
  'embedded-development': 'embedded network for development: one process holds every key',
  consortium: 'consortium'
}

/** Shows what a bundle says of itself, its fingerprint, and whether it is pinned. */
export async function show (file: string, terminal: Terminal): Promise<number> {
  const { bundle, print } = await read(file)
  const pinned = (await readPins()).find((pin) => pin.fingerprint === print)
  const { identity, history } = bundle
  terminal.result([
    `fingerprint    ${groupFingerprint(print)}`,
    `pinned         ${pinned === undefined ? 'no' : `on ${pinned.pinnedOn}${pinned.from === undefined ? '' : `, from ${pinned.from}`}`}`,
    `log            ${identity.log}`,
    `kind           ${KINDS[identity.kind]}`,
    `channel        ${identity.channel}, chaincode ${identity.chaincode}`,
    `genesis        ${identity.genesis}`,
    `organizations  ${identity.entities.map(({ name, operator }) => operator ? `${name} (the operator)` : name).join(', ')}`,
    `configurations ${1 + history.configs.length}`
  ].join('\n'), {
    fingerprint: print,
    pinned: pinned !== undefined,
    ...(pinned !== undefined && { pinnedOn: pinned.pinnedOn }),
    ...(pinned?.from !== undefined && { from: pinned.from }),
    identity
  })
  return 0
}

/** Keeps the bundle as it was served. The verifier needs no network, so this module is loaded for it only here. */
export async function fetchBundle ({ url, output }: FetchOptions, terminal: Terminal): Promise<number> {
  const { connect, serviceUrl } = await import('../service.js')
  const bytes = new Uint8Array((await connect(serviceUrl(url)).call('GET', '/v1/trust-bundle')).body)
  const print = printOf(bytes, 'the answer').print
  await writeWhole(output, bytes)
  terminal.result(`${output}: ${groupFingerprint(print)}\nit comes from the operator: compare the fingerprint with one from elsewhere`, { file: output, fingerprint: print })
  return 0
}

/** Keeps the ledger's attested status as it was served: by it `verify --receipt R --status FILE` judges a promise. */
export async function fetchStatus ({ url, output }: FetchOptions, terminal: Terminal): Promise<number> {
  const { connect, serviceUrl } = await import('../service.js')
  const bytes = new Uint8Array((await connect(serviceUrl(url)).call('GET', '/v1/log/status')).body)
  try {
    parseAttestedStatus(bytes)
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause
    throw new CliError({ code: 'PROTOCOL', message: `the answer is not an attested status: ${cause.message}`, cause })
  }
  await writeWhole(output, bytes)
  terminal.result(`${output}: use it with steelyard verify --receipt R --status ${output}`, { file: output, bytes: bytes.length })
  return 0
}

/**
 * Notes the bundle's fingerprint as one to rely on. Where it is known from has to be said, by a source or by the fingerprint itself: a pin of
 * whatever a bundle holds would let the bundle vouch for itself, and the report names the source.
 */
export async function pin (file: string, options: PinOptions, terminal: Terminal): Promise<number> {
  const from = sourceOf(options)
  const { bundle, print } = await read(file)
  if (options.fingerprint !== undefined && parseFingerprint(options.fingerprint) !== print) {
    throw new CliError({ code: 'TRUST', message: `the bundle's fingerprint is another one: ${groupFingerprint(print)}` })
  }
  const pinnedOn = new Date().toISOString().slice(0, 10)
  await storePin({ fingerprint: print, log: bundle.identity.log, pinnedOn, from })
  terminal.result([
    `pinned ${groupFingerprint(print)}`,
    `for the log ${bundle.identity.log}, in ${pinsPath()}`,
    `known from: ${from}`,
    ...(options.fingerprint === undefined ? ['compare it with what a court, a notary or a gazette published: a fingerprint from the operator proves nothing about the operator'] : [])
  ].join('\n'), { fingerprint: print, log: bundle.identity.log, pinnedOn, from, file: pinsPath() })
  return 0
}

function sourceOf ({ from, fingerprint }: PinOptions): string {
  const source = from ?? (fingerprint === undefined ? '' : 'a fingerprint that was typed in')
  if (source.trim() !== '' && source.length <= MOST_SOURCE) return source
  throw new CliError({
    code: 'USAGE',
    message: `say where the fingerprint is known from: --from TEXT (1 to ${MOST_SOURCE} characters), or --fingerprint F with one that did not come from the operator`
  })
}

async function read (file: string): Promise<{ bundle: TrustBundle, print: string }> {
  return printOf(await readUpTo(file, BUNDLE_LIMITS.bytes), file)
}

function printOf (bytes: Uint8Array, file: string): { bundle: TrustBundle, print: string } {
  try {
    const bundle = parseTrustBundle(bytes)
    return { bundle, print: fingerprint(nodeCrypto, bundle.identity) }
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause
    const why = cause.code === 'NOT_CANONICAL' ? 'it was re-saved or pretty-printed; use the file as it was served' : cause.message
    throw new CliError({ code: 'TRUST', message: `${file} is not a trust bundle: ${why}`, cause })
  }
}
