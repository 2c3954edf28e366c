import { basename } from 'node:path'
import { PROOF_LIMITS } from '../../core/proof.js'
import { RECEIPT_LIMITS } from '../../core/receipt.js'
import { type Language, reportText } from '../../core/report-text.js'
import { BUNDLE_LIMITS } from '../../core/trust-bundle.js'
import { type Exhibit, verify } from '../../core/verify.js'
import { hashFile } from '../../platform/hash-file.js'
import { nodeCrypto } from '../../platform/node.js'
import { CliError } from '../errors.js'
import { EXIT } from '../exit-codes.js'
import { fileError, readUpTo, sizeOf } from '../files.js'
import { logOf, pinsFor } from '../pins.js'
import { present } from '../present.js'
import type { Terminal } from '../terminal.js'
import { compare, pairOf } from './compare-receipts.js'

export interface VerifyOptions {
  readonly proof?: string
  /** One is judged; two are compared with each other. */
  readonly receipt?: readonly string[]
  readonly status?: string
  readonly trust?: string
  readonly pin?: string
  readonly trustAsGiven?: boolean
  readonly minOrganizations?: number
  readonly lang?: Language
}

/** Most bytes of an attested status. */
const STATUS_LIMIT = 4 * 1024 * 1024

/**
 * Verifies offline. Loads core and platform only: no network, no store, no service. Resolves with the exit code of PROOF.md section 6; a
 * file that cannot be read is "could not check" too.
 */
export async function run (file: string | undefined, options: VerifyOptions, terminal: Terminal): Promise<number> {
  const { receipt: receipts = [] } = options
  if (receipts.length > 1) return await compare(pairOf(receipts, [file, options.proof, options.status, options.minOrganizations]), options, terminal)
  if (options.proof === undefined && receipts.length === 0) throw new CliError({ code: 'USAGE', message: 'give --proof P or --receipt R' })
  const proof = await document(options.proof, PROOF_LIMITS.bytes)
  const receipt = await document(receipts[0], RECEIPT_LIMITS.bytes)
  const status = await document(options.status, STATUS_LIMIT)
  const bundle = await document(options.trust, BUNDLE_LIMITS.bytes)
  const pins = await pinsFor(bundle === undefined ? undefined : logOf(bundle), options.pin)
  const exhibit = file === undefined ? undefined : await hashExhibit(file, terminal)
  const report = verify(nodeCrypto, {
    now: new Date().toISOString(),
    bundleSource: 'given',
    pins,
    ...present({
      proof, receipt, status, bundle, exhibit, trustAsGiven: options.trustAsGiven, minimumOrganizations: options.minOrganizations
    })
  })
  terminal.result(reportText(report, options.lang ?? 'en'), report)
  return report.exitCode
}

async function document (path: string | undefined, limit: number): Promise<Uint8Array | undefined> {
  return path === undefined ? undefined : await readUpTo(path, limit, EXIT.couldNotCheck)
}

async function hashExhibit (path: string, terminal: Terminal): Promise<Exhibit> {
  const name = basename(path)
  const progress = terminal.progress(name, await sizeOf(path, EXIT.couldNotCheck))
  try {
    return { ...await hashFile(path, (done) => { progress.update(done) }), name }
  } catch (cause) {
    throw fileError(path, 'read', cause, EXIT.couldNotCheck)
  } finally {
    progress.end()
  }
}
