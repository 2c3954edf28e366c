import { batchHeaderBytes } from '../core/batch.js'
import { equalBytes, toHex } from '../core/bytes.js'
import type { Crypto } from '../core/crypto.js'
import type { BatchEntry } from '../core/ledger-values.js'
import { appendLeaf, type CompactRange, emptyRange, leafHash, rangeRoot } from '../core/merkle.js'
import { LedgerError } from '../ledger/errors.js'
import type { Ledger } from '../ledger/ledger.js'
import { numberKey } from '../store/keys.js'
import type { View } from '../store/maintenance.js'
import type { Findings, OnProgress } from './report.js'
import { endOf } from './stored.js'

/** A log as somebody states it. */
export interface Head { readonly size: number, readonly root: string }

export interface CompareInput {
  readonly view: View
  readonly crypto: Crypto
  readonly ledger: Ledger
  readonly findings: Findings
  /** Batches that the service calls anchored. */
  readonly anchored: number
  readonly onProgress: OnProgress
}

/** The ledger's head, or undefined when nobody answers, which is noted. */
export async function ledgerHead (ledger: Ledger, findings: Findings): Promise<Head | undefined> {
  try {
    const { head } = (await ledger.attestStatus()).statement
    return { size: Number(head.size), root: head.root }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    // The ledger answers, and has no such log: that is a difference only when something was anchored.
    if (error.code === 'NOT_OPEN') return { size: 0, root: '' }
    findings.couldNotCheck('the ledger', `${error.message} (${error.code})`)
    return undefined
  }
}

/** The heads of the local log after each of `sizes`. */
export async function localHeads (view: View, crypto: Crypto, most: number): Promise<(size: number) => string | undefined> {
  const heads: string[] = []
  let range: CompactRange = emptyRange()
  heads.push(toHex(rangeRoot(crypto, range)))
  for (let number = 0; number < most; number++) {
    const bytes = await view.get(numberKey('h', number))
    if (bytes === undefined) break
    range = appendLeaf(crypto, range, leafHash(crypto, bytes))
    heads.push(toHex(rangeRoot(crypto, range)))
  }
  return (size) => heads[size]
}

/**
 * Compares the local log with the ledger's by their heads: equal roots of one size are equal headers, byte for byte. Where they differ, the
 * first batch that differs is found by halving, since each entry on the ledger has the head after it.
 */
export async function compareHeads (input: CompareInput, ledgerSays: Head): Promise<void> {
  const { view, crypto, findings, anchored } = input
  const batches = await endOf(view, 'h')
  const heads = await localHeads(view, crypto, batches)
  sizes(findings, { local: batches, anchored, ledger: ledgerSays.size })
  const common = Math.min(batches, ledgerSays.size)
  findings.count('batches on the ledger', ledgerSays.size)
  if (common === 0) return
  const after = async (number: number): Promise<string | undefined> => (await input.ledger.findBatch(String(number)))?.head.root
  const stated = common === ledgerSays.size ? ledgerSays.root : await after(common - 1)
  if (heads(common) === stated) return
  let [good, bad] = [0, common] // heads of size `good` are equal, of size `bad` not
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2)
    if (await after(middle - 1) === heads(middle)) good = middle
    else bad = middle
  }
  ledgerDiffers(findings, bad - 1, 'the ledger holds another header under this number')
}

/** Compares every batch in both directions, byte for byte. */
export async function compareBatches (input: CompareInput, ledgerSays: Head): Promise<void> {
  const { view, ledger, findings, anchored, onProgress } = input
  const batches = await endOf(view, 'h')
  sizes(findings, { local: batches, anchored, ledger: ledgerSays.size })
  let isSame = batches >= ledgerSays.size
  for (let number = 0; number < Math.min(batches, ledgerSays.size); number++) {
    const [local, entry] = await Promise.all([view.get(numberKey('h', number)), ledger.findBatch(String(number))])
    isSame = compareOne(findings, number, local, entry) && isSame
    findings.count('batches compared')
    onProgress('reconcile', number + 1, ledgerSays.size)
  }
  const own = isSame ? (await localHeads(view, input.crypto, ledgerSays.size))(ledgerSays.size) : undefined
  if (own === undefined || own === ledgerSays.root || ledgerSays.size === 0) return
  const says = `every batch is equal, and the head at ${ledgerSays.size} batches is ${ledgerSays.root} there and ${own} here`
  findings.differs({ layer: 'ledger', object: 'the ledger\'s head', code: 'LEDGER_DIFFERS', says }, ledgerSays.size)
}

function compareOne (findings: Findings, number: number, local: Uint8Array | undefined, entry: BatchEntry | undefined): boolean {
  if (local !== undefined && entry !== undefined && equalBytes(local, batchHeaderBytes(entry.header))) return true
  if (entry === undefined) ledgerDiffers(findings, number, 'the ledger counts this batch and does not give it')
  else if (local === undefined) localMissing(findings, number)
  else ledgerDiffers(findings, number, differenceOf(local, entry))
  return false
}

function differenceOf (local: Uint8Array, entry: BatchEntry): string {
  try {
    const own = JSON.parse(Buffer.from(local).toString()) as Record<string, unknown>
    const names = Object.entries(entry.header).filter(([name, value]) => own[name] !== value).map(([name]) => name)
    return `the ledger holds another header under this number: ${names.join(', ')} differ`
  } catch {
    return 'the ledger holds another header under this number; the one here cannot be read'
  }
}

/** What the sizes alone say, in both directions. */
function sizes (findings: Findings, { local, anchored, ledger }: { local: number, anchored: number, ledger: number }): void {
  for (let number = ledger; number < anchored && number < local; number++) {
    findings.differs({ layer: 'ledger', object: `batch ${number}`, code: 'LEDGER_MISSING', says: 'anchored by our word, and the ledger does not have it' }, number)
  }
  for (let number = local; number < ledger; number++) localMissing(findings, number)
  if (local > ledger && local > anchored) findings.count('batches that wait for the ledger', local - Math.max(ledger, anchored))
  if (ledger > anchored && local > anchored) {
    findings.note(`${Math.min(ledger, local) - anchored} batches are on the ledger and not yet marked so: the service does that by itself`)
  }
}

function localMissing (findings: Findings, number: number): void {
  findings.differs({
    layer: 'ledger', object: `batch ${number}`, code: 'LOCAL_MISSING', says: 'the ledger has it and this folder does not: the folder is older than the ledger'
  }, number)
}

function ledgerDiffers (findings: Findings, number: number, says: string): void {
  findings.differs({ layer: 'ledger', object: `batch ${number}`, code: 'LEDGER_DIFFERS', says }, number)
}
