import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { AUDIT_SAYS } from '../../core/audit-wording.js'
import { PROOF_LIMITS } from '../../core/proof.js'
import type { Language } from '../../core/report-text.js'
import { decideTrust, isAccepted } from '../../core/trust.js'
import { BUNDLE_LIMITS, fingerprint, parseTrustBundle, type TrustBundle } from '../../core/trust-bundle.js'
import { EvidenceError } from '../../core/errors.js'
import { LedgerError } from '../../ledger/errors.js'
import { audit, type Audited, type AuditOptions as Work, type AuditReport } from '../../ops/audit/audit.js'
import { type BlockWriter, createBlockFile, readBlocks } from '../../ops/audit/block-files.js'
import { compareBundle, compareData, compareProofs, type ProofFile } from '../../ops/audit/compare.js'
import { peerBlocks } from '../../ops/audit/peer-blocks.js'
import { tellingOf } from '../../ops/audit/telling.js'
import type { Findings } from '../../ops/report.js'
import { nodeCrypto } from '../../platform/node.js'
import { openMaintenance } from '../../store/maintenance.js'
import { auditText } from '../audit-text.js'
import { CliError } from '../errors.js'
import { EXIT } from '../exit-codes.js'
import { fileError, readUpTo } from '../files.js'
import { createProgressLine, type DataOptions, folderOf, ledgerSource, refusing } from '../ops.js'
import { groupFingerprint, pinsFor } from '../pins.js'
import { present } from '../present.js'
import type { Terminal } from '../terminal.js'

export interface AuditOptions extends DataOptions {
  readonly fromGenesis?: boolean
  readonly blocks?: string
  readonly save?: string
  readonly trust?: string
  readonly pin?: string
  readonly trustAsGiven?: boolean
  readonly genesis?: string
  readonly chaincode?: string
  readonly proofs?: readonly string[]
  readonly lang: Language
}

/** Where the blocks come from, and the chaincode that keeps the logs there, if that is known. */
interface Source extends Pick<Work, 'blocks' | 'height'> {
  readonly chaincode?: string
  close (): Promise<void>
}

/** Replays a channel. Exit code 0 everything agrees, 1 something differs, 2 something could not be checked. */
export async function run (options: AuditOptions, terminal: Terminal): Promise<number> {
  if (options.fromGenesis !== true) throw new CliError({ code: 'USAGE', message: 'say --from-genesis: an audit begins at block 0' })
  const genesis = genesisOf(options)
  const bundle = options.trust === undefined ? undefined : await readBundle(options.trust)
  const report = await refusing(async () => await couldNotCheck(async () => {
    const source = await open(options, bundle)
    try {
      return await replay(options, source, bundle, genesis)
    } finally {
      await source.close()
    }
  }))
  terminal.result(auditText(report, options.lang), { type: 'steelyard/audit/v1', ...report })
  return report.exitCode
}

async function replay (options: AuditOptions, source: Source, bundle: TrustBundle | undefined, genesis: string | undefined): Promise<AuditReport> {
  const { height } = source
  const start = genesis ?? bundle?.identity.genesis
  const { onProgress, end } = createProgressLine()
  try {
    return await keeping(options.save, async (onBlock) => await audit({
      crypto: nodeCrypto,
      blocks: source.blocks,
      chaincode: chaincodeOf(options, source, bundle),
      onProgress,
      compare: await comparisons(options, bundle),
      ...present({ height, genesis: start, onBlock })
    }))
  } finally {
    end()
  }
}

function chaincodeOf ({ chaincode }: AuditOptions, source: Source, bundle: TrustBundle | undefined): string {
  const name = chaincode ?? bundle?.identity.chaincode ?? source.chaincode
  if (name === undefined) throw new CliError({ code: 'USAGE', message: 'say which --chaincode keeps the logs, or give the trust bundle with --trust' })
  return name
}

/** Runs with the blocks kept in a file as well, which is there once all of it succeeded. */
async function keeping<T> (path: string | undefined, work: (onBlock: Work['onBlock']) => Promise<T>): Promise<T> {
  if (path === undefined) return await work(undefined)
  const writer = await createWriter(path)
  try {
    const result = await work(async (bytes) => { await writer.write(bytes) })
    await writer.finish()
    return result
  } catch (error) {
    await writer.discard()
    throw error
  }
}

async function open (options: AuditOptions, bundle: TrustBundle | undefined): Promise<Source> {
  const { blocks } = options
  if (blocks !== undefined) return { blocks: offline(blocks), close: async () => { await Promise.resolve() } }
  const source = await ledgerSource(options)
  if (typeof source !== 'function') {
    const why = source === 'left-out' ? 'there are no blocks without a ledger' : source.unavailable
    throw new CliError({ code: 'NETWORK', message: `could not check: ${why}; or give --blocks`, exitCode: EXIT.couldNotCheck })
  }
  const ledger = await source(bundle?.identity.log ?? '')
  try {
    const height = Number(await ledger.height())
    return { blocks: peerBlocks(ledger, height), height, chaincode: ledger.chaincode, close: async () => { await ledger.close() } }
  } catch (error) {
    await ledger.close()
    throw error
  }
}

async function * offline (path: string): AsyncGenerator<Uint8Array> {
  try {
    yield * readBlocks(path)
  } catch (cause) {
    throw isSystemError(cause) ? fileError(path, 'read', cause, EXIT.couldNotCheck) : cause
  }
}

async function comparisons (options: AuditOptions, bundle: TrustBundle | undefined): Promise<Work['compare']> {
  const compare: Array<(audited: Audited, findings: Findings) => Promise<void>> = []
  if (bundle !== undefined) {
    const pins = await pinsFor(bundle.identity.log, options.pin)
    const trust = decideTrust(fingerprint(nodeCrypto, bundle.identity), bundle.identity, {
      bundleSource: 'given', pins, ...(options.trustAsGiven === undefined ? {} : { trustAsGiven: options.trustAsGiven })
    })
    compare.push(async (audited, findings) => {
      compareBundle(bundle, audited, findings)
      const print = groupFingerprint(trust.fingerprint ?? '')
      if (isAccepted(trust.state)) findings.note(`trust: ${trust.sentences.en}`, `信任：${trust.sentences.zh}`)
      else tellingOf(findings).couldNotCheck(AUDIT_SAYS.channelToBe, AUDIT_SAYS.notPinned(print))
      await Promise.resolve()
    })
  }
  const { proofs, data } = options
  if (proofs !== undefined) compare.push(async (audited, findings) => { await compareProofs(proofFiles(proofs), audited, findings) })
  if (data !== undefined) {
    compare.push(async (audited, findings) => {
      const view = await openMaintenance(folderOf(options))
      try {
        await compareData(view, audited, findings)
      } finally {
        await view.close()
      }
    })
  }
  return compare
}

async function * proofFiles (paths: readonly string[]): AsyncGenerator<ProofFile> {
  for (const path of paths) {
    for (const file of await filesAt(path)) yield { name: basename(file), bytes: await readUpTo(file, PROOF_LIMITS.bytes, EXIT.couldNotCheck) }
  }
}

async function filesAt (path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path]
    return (await readdir(path)).filter((name) => name.endsWith('.proof.json')).sort().map((name) => join(path, name))
  } catch (cause) {
    throw fileError(path, 'read', cause, EXIT.couldNotCheck)
  }
}

async function readBundle (path: string): Promise<TrustBundle> {
  try {
    return parseTrustBundle(await readUpTo(path, BUNDLE_LIMITS.bytes, EXIT.couldNotCheck))
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause
    throw new CliError({ code: 'TRUST', message: `${path} is not a trust bundle: ${cause.message}`, exitCode: EXIT.couldNotCheck, cause })
  }
}

function genesisOf ({ genesis }: AuditOptions): string | undefined {
  const hash = genesis?.replace(/\s/g, '').toLowerCase()
  if (hash !== undefined && !/^[0-9a-f]{64}$/.test(hash)) throw new CliError({ code: 'USAGE', message: 'the hash of block 0 is 64 hexadecimal digits' })
  return hash
}

async function createWriter (path: string): Promise<BlockWriter> {
  if (await stat(path).then(() => true, () => false)) throw new CliError({ code: 'USAGE', message: `${path} exists already` })
  try {
    return await createBlockFile(path)
  } catch (cause) {
    throw fileError(path, 'write', cause)
  }
}

/** A ledger that does not answer is something that could not be checked, and never a difference. */
async function couldNotCheck<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    throw new CliError({ code: 'NETWORK', message: `could not check: ${cause.message}`, exitCode: EXIT.couldNotCheck, cause })
  }
}

function isSystemError (error: unknown): boolean {
  return error instanceof Error && 'syscall' in error
}
