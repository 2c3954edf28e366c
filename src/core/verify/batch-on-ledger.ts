import { equalBytes } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import { type Endorser as FabricEndorser, isEndorsedUnder } from '../fabric/endorsement.js'
import type { AttestedReadback } from '../fabric/verify-readback.js'
import type { FabricResult } from '../fabric/refusal.js'
import type { OrderedTransaction } from '../fabric/verify-transaction.js'
import type { Remark } from '../findings.js'
import { batchKey, parseReadBack, type ReadBack } from '../ledger-values.js'
import { jcsBytes } from '../jcs.js'
import type { Identities, Proof } from '../proof.js'
import { type Attestations, readAttestations } from './attestations.js'
import { checkInclusion, type HeadEntry, type Inclusion } from './closed-heads.js'
import { entityOf, namesOf, organizationsOf } from './entities.js'
import type { Endorser, LedgerVerdict, TimeOnLedger } from './facts.js'
import { type Problem, problem, remark } from './result.js'
import { tryParse, type TrustRoot } from './trust-root.js'

/** What the ledger says of the batch that a proof names: the block, the anchor in it, and the attested read-back of its entry. */
export function checkBatchOnLedger (crypto: Crypto, root: TrustRoot, proof: Proof): LedgerVerdict {
  const attestations = readAttestations(proof)
  const { remarks } = attestations
  if (attestations.problem !== undefined) return { ok: false, problem: attestations.problem, remarks }
  const { block, readback } = attestations
  if (block === undefined || readback === undefined) {
    const missing = [...(block === undefined ? ['fabric-block/v1'] : []), ...(readback === undefined ? ['fabric-readback/v1'] : [])]
    return { ok: false, problem: problem('LEDGER_INCOMPLETE', { missing }), remarks }
  }
  const ordered = root.fabric.block(block)
  if (!ordered.ok) return { ok: false, problem: refusal(root, ordered, block.number, 'block'), remarks }
  return checkReadBack(crypto, root, proof, attestations, ordered.value)
}

type Refused = Extract<FabricResult<never>, { ok: false }>
/** Refusals that are about the transaction rather than about the block that holds it. */
const OF_THE_ANCHOR: ReadonlySet<string> = new Set(['TRANSACTION_INDEX', 'TRANSACTION_TYPE', 'TRANSACTION_ACTIONS', 'TRANSACTION_ID',
  'TRANSACTION_FORM', 'CREATOR', 'PROPOSAL_HASH', 'RESPONSE_STATUS', 'CHAINCODE', 'READ_WRITE_SET', 'ENDORSER', 'ENDORSER_SIGNATURE',
  'ENDORSER_TWICE', 'ENDORSEMENT_POLICY'])

function refusal (root: TrustRoot, { code, kind, detail }: Refused, block: string, part: 'block' | 'read-back'): Problem {
  if (code === 'BUNDLE_OLDER') return problem('BUNDLE_OLDER', { bundleBlock: String(root.fabric.history.lastBlock), block })
  if (kind === 'could-not-check') return problem('LEDGER_UNSUPPORTED', { part: detail })
  if (part === 'read-back') return problem('LEDGER_READ_BACK_DIFFERS', { reason: code })
  return problem(OF_THE_ANCHOR.has(code) ? 'LEDGER_ANCHOR_DIFFERS' : 'LEDGER_BLOCK_DIFFERS', { reason: code })
}

function checkReadBack (
  crypto: Crypto, root: TrustRoot, proof: Proof, attestations: Attestations, ordered: OrderedTransaction
): LedgerVerdict {
  const { remarks } = attestations
  const { log, number: batch } = proof.header
  const identities = proof.identities ?? {}
  const block = String(ordered.at.block)
  const key = batchKey(log, batch)
  const read = root.fabric.readback(attestations.readback as NonNullable<typeof attestations.readback>, identities, {
    args: ['readBatch', log, batch], key, version: ordered.at, after: ordered.at.block
  })
  if (!read.ok) return { ok: false, problem: refusal(root, read, block, 'read-back'), remarks }
  const answer = tryParse(() => parseReadBack(read.value.payload))
  if (answer === undefined) return { ok: false, problem: problem('LEDGER_READ_BACK_DIFFERS', { reason: 'MALFORMED' }), remarks }
  if (answer.channel !== root.identity.channel) {
    return { ok: false, problem: problem('LEDGER_READ_BACK_DIFFERS', { reason: 'CHANNEL' }), remarks }
  }
  if (!isWritten(ordered, root.identity.chaincode, key, answer)) return { ok: false, problem: problem('LEDGER_ENTRY_DIFFERS', { batch }), remarks }
  const qscc = checkQscc(root, attestations, identities, ordered)
  if (qscc !== undefined) return { ok: false, problem: qscc, remarks }
  const inclusion = checkInclusion(crypto, root.heads, proof.closedHead, { entry: answer.entry, block: ordered.at.block })
  return verdict(root, ordered, read.value, answer, inclusion, remarks)
}

/** The entry, byte for byte, is the one that the ordered transaction writes to its key. */
function isWritten ({ transaction }: OrderedTransaction, chaincode: string, key: string, { entry }: ReadBack): boolean {
  const write = transaction.readWriteSets.find(({ namespace }) => namespace === chaincode)?.writes.find((one) => one.key === key)
  return write !== undefined && !write.isDelete && equalBytes(write.value, jcsBytes(entry))
}

function checkQscc (root: TrustRoot, { qscc }: Attestations, identities: Identities, ordered: OrderedTransaction): Problem | undefined {
  if (qscc === undefined) return undefined
  const attested = root.fabric.qscc(qscc, identities, ordered)
  return attested.ok ? undefined : refusal(root, attested, String(ordered.at.block), 'read-back')
}

function verdict (
  root: TrustRoot, ordered: OrderedTransaction, read: AttestedReadback, answer: ReadBack, inclusion: Inclusion, before: readonly Remark[]
): LedgerVerdict {
  const endorsers = ordered.endorsers.map((one) => toEndorser(root, one))
  const readers = read.endorsers.map((one) => toEndorser(root, one))
  const kind = otherKind(root, [...endorsers, ...readers])
  const lastConfig = String(root.fabric.history.ranges.at(-1)?.from ?? 0n)
  const block = String(ordered.at.block)
  const isOfThePast = isRetired(root, read)
  const against = kind ?? checkLink(inclusion, isOfThePast, { block, lastConfig })
  return {
    ok: true,
    facts: {
      entry: answer.entry,
      deadlineMs: root.statement?.register.deadlineMs,
      readAt: answer.time,
      ...(isOfThePast && typeof inclusion !== 'string' ? { linked: timeOfHead(root, inclusion) } : {}),
      endorsers,
      readers,
      organizations: organizationsOf(root, ordered).size,
      orderers: ordered.block.consenters.length,
      consenters: ordered.block.of,
      quorum: ordered.block.quorum,
      block,
      transaction: Number(ordered.at.tx),
      txId: ordered.transaction.channelHeader.txId,
      lastConfig
    },
    ...(against === undefined ? {} : { problem: against }),
    remarks: [
      ...before,
      ...certificateRemarks(endorsers, answer.entry.time),
      ...certificateRemarks(readers, answer.time),
      ...linkRemarks(inclusion, isOfThePast, block),
      ...kindRemarks(root)
    ]
  }
}

function toEndorser (root: TrustRoot, { mspId, certificate }: FabricEndorser): Endorser {
  const { notBefore, notAfter, subject } = certificate
  return { ...entityOf(root.identity, mspId), notBefore, notAfter, organizationalUnits: subject.organizationalUnits }
}

function checkLink (inclusion: Inclusion, isOfThePast: boolean, at: { readonly block: string, readonly lastConfig: string }): Problem | undefined {
  if (inclusion === 'differs') return problem('LEDGER_CLOSED_HEAD_DIFFERS', { block: at.block })
  if (inclusion === 'head-unknown') return problem('CLOSED_HEAD_UNKNOWN', at)
  return isOfThePast && inclusion === 'not-stated' ? problem('RETIRED_NOT_LINKED', at) : undefined
}

function timeOfHead (root: TrustRoot, { entry, readAt, readers }: HeadEntry): TimeOnLedger {
  return { time: entry.time, skewMs: entry.skewMs, readAt, organizations: namesOf(readers.map((one) => toEndorser(root, one))) }
}

function linkRemarks (inclusion: Inclusion, isOfThePast: boolean, block: string): Remark[] {
  return isOfThePast && typeof inclusion !== 'string' ? [remark('RETIRED_LINKED', { block })] : []
}

/**
 * Retired keys can sign for the past for ever, and so can those who sufficed only by an earlier policy. So the read-back, which says that
 * the entry is on the ledger, must be by peers that the newest configuration knows and that suffice under the newest definition; or the
 * batch must be below a head that those attest (`checkInclusion`).
 */
function isRetired (root: TrustRoot, read: AttestedReadback): boolean {
  const { ranges, definitions } = root.fabric.history
  const newest = ranges.at(-1)
  const definition = definitions.at(-1)
  if (newest === undefined || definition === undefined) return false
  if (read.range === newest && read.definition === definition) return false
  return !isEndorsedUnder(newest.config, definition.policy, read.endorsers.map(({ identity }) => identity))
}

/** Networks say in their certificates what they are: a guard against taking a sandbox's for a consortium's by accident. */
function otherKind (root: TrustRoot, endorsers: readonly Endorser[]): Problem | undefined {
  const stated = root.identity.kind
  const kinds: readonly string[] = ['embedded-single', 'embedded-development', 'consortium']
  const certificate = endorsers.flatMap(({ organizationalUnits }) => organizationalUnits).find((unit) => kinds.includes(unit) && unit !== stated)
  return certificate === undefined ? undefined : problem('LEDGER_KIND_DIFFERS', { stated, certificate })
}

function kindRemarks ({ identity }: TrustRoot): Remark[] {
  return identity.kind === 'embedded-development' ? [remark('DEVELOPMENT_NETWORK', {})] : []
}

function certificateRemarks (endorsers: readonly Endorser[], time: string): Remark[] {
  return endorsers.flatMap(({ entity: organization, notBefore, notAfter }) => [
    ...(notAfter < time ? [remark('ENDORSER_CERTIFICATE_EXPIRED', { organization, notAfter })] : []),
    ...(notBefore > time ? [remark('ENDORSER_CERTIFICATE_NOT_YET_VALID', { organization, notBefore })] : [])
  ])
}
