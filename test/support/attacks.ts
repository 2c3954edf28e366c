import { toBase64url, utf8 } from '../../src/core/bytes.js'
import type { FindingCode, FindingName } from '../../src/core/findings.js'
import { jcsBytes } from '../../src/core/jcs.js'
import { batchKey } from '../../src/core/ledger-values.js'
import type { Proof } from '../../src/core/proof.js'
import { CHAINCODE, lifecycleSet, readWriteSet } from '../unit/fabric-forge.js'
import { type AnchorOptions, type EvidenceWorld, LOG, time } from './evidence-world.js'

/** A JSON document as tests change it. */
export type Editable = Record<string, any>

/** Changes of a good proof with three disclosed fields at most, and the code that each must end in. `other`: another proof of its batch. */
export const PROOF_EDITS: readonly (readonly [FindingName, FindingCode, (p: Editable, other: Proof) => void])[] = [
  ['integrity', 'RECORD_NOT_IN_BATCH', (p) => { p.record.receivedAt = time(-3001) }],
  ['integrity', 'RECORD_NOT_IN_BATCH', (p) => { p.record.submitter.organization = 'x' }],
  ['integrity', 'RECORD_NOT_IN_BATCH', (p) => { p.batchPath[0] = '00'.repeat(32) }],
  ['integrity', 'RECORD_NOT_IN_BATCH', (p) => { p.batchPath.push('00'.repeat(32)) }],
  ['integrity', 'RECORD_NOT_IN_BATCH', (p) => { p.batchPath.pop() }],
  ['integrity', 'RECORD_NOT_IN_BATCH', (p, other) => { p.batchPath = other.batchPath }],
  ['integrity', 'RECORD_NOT_IN_BATCH', (p) => { p.record.sequence = '2' }],
  ['integrity', 'RECORD_OUTSIDE_BATCH', (p) => { p.record.sequence = '5' }],
  ['integrity', 'RECORD_OUTSIDE_BATCH', (p) => { p.header.first = '2' }],
  ['integrity', 'OTHER_LOG', (p) => { p.header.log = 'other.example/0123456789abcdef' }],
  ['integrity', 'OTHER_LOG', (p) => { p.receipt.statement.log = 'other.example/0123456789abcdef' }],
  ['integrity', 'OTHER_LOG', (p) => { p.record.log = 'other.example/0123456789abcdef' }],
  ['integrity', 'DISCLOSURE_DIFFERS', (p) => { p.disclosures[0].value = '2026-11-19' }],
  ['integrity', 'DISCLOSURE_DIFFERS', (p) => { p.disclosures[0].salt = toBase64url(new Uint8Array(32)) }],
  ['integrity', 'DISCLOSURE_DIFFERS', (p) => { p.disclosures[0].name = 'case' }],
  ['integrity', 'DISCLOSURE_DIFFERS', (p) => { p.disclosures.reverse() }],
  ['integrity', 'DISCLOSURE_DIFFERS', (p) => { p.disclosures.push(p.disclosures[1]) }],
  ['integrity', 'RECEIPT_DOES_NOT_BIND', (p) => { p.receipt.statement.groupRoot = '00'.repeat(32) }],
  ['integrity', 'RECEIPT_DOES_NOT_BIND', (p) => { p.receipt.statement.firstSequence = '2' }],
  ['integrity', 'RECEIPT_DOES_NOT_BIND', (p) => { p.receipt.path = [] }],
  ['integrity', 'RECEIPT_SIGNATURE_DIFFERS', (p) => { p.receipt.statement.deadline = time(0) }],
  ['integrity', 'RECEIPT_SIGNATURE_DIFFERS', (p) => { p.receipt.signature = 'A'.repeat(86) }],
  ['ledger', 'RECEIPT_KEY_UNKNOWN', (p) => { p.receipt.statement.keyId = '00'.repeat(32) }],
  ['ledger', 'LEDGER_HEADER_DIFFERS', (p) => { p.header.sealedAt = time(-1001) }],
  ['ledger', 'LEDGER_LOG_PATH_DIFFERS', (p) => { p.logPath.push('00'.repeat(32)) }],
  ['ledger', 'LEDGER_PREVIOUS_HEAD_DIFFERS', (p) => { p.header.previousHead = '00'.repeat(32) }],
  ['ledger', 'LEDGER_INCOMPLETE', (p) => { delete p.attestations; delete p.identities }],
  ['ledger', 'LEDGER_INCOMPLETE', (p) => { p.attestations.shift() }],
  ['ledger', 'IDENTITY_UNUSED', (p) => { p.attestations.pop() }],
  ['ledger', 'IDENTITY_UNUSED', (p) => { p.identities['00'.repeat(32)] = 'AAAA' }],
  ['ledger', 'ATTESTATION_MISPLACED', (p) => { p.attestations[0].target = 'record' }],
  ['ledger', 'ATTESTATION_MISPLACED', (p) => { p.attestations.push(p.attestations[0]) }],
  ['ledger', 'ATTESTATION_MALFORMED', (p) => { p.attestations[0].data.extra = 1 }],
  ['ledger', 'ATTESTATION_MALFORMED', (p) => { p.attestations[1].data = {} }],
  ['ledger', 'LEDGER_READ_BACK_DIFFERS', (p) => { p.identities = {} }],
  ['ledger', 'LEDGER_READ_BACK_DIFFERS', (p) => { delete p.identities[p.attestations[1].data.endorsements.pop().identity] }],
  ['ledger', 'LEDGER_BLOCK_DIFFERS', (p) => { p.attestations[0].data.number = '9' }],
  ['ledger', 'LEDGER_BLOCK_DIFFERS', (p) => { p.attestations[0].data.previousHash = '00'.repeat(32) }],
  ['ledger', 'LEDGER_ANCHOR_DIFFERS', (p) => { p.attestations[0].data.transaction = '1' }]
]

/** Evidence that is signed by the right keys and breaks one rule each; the first is the control. */
export const LEDGER_ATTACKS: readonly (readonly [string, FindingCode, (world: EvidenceWorld) => AnchorOptions])[] = [
  ['nothing is wrong', 'LEDGER_ENDORSED', () => ({})],
  ['two of four orderers', 'LEDGER_BLOCK_DIFFERS', () => ({ signers: [0, 1] })],
  ['two of four organizations endorsed the anchor', 'LEDGER_ANCHOR_DIFFERS', (world) => ({ anchorEndorsers: world.network.peers(0, 1) })],
  ['one organization endorsed the anchor twice', 'LEDGER_ANCHOR_DIFFERS', (world) => ({ anchorEndorsers: world.network.peers(0, 0, 1) })],
  ['two of four organizations endorsed the read-back', 'LEDGER_READ_BACK_DIFFERS', (world) => ({ readEndorsers: world.network.peers(0, 1) })],
  ['a client endorsed', 'LEDGER_ANCHOR_DIFFERS', (world) => ({
    anchorEndorsers: [world.network.organization(0).client, ...world.network.peers(1, 2)]
  })],
  ['an anchor of another channel', 'LEDGER_BLOCK_DIFFERS', () => ({ anchorQuery: { channel: 'other' } })],
  ['a read-back of another channel', 'LEDGER_READ_BACK_DIFFERS', () => ({ readQuery: { channel: 'other' } })],
  ['the anchor was refused by the chaincode', 'LEDGER_ANCHOR_DIFFERS', () => ({ anchorQuery: { status: 500 } })],
  ['the read-back was refused by the chaincode', 'LEDGER_READ_BACK_DIFFERS', () => ({ readQuery: { status: 500 } })],
  ['a read-back with an event', 'LEDGER_READ_BACK_DIFFERS', () => ({ readQuery: { event: utf8('event') } })],
  ['a high S', 'LEDGER_READ_BACK_DIFFERS', () => ({ readQuery: { endorsement: 'high' } })],
  ['the question is for another batch', 'LEDGER_READ_BACK_DIFFERS', () => ({ readQuery: { args: ['readBatch', LOG, '99'] } })],
  ['the question is another function', 'LEDGER_READ_BACK_DIFFERS', () => ({ readQuery: { args: ['status', LOG] } })],
  ['the answer is no read-back', 'LEDGER_READ_BACK_DIFFERS', () => ({ readQuery: { payload: utf8('{}') } })],
  ['a version of the chaincode that no definition lists', 'LEDGER_READ_BACK_DIFFERS', () => ({ readQuery: { version: '2' } })],
  ['read at another transaction', 'LEDGER_READ_BACK_DIFFERS', (world) => read(world, (key, block) => ({ reads: [[key, block, 1]] }))],
  ['read at another block', 'LEDGER_READ_BACK_DIFFERS', (world) => read(world, (key, block) => ({ reads: [[key, block + 1, 0]] }))],
  ['read where nothing was', 'LEDGER_READ_BACK_DIFFERS', (world) => read(world, (key) => ({ reads: [[key]] }))],
  ['read of another key', 'LEDGER_READ_BACK_DIFFERS', (world) => read(world, (_, block) => ({ reads: [[batchKey(LOG, '999'), block, 0]] }))],
  ['a read-back that writes', 'LEDGER_READ_BACK_DIFFERS', (world) => read(world, (key, block) => ({ reads: [[key, block, 0]], writes: [[key, utf8('x')]] }))],
  ['a read-back with a range query', 'LEDGER_READ_BACK_DIFFERS', (world) => read(world, (key, block) => ({ reads: [[key, block, 0]], ranges: 1 }))],
  ['a read-back with private data', 'LEDGER_READ_BACK_DIFFERS', (world) => read(world, (key, block) => ({ reads: [[key, block, 0]], collections: 1 }))],
  ['what was written is not what was read back', 'LEDGER_ENTRY_DIFFERS', () => ({
    entry: (value) => jcsBytes({ ...JSON.parse(new TextDecoder().decode(value)) as object, time: time(1000) })
  })],
  ['under a configuration that the bundle does not know', 'BUNDLE_OLDER', () => ({ lastConfig: 4 })]
]

function read (world: EvidenceWorld, reads: (key: string, block: number) => Parameters<typeof readWriteSet>[1]): AnchorOptions {
  const sets = [lifecycleSet(), readWriteSet(CHAINCODE, reads(batchKey(LOG, world.nextBatch), world.nextBlock))]
  return { readQuery: { sets } }
}
