import fc from 'fast-check'
import t from 'tap'
import { concat, fromBase64url, toBase64url, utf8 } from '../../src/core/bytes.js'
import { bftQuorum } from '../../src/core/fabric/config.js'
import { verifyHistory } from '../../src/core/fabric/history.js'
import { common, mspPrincipal, rwset, transaction } from '../../network/shared/proto.js'
import { COULD_NOT_CHECK, DIFFERS, type FabricResult } from '../../src/core/fabric/refusal.js'
import { createFabricVerifier, type FabricVerifier } from '../../src/core/fabric/verifier.js'
import type { BlockData } from '../../src/core/proof.js'
import { nodeCrypto } from '../../src/platform/node.js'
import {
  type BlockOptions, CHAINCODE, configEnvelope, ForgedNetwork, lifecycleSet, member, organization, type QueryOptions, readWriteSet,
  type TransactionOptions
} from './fabric-forge.js'
import { platformAlone } from '../support/platform-policy.js'
import { certificate, sign } from './fabric-pki.js'

// Evidence that the right keys signed and that breaks one rule each: without the rule it would be accepted.
const network = new ForgedNetwork()

function codeOf (result: FabricResult<unknown>): string {
  return result.ok ? 'ok' : result.code
}

interface Story { configs?: BlockData[], definitions?: { block: BlockData, transaction: string }[] }

const definitions = [{ block: network.block(1, [network.definitionEnvelope()]), transaction: '0' }]

function tell (story: Story = {}): FabricResult<FabricVerifier> {
  const genesis = { number: '0' as const, data: [toBase64url(network.genesis)] }
  const verified = verifyHistory(nodeCrypto, network.identity, { genesis, configs: [], definitions, ...story })
  return verified.ok ? { ok: true, value: createFabricVerifier(nodeCrypto, verified.value) } : verified
}

function verifier (story?: Story): FabricVerifier {
  const told = tell(story)
  if (!told.ok) throw new Error(`${told.code}: ${told.detail}`)
  return told.value
}

const question = { args: ['read', 'k'], key: 'k', version: { block: 6n, tx: 0n }, after: 6n }

function ordered (envelope: QueryOptions & TransactionOptions = {}, block: BlockOptions = {}): string {
  return codeOf(verifier().block({ ...network.block(6, [network.envelope(envelope)], block), transaction: '0' }))
}

function read (options: QueryOptions = {}, asked: Partial<typeof question> = {}, story?: Story): string {
  const { data, identities } = network.readback(options)
  return codeOf(verifier(story).readback(data, identities, { ...question, ...asked }))
}

/** Appends a field: to a message that has it, a double; else an unknown one. */
const append = (...field: number[]) => (bytes: Uint8Array): Uint8Array => concat(bytes, Uint8Array.from(field))
const UNKNOWN = [0xf8, 0x07, 0x01] // field 127, varint 1

void t.test('the forged network is accepted where it breaks nothing', async (t) => {
  t.equal(ordered(), 'ok')
  t.equal(read(), 'ok')
  t.equal(ordered({}, { signers: [0, 1, 2, 3] }), 'ok')
  t.equal(ordered({}, { signers: [3, 1, 2] }), 'ok')
  t.same([...DIFFERS, ...COULD_NOT_CHECK].length, new Set([...DIFFERS, ...COULD_NOT_CHECK]).size)
})

void t.test('quorums', async (t) => {
  t.same([1, 2, 3, 4, 5, 6, 7, 10].map(bftQuorum), [1, 2, 2, 3, 4, 4, 5, 7])
  t.equal(ordered({}, { signers: [0, 1] }), 'ORDERER_QUORUM')
  t.equal(ordered({}, { signers: [] }), 'ORDERER_QUORUM')
  t.equal(ordered({}, { signers: [0, 1, 1] }), 'ORDERER_SIGNATURE', 'one consenter twice')
  t.equal(ordered({}, { signers: [0, 1, 2, 2] }), 'ORDERER_SIGNATURE', 'a surplus one twice')
  const fifth = (bytes: Uint8Array): Uint8Array => sign(network.organization(0).orderer.issued.privateKey, bytes)
  t.equal(ordered({}, {
    signers: [0, 1, 2, 4], signature: (bytes, i) => sign(network.organization(i === 4 ? 0 : i).orderer.issued.privateKey, bytes)
  }), 'ORDERER_UNKNOWN', 'a number that is not in the mapping')
  t.equal(ordered({}, { signature: fifth }), 'ORDERER_SIGNATURE', 'one key under three numbers')
  t.equal(ordered({}, { signature: (bytes, i) => sign(network.organization(i).orderer.issued.privateKey, bytes, 'high') }), 'ORDERER_SIGNATURE')
  t.equal(ordered({}, {
    signers: [0, 1, 2, 3],
    signature: (bytes, i) => i === 3 ? utf8('not a signature') : sign(network.organization(i).orderer.issued.privateKey, bytes)
  }), 'ORDERER_SIGNATURE', 'a surplus one that fails')
})

void t.test('one certificate in two places of the consenter mapping counts once', async (t) => {
  const twins = new ForgedNetwork()
  const genesis = configEnvelope(twins.organizations, 0, (orderers) => {
    const [first, second] = orderers.getConsenterMappingList()
    second?.setMspId(first?.getMspId() ?? '')
    second?.setIdentity(first?.getIdentity_asU8() ?? new Uint8Array(0))
  })
  Object.assign(twins, { genesis })
  const commit = twins.block(1, [twins.definitionEnvelope()], {
    signature: (bytes, i) => sign(twins.organization(i === 1 ? 0 : i).orderer.issued.privateKey, bytes)
  })
  const history = { genesis: { number: '0' as const, data: [toBase64url(genesis)] }, configs: [], definitions: [{ block: commit, transaction: '0' }] }
  t.equal(codeOf(verifyHistory(nodeCrypto, twins.identity, history)), 'ORDERER_SIGNATURE')
})

void t.test('signatures by other headers do not count', async (t) => {
  t.equal(ordered({}, { metadata: (m) => { m.getSignaturesList()[0]?.setSignatureHeader(utf8('x')) } }), 'ORDERER_SIGNATURE')
  t.equal(ordered({}, { metadata: (m) => { m.getSignaturesList()[0]?.setIdentifierHeader('') } }), 'ORDERER_SIGNATURE')
  const header = new common.IdentifierHeader()
  header.setIdentifier(2)
  t.equal(ordered({}, { metadata: (m) => { m.getSignaturesList()[0]?.setIdentifierHeader(header.serializeBinary()) } }), 'ORDERER_SIGNATURE')
})

void t.test('last_config', async (t) => {
  t.equal(ordered({}, { lastConfig: 1 }), 'BUNDLE_OLDER')
  t.equal(ordered({}, { lastConfig: 6 }), 'BUNDLE_OLDER')
  t.equal(ordered({}, { lastConfig: 7 }), 'LAST_CONFIG', 'a configuration after the block')
  t.equal(ordered({}, { valueBytes: () => new Uint8Array(0) }), 'LAST_CONFIG')
  t.equal(ordered({}, { valueBytes: append(...UNKNOWN) }), 'MALFORMED')
  t.equal(ordered({}, { metadataBytes: append(...UNKNOWN) }), 'MALFORMED')
  t.equal(ordered({}, { metadataBytes: append(0x0a, 0) }), 'MALFORMED', 'a doubled value')
})

void t.test('transactions that clients and endorsers signed, against the rules', async (t) => {
  t.equal(ordered({ signature: 'high' }), 'CREATOR')
  t.equal(ordered({ creator: member('CourtMSP', { commonName: 'x', units: ['client'] }) }), 'CREATOR')
  t.equal(ordered({ payloadBytes: append(...UNKNOWN) }), 'MALFORMED')
  t.equal(ordered({ envelopeBytes: append(...UNKNOWN) }), 'MALFORMED')
  t.equal(ordered({ envelopeBytes: append(0x12, 0) }), 'MALFORMED', 'a doubled signature')
  t.equal(ordered({ channelHeaderBytes: append(0x08, 0x03) }), 'MALFORMED', 'a doubled type')
  t.equal(ordered({ channelHeaderBytes: append(...UNKNOWN) }), 'MALFORMED')
  t.equal(ordered({ responseBytes: append(...UNKNOWN) }), 'MALFORMED')
  t.equal(ordered({ channel: 'other' }), 'CHANNEL')
  t.equal(ordered({ channelHeader: (header) => { header.setTxId('00'.repeat(32)) } }), 'TRANSACTION_ID')
  t.equal(ordered({ channelHeader: (header) => { header.setType(2) } }), 'TRANSACTION_TYPE')
  t.equal(ordered({ transaction: (tx) => { tx.clearActionsList() } }), 'TRANSACTION_ACTIONS')
  t.equal(ordered({ transaction: (tx) => { tx.setActionsList([...tx.getActionsList(), ...tx.getActionsList()]) } }), 'TRANSACTION_ACTIONS')
  t.equal(ordered({ transaction: (tx) => { tx.getActionsList()[0]?.setHeader(utf8('other')) } }), 'TRANSACTION_FORM')
  t.equal(ordered({ proposal: (payload) => { payload.getTransientmapMap().set('a', utf8('b')) } }), 'TRANSACTION_FORM')
  t.equal(ordered({ transaction: replaceProposal }), 'PROPOSAL_HASH')
  t.equal(ordered({ status: 500 }), 'RESPONSE_STATUS')
  t.equal(ordered({ chaincode: 'other' }), 'CHAINCODE')
  t.equal(ordered({ action: (action) => { action.getChaincodeId()?.setName('other') } }), 'TRANSACTION_FORM')
  t.equal(ordered({ version: '2' }), 'CHAINCODE')
  t.equal(ordered({ action: (action) => { action.setResults(concat(action.getResults_asU8(), Uint8Array.from(UNKNOWN))) } }), 'MALFORMED')
})

function replaceProposal (tx: transaction.Transaction): void {
  const [action] = tx.getActionsList()
  const inner = transaction.ChaincodeActionPayload.deserializeBinary(action?.getPayload_asU8() ?? new Uint8Array(0))
  inner.setChaincodeProposalPayload(network.endorse({ args: ['write', 'k', 'other'] }).proposalPayload)
  action?.setPayload(inner.serializeBinary())
}

void t.test('other envelopes of the block count as well', async (t) => {
  const block = (...data: Uint8Array[]): string => codeOf(verifier().block({ ...network.block(6, data), transaction: '0' }))
  const good = network.envelope()
  t.equal(block(good, network.envelope({ args: ['x'] })), 'ok')
  t.equal(block(good, network.envelope({ channel: 'other' })), 'CHANNEL')
  t.equal(block(good, utf8('junk')), 'MALFORMED')
  t.equal(block(good, concat(network.envelope(), network.envelope({ args: ['x'] }))), 'MALFORMED', 'two envelopes in one element')
  t.equal(block(good, network.envelope({ envelopeBytes: append(0x12, 0x01, 0x00) })), 'MALFORMED', 'a second signature')
  t.equal(block(good, network.envelope({ envelopeBytes: append(0x8a, 0x00, 0x01, 0x00) })), 'MALFORMED', 'a second payload, its tag needlessly long')
  t.equal(block(good, network.envelope({ envelopeBytes: append(0x0a, 0x00) })), 'TRANSACTION_FORM', 'a second payload, empty')
  t.equal(block(good, network.envelope({ envelopeBytes: append(0x7a, 0x05, 0x00) })), 'MALFORMED', 'a field that is cut off')
  t.equal(block(good, network.envelope({ envelopeBytes: (bytes) => concat(Uint8Array.of(...UNKNOWN), bytes) })), 'MALFORMED', 'unknown fields before the payload')
  // Anybody on the channel can have odd envelopes ordered: they must not spoil the block for the rest. Orderers keep unknown fields.
  t.equal(block(good, network.envelope({ envelopeBytes: append(...UNKNOWN) })), 'ok')
  t.equal(ordered({ envelopeBytes: append(...UNKNOWN) }), 'MALFORMED', 'but not in what is relied on')
  t.equal(block(good, network.envelope({ payloadBytes: append(...UNKNOWN) })), 'ok')
  t.equal(block(good, network.envelope({ channelHeaderBytes: append(0x08, 0x03) })), 'ok')
  t.equal(block(good, network.envelope({ payloadBytes: () => Uint8Array.of(0x0a, 0x7f) })), 'MALFORMED')
  t.equal(block(good, new Uint8Array(0)), 'TRANSACTION_FORM')
})

void t.test('read/write sets are in order and say everything once', async (t) => {
  const sets = (...all: rwset.NsReadWriteSet[]): string => ordered({ sets: all })
  const writes = (...keys: string[]): rwset.NsReadWriteSet => readWriteSet(CHAINCODE, { writes: keys.map((key) => [key, utf8('v')] as const) })
  t.equal(sets(lifecycleSet(), writes('a', 'b')), 'ok')
  t.equal(sets(lifecycleSet(), writes('b', 'a')), 'READ_WRITE_SET')
  t.equal(sets(lifecycleSet(), writes('a', 'a')), 'READ_WRITE_SET', 'a key written twice')
  t.equal(sets(lifecycleSet(), writes('a'), writes('a')), 'READ_WRITE_SET', 'a namespace twice')
  t.equal(sets(writes('a'), lifecycleSet()), 'READ_WRITE_SET')
  t.equal(sets(writes('a')), 'READ_WRITE_SET', 'no read of the definition')
  t.equal(sets(lifecycleSet(0), writes('a')), 'CHAINCODE', 'a definition that is not listed')
  t.equal(sets(lifecycleSet(5), writes('a')), 'BUNDLE_OLDER', 'a definition after the last one known')
})

void t.test('endorsers', async (t) => {
  const by = (...endorsers: NonNullable<QueryOptions['endorsers']>[number][]): string => ordered({ endorsers })
  const [a, b, c] = network.peers(0, 1, 2) as [ReturnType<typeof member>, ReturnType<typeof member>, ReturnType<typeof member>]
  const { ca, tlsCa, client } = network.organization(2)
  const issued = (options: Parameters<typeof certificate>[0]): typeof a => member('ForensicMSP', options)
  t.equal(by(a, b, c), 'ok')
  t.equal(by(a, b), 'ENDORSEMENT_POLICY')
  t.equal(by(), 'ENDORSEMENT_POLICY')
  t.equal(by(a, b, a), 'ENDORSER_TWICE')
  t.equal(by(a, b, c, issued({ commonName: 'peer1', units: ['peer'], issuer: ca })), 'ENDORSER_TWICE', 'two peers of one organization')
  t.equal(by(a, b, client), 'ENDORSER', 'a client')
  t.equal(by(a, b, issued({ commonName: 'x', units: ['admin'], issuer: ca })), 'ENDORSER', 'an administrator')
  t.equal(by(a, b, c, network.organization(3).client), 'ENDORSER', 'a surplus client')
  t.equal(by(a, b, issued({ commonName: 'peer0', units: ['peer'], issuer: client.issued })), 'ENDORSER', 'a peer that a client issued')
  t.equal(by(a, b, issued({ commonName: 'peer0', units: ['peer'], issuer: tlsCa })), 'ENDORSER', 'a peer that the TLS root issued')
  t.equal(by(a, b, issued({ commonName: 'peer0', units: ['peer'] })), 'ENDORSER', 'self-signed')
  t.equal(by(a, b, network.organization(3).orderer), 'ENDORSER', 'an orderer')
  t.equal(ordered({ endorsement: 'high' }), 'ENDORSER_SIGNATURE')
  t.equal(by(a, b, { ...c, issued: a.issued }), 'ENDORSER_SIGNATURE')
})

void t.test('read-backs that say other things', async (t) => {
  const own = (options: Parameters<typeof readWriteSet>[1]): rwset.NsReadWriteSet => readWriteSet(CHAINCODE, options)
  const sets = (...all: rwset.NsReadWriteSet[]): string => read({ sets: all })
  t.equal(sets(lifecycleSet(), own({ reads: [['k', 6]] })), 'ok')
  t.equal(sets(lifecycleSet(), own({ reads: [['k']] })), 'READ_VERSION', 'absent')
  t.equal(sets(lifecycleSet(), own({ reads: [['k', 0, 0]] })), 'READ_VERSION')
  t.equal(sets(lifecycleSet(), own({ reads: [['k', 6, 1]] })), 'READ_VERSION')
  t.equal(sets(lifecycleSet(), own({ reads: [['j', 6], ['k', 6]] })), 'READ_WRITE_SET')
  t.equal(sets(lifecycleSet(), own({ reads: [] })), 'READ_WRITE_SET')
  t.equal(sets(lifecycleSet(), own({ reads: [['k', 6]], writes: [['k', utf8('v')]] })), 'READ_WRITE_SET')
  t.equal(sets(lifecycleSet(), own({ reads: [['k', 6]], ranges: 1 })), 'READ_WRITE_SET')
  t.equal(sets(lifecycleSet(), own({ reads: [['k', 6]], metadata: 1 })), 'READ_WRITE_SET')
  t.equal(sets(lifecycleSet(), own({ reads: [['k', 6]], collections: 1 })), 'READ_WRITE_SET')
  t.equal(sets(lifecycleSet(), own({ reads: [['k', 6]] }), readWriteSet('other', {})), 'READ_WRITE_SET')
  t.equal(sets(own({ reads: [['k', 6]] })), 'READ_WRITE_SET')
  t.equal(sets(lifecycleSet()), 'READ_WRITE_SET')
  t.equal(sets(readWriteSet('_lifecycle', { reads: [['namespaces/fields/anchor/Sequence', 1], ['z', 1]] }), own({ reads: [['k', 6]] })), 'READ_WRITE_SET')
  t.equal(sets(readWriteSet('_lifecycle', { reads: [['namespaces/fields/other/Sequence', 1]] }), own({ reads: [['k', 6]] })), 'READ_WRITE_SET')
  t.equal(sets(lifecycleSet(3), own({ reads: [['k', 6]] })), 'BUNDLE_OLDER')
  t.equal(read({ status: 500 }), 'RESPONSE_STATUS')
  t.equal(read({ status: 201 }), 'RESPONSE_STATUS')
  t.equal(read({ version: '2' }), 'CHAINCODE')
  t.equal(read({ chaincode: 'other' }), 'CHAINCODE')
  t.equal(read({ event: utf8('event') }), 'READ_WRITE_SET')
  t.equal(read({ args: ['read', 'j'] }), 'PROPOSAL')
  t.equal(read({ args: ['other', 'k'] }), 'PROPOSAL')
  t.equal(read({ channel: 'other' }), 'CHANNEL')
  t.equal(read({ channelHeader: (header) => { header.setType(1) } }), 'PROPOSAL')
  t.equal(read({ channelHeader: (header) => { header.setTxId('') } }), 'TRANSACTION_ID')
  t.equal(read({ channelHeaderBytes: append(...UNKNOWN) }), 'MALFORMED')
  t.equal(read({ responseBytes: append(...UNKNOWN) }), 'MALFORMED')
  t.equal(read({ endorsement: 'high' }), 'ENDORSER_SIGNATURE')
  t.equal(read({ endorsers: [...network.peers(0, 1), network.organization(2).client] }), 'ENDORSER')
  const stranger = member('ForensicMSP', { commonName: 'peer0', units: ['peer'] })
  t.equal(read({ endorsers: [...network.peers(0, 1), stranger] }), 'BUNDLE_OLDER', 'a CA that the bundle does not know')
  const imposter = { ...network.organization(2).ca, privateKey: stranger.issued.privateKey }
  t.equal(read({ endorsers: [...network.peers(0, 1), member('ForensicMSP', { commonName: 'peer0', units: ['peer'], issuer: imposter })] }), 'ENDORSER')
})

void t.test('the compact form, and proposals of other queries', async (t) => {
  const { data, identities } = network.readback()
  const { proposal, ...compact } = data
  t.equal(codeOf(verifier().readback(compact, identities, question)), 'ok')
  const other = network.readback({ channelHeader: (header) => { header.setEpoch(1) } }).data.proposal
  if (other === undefined || proposal === undefined) return t.fail()
  t.equal(codeOf(verifier().readback({ ...data, proposal: other }, identities, question)), 'PROPOSAL_HASH')
})

void t.test('a new configuration, and evidence of before and after it', async (t) => {
  const renewed = network.organizations.map((old, i) => i === 0 ? organization('Court') : old)
  const envelope = configEnvelope(renewed, 1)
  const update = network.block(8, [envelope], { lastConfig: 8 })
  const story = { configs: [update] }
  const later = Object.assign(new ForgedNetwork(), { organizations: renewed })
  const block = (verify: FabricVerifier, from: ForgedNetwork, number: number, lastConfig: number): string =>
    codeOf(verify.block({ ...from.block(number, [from.envelope()], { lastConfig }), transaction: '0' }))
  t.equal(block(verifier(story), network, 6, 0), 'ok')
  t.equal(block(verifier(story), later, 9, 8), 'ok')
  t.equal(block(verifier(), later, 9, 8), 'BUNDLE_OLDER')
  t.equal(block(verifier(story), network, 9, 8), 'ORDERER_SIGNATURE', 'the old set after the change')
  t.equal(block(verifier(story), network, 9, 0), 'LAST_CONFIG')
  t.equal(block(verifier(story), later, 6, 0), 'ORDERER_SIGNATURE', 'the new set before the change')
  t.equal(block(verifier(story), network, 8, 0), 'LAST_CONFIG', 'another block in the place of the configuration')
  const endorsers = later.peers(0, 1, 2)
  t.equal(read({ endorsers }, {}, story), 'ok', 'endorsed after the change')
  t.equal(read({}, {}, story), 'ok', 'endorsed before the change')
  t.equal(read({ endorsers }), 'BUNDLE_OLDER')
  t.equal(read({}, { after: 9n }, story), 'BUNDLE_OLDER', 'the old CA is unknown after the change')

  const told = (...configs: BlockData[]): string => codeOf(tell({ configs }))
  t.equal(told(network.block(8, [configEnvelope(renewed, 2)], { lastConfig: 8 })), 'CONFIG', 'a configuration left out')
  t.equal(told(network.block(8, [configEnvelope(renewed, 0)], { lastConfig: 8 })), 'CONFIG')
  t.equal(told(network.block(8, [envelope], { lastConfig: 0 })), 'LAST_CONFIG')
  t.equal(told(network.block(8, [envelope, network.envelope()], { lastConfig: 8 })), 'LAST_CONFIG')
  t.equal(told(later.block(8, [envelope], { lastConfig: 8 })), 'ORDERER_SIGNATURE', 'signed by its own set')
  t.equal(told(network.block(8, [envelope], { lastConfig: 8, signers: [1, 2] })), 'ORDERER_QUORUM')
  t.equal(told(update, later.block(7, [configEnvelope(renewed, 2)], { lastConfig: 7 })), 'LAST_CONFIG', 'out of order')
  t.equal(told(update, later.block(12, [configEnvelope(renewed, 2)], { lastConfig: 12 })), 'ok')
})

void t.test('successive definitions', async (t) => {
  const [first] = definitions
  if (first === undefined) return t.fail()
  const second = (envelope: Uint8Array, number = 3): { block: BlockData, transaction: string } => ({ block: network.block(number, [envelope]), transaction: '0' })
  const story = (envelope: Uint8Array, number = 3): Story => ({ definitions: [first, second(envelope, number)] })
  const good = network.definitionEnvelope(2, 1)
  const verify = verifier(story(good))
  t.match(verify.history.definitions, [{ sequence: 1, version: '1' }, { sequence: 2, version: '2', policy: { kind: 'reference' }, at: { block: 3n } }])
  const newer = { sets: [lifecycleSet(3), readWriteSet(CHAINCODE, { reads: [['k', 6]] })] }
  t.equal(read({ ...newer, version: '2' }, {}, story(good)), 'ok')
  t.equal(read(newer, {}, story(good)), 'CHAINCODE', 'the old version under the new definition')
  t.equal(read({}, {}, story(good)), 'CHAINCODE', 'under a definition that was superseded when the value was written')
  t.equal(read({}, {}, story(good, 8)), 'ok', 'an earlier read-back stays good')
  t.equal(codeOf(verify.block({ ...network.block(6, [network.envelope()]), transaction: '0' })), 'CHAINCODE', 'a superseded definition endorses nothing')
  const late = network.readback()
  const unversioned = { args: question.args, key: question.key, after: question.after }
  t.equal(codeOf(verifier(story(good, 8)).readback(late.data, late.identities, unversioned)), 'CHAINCODE', 'what has no version is read under the newest')
  t.equal(read({ ...newer, version: '2' }), 'BUNDLE_OLDER')

  t.equal(codeOf(tell(story(network.definitionEnvelope(3, 1)))), 'DEFINITION', 'a sequence left out')
  t.equal(codeOf(tell(story(network.definitionEnvelope(2, 2)))), 'DEFINITION', 'follows another definition')
  t.equal(codeOf(tell(story(network.definitionEnvelope(2)))), 'DEFINITION', 'pretends to be the first')
  t.equal(codeOf(tell(story(good, 1))), 'DEFINITION', 'not after the first')
  t.equal(codeOf(tell({ definitions: [second(network.definitionEnvelope(1, undefined, { endorsers: network.peers(0, 1) }))] })), 'ENDORSEMENT_POLICY')
  t.equal(codeOf(tell({ definitions: [second(network.definitionEnvelope(1, undefined, { status: 500 }))] })), 'RESPONSE_STATUS')
})

void t.test('a definition with a signature policy of its own', async (t) => {
  const only = (classification: Parameters<typeof platformAlone>[0]): Story => (
    { definitions: [{ block: network.block(1, [network.definitionEnvelope(1, undefined, { policy: platformAlone(classification) })]), transaction: '0' }] }
  )
  const { ROLE, ORGANIZATION_UNIT } = mspPrincipal.MSPPrincipal.Classification
  t.equal(read({ endorsers: network.peers(3) }, {}, only(ROLE)), 'ok')
  t.equal(read({ endorsers: network.peers(0, 1, 2) }, {}, only(ROLE)), 'ENDORSEMENT_POLICY')
  t.equal(read({ endorsers: network.peers(3) }, {}, only(ORGANIZATION_UNIT)), 'UNSUPPORTED')
})

void t.test('remembered verdicts are those of the bytes', async (t) => {
  const verify = verifier()
  const good = { ...network.block(6, [network.envelope()]), transaction: '0' }
  const first = verify.block(good)
  t.equal(verify.block({ ...good }), first, 'the very same result')
  t.equal(codeOf(verify.block({ ...good, transaction: '1' })), 'TRANSACTION_INDEX')
  t.equal(codeOf(verify.block({ ...good, number: '7' })), 'ORDERER_SIGNATURE')
  const { data, identities } = network.readback()
  t.equal(verify.readback(data, identities, question), verify.readback(data, identities, question))
  t.equal(codeOf(verify.readback(data, {}, question)), 'IDENTITY')
  t.equal(codeOf(verify.readback(data, identities, { ...question, version: { block: 7n, tx: 0n } })), 'READ_VERSION')
})

void t.test('no evidence makes a verifier throw', async (t) => {
  const verify = verifier()
  const good = { ...network.block(6, [network.envelope()]), transaction: '0' }
  const { data, identities } = network.readback()
  const mutate = (encoded: string, at: number, byte: number): string => {
    const bytes = fromBase64url(encoded)
    const i = at % bytes.length
    bytes[i] = (bytes[i] ?? 0) ^ byte
    return toBase64url(bytes)
  }
  const byte = fc.integer({ min: 1, max: 255 })
  fc.assert(fc.property(fc.nat(), byte, fc.boolean(), (at, change, inData) => {
    const [element = ''] = good.data
    const changed = inData ? { ...good, data: [mutate(element, at, change)] } : { ...good, signatures: mutate(good.signatures, at, change) }
    return !verify.block(changed).ok
  }), { seed: 4, numRuns: 400 })
  fc.assert(fc.property(fc.nat(), byte, fc.nat(4), (at, change, where) => {
    const { proposal, responsePayload, endorsements } = data
    const [one, ...rest] = endorsements
    if (proposal === undefined || one === undefined) return false
    const changed = [
      { ...data, responsePayload: mutate(responsePayload, at, change) },
      { ...data, endorsements: [{ ...one, signature: mutate(one.signature, at, change) }, ...rest] },
      { ...data, proposal: { ...proposal, channelHeader: mutate(proposal.channelHeader, at, change) } },
      { ...data, proposal: { ...proposal, signatureHeader: mutate(proposal.signatureHeader, at, change) } },
      { ...data, proposal: { ...proposal, payload: mutate(proposal.payload, at, change) } }
    ][where]
    return changed !== undefined && !verify.readback(changed, identities, question).ok
  }), { seed: 5, numRuns: 400 })
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ maxLength: 200 }), (element, signatures) =>
    !verify.block({ ...good, data: [toBase64url(element)], signatures: toBase64url(signatures) }).ok
  ), { seed: 6, numRuns: 300 })
})
