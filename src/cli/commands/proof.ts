import { fromUtf8 } from '../../core/bytes.js'
import { EvidenceError } from '../../core/errors.js'
import { parseEvidenceNumber, printEvidenceNumber } from '../../core/evidence-number.js'
import { jcs } from '../../core/jcs.js'
import { parseProof, type Proof, PROOF_LIMITS } from '../../core/proof.js'
import { parseReceipt, RECEIPT_LIMITS } from '../../core/receipt.js'
import { CliError } from '../errors.js'
import { readUpTo, writeWhole } from '../files.js'
import { jsonBody } from '../multipart.js'
import { apiKey, connect, type ServiceOptions, serviceUrl } from '../service.js'
import type { Terminal } from '../terminal.js'

export interface ProofOptions extends ServiceOptions {
  readonly output?: string
  /** A proof that was fetched before everything was on the ledger: replaced by what there is now. */
  readonly upgrade?: string
  /** A receipt of the deposit: says its number. */
  readonly receipt?: string
  /** Metadata fields to open. */
  readonly disclose?: readonly string[]
  /** Wait until the deposit is final. */
  readonly wait?: boolean
  readonly json?: boolean
}

/** Fetches a proof and keeps it, byte for byte as it was served: a re-saved proof is another file. */
export async function run (typed: string | undefined, options: ProofOptions, terminal: Terminal): Promise<number> {
  const disclosed = disclosedBy(options)
  const earlier = options.upgrade === undefined ? undefined : parse(await readUpTo(options.upgrade, PROOF_LIMITS.bytes), options.upgrade)
  const number = numberOf(typed ?? earlier?.record.number ?? await numberOfReceipt(options.receipt))
  const bytes = earlier === undefined ? await fetchProof(number, options) : await upgraded(earlier, options)
  const proof = parse(bytes, 'the answer')
  if (proof.record.number !== number) throw new CliError({ code: 'CHECK', message: 'the service answered with the proof of another deposit' })
  requireSameRecord(earlier, proof)
  requireDisclosed(earlier, disclosed, proof)
  return await deliver(bytes, proof, options.output ?? options.upgrade ?? `${number}.proof.json`, terminal)
}

async function fetchProof (number: string, options: ProofOptions): Promise<Uint8Array> {
  const service = connect(serviceUrl(options.url), await apiKey(options))
  if (options.wait === true) await service.call('GET', `/v1/evidence/${number}?wait=final&timeout=30`)
  return new Uint8Array((await service.call('GET', `/v1/evidence/${number}/proof${disclosureQuery(disclosedBy(options))}`)).body)
}

/** An upgrade leaves what is disclosed as it is, so the two exclude each other. */
function disclosedBy ({ disclose = [], upgrade }: ProofOptions): readonly string[] {
  if (upgrade !== undefined && disclose.length > 0) throw new CliError({ code: 'USAGE', message: '--upgrade keeps what a proof discloses: --disclose needs NUMBER or --receipt' })
  return [...new Set(disclose)]
}

function disclosureQuery (fields: readonly string[]): string {
  return fields.length === 0 ? '' : `?${new URLSearchParams(fields.map((field): [string, string] => ['disclose', field])).toString()}`
}

/** A proof that opens other fields than were asked for is not kept: it may be handed on without a look inside. */
function requireDisclosed (earlier: Proof | undefined, fields: readonly string[], { disclosures = [] }: Proof): void {
  const opened = disclosures.map(({ name }) => name)
  if (earlier === undefined && jcs([...opened].sort()) !== jcs([...fields].sort())) {
    throw new CliError({ code: 'CHECK', message: `the proof discloses other fields than were asked for: ${opened.length === 0 ? 'none' : opened.join(', ')}` })
  }
}

/** Who holds a proof may complete it: no key is needed, and what it discloses stays as it is. */
async function upgraded (earlier: Proof, { url }: ProofOptions): Promise<Uint8Array> {
  return new Uint8Array((await connect(serviceUrl(url)).call('POST', '/v1/proofs/upgrade', jsonBody(earlier))).body)
}

/** `-` is stdout: the proof's bytes and nothing else. */
async function deliver (bytes: Uint8Array, proof: Proof, path: string, terminal: Terminal): Promise<number> {
  if (path === '-') {
    process.stdout.write(fromUtf8(bytes))
    return 0
  }
  await writeWhole(path, bytes)
  const types = (proof.attestations ?? []).map(({ type }) => type)
  const complete = types.includes('fabric-block/v1') && types.includes('fabric-readback/v1')
  const disclosed = (proof.disclosures ?? []).map(({ name }) => name)
  terminal.result(
    `${path} (${bytes.length} bytes): ${complete ? 'complete, down to the signatures on the ledger' : 'not complete yet; run again with --upgrade later'}` +
    (disclosed.length === 0 ? '' : `; discloses ${disclosed.join(', ')}`),
    { number: proof.record.number, file: path, bytes: bytes.length, complete, attestations: types, disclosed }
  )
  return 0
}

/** An upgrade adds attestations to the same deposit; anything else would be another proof under the old one's name. */
function requireSameRecord (earlier: Proof | undefined, later: Proof): void {
  if (earlier !== undefined && jcs(earlier.record) !== jcs(later.record)) {
    throw new CliError({ code: 'CHECK', message: 'the earlier proof is of another record: keep it' })
  }
}

async function numberOfReceipt (path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined
  try {
    return parseReceipt(await readUpTo(path, RECEIPT_LIMITS.bytes)).record.number
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause
    throw new CliError({ code: 'FILE', message: `${path} is not a receipt: ${cause.message}`, cause })
  }
}

function parse (bytes: Uint8Array, what: string): Proof {
  try {
    return parseProof(bytes)
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause
    throw new CliError({ code: 'PROTOCOL', message: `${what} is not a proof: ${cause.message}`, cause })
  }
}

function numberOf (typed: string | undefined): string {
  if (typed === undefined) throw new CliError({ code: 'USAGE', message: 'give an evidence number, --receipt R or --upgrade P' })
  const reading = parseEvidenceNumber(typed)
  if (reading.kind === 'ok') return reading.number
  throw new CliError({
    code: 'USAGE',
    message: reading.kind === 'typo'
      ? `character ${reading.position} of the number is wrong; is it ${printEvidenceNumber(reading.proposal)}?`
      : `not an evidence number (${reading.reason}): 20 characters, such as ${printEvidenceNumber('0'.repeat(20))}`
  })
}
