import fc from 'fast-check'
import t from 'tap'
import { concat, equalBytes } from '../../src/core/bytes.js'
import { EvidenceError } from '../../src/core/errors.js'
import { decodeAny, decodeDefaulted, decodeExact, decodeUnordered, type MessageType } from '../../src/core/fabric/message.js'
import * as messages from '../../src/core/fabric/messages.js'
import {
  applicationPolicy, chaincode, chaincodeEvent, collection, common, configtx, configuration, definition, identities, kvrwset, lifecycle, lifecycleDb, mspConfig, mspPrincipal,
  orderer, policies, proposal, proposalResponse, rwset, transaction
} from '../../network/shared/proto.js'
import { fieldsOf, type GeneratedClass } from '../support/generated-messages.js'
import { randomFrom } from '../support/random.js'
import { fabricMessages } from '../support/wire-corpus.js'
import { mutate, randomTree, rises, serialize, sorted, type Tree, withoutDefaults } from '../support/wire-trees.js'

/**
 * core's own reader of protobuf messages against the generated classes of fabric-protos: it accepts exactly what those encode to the same
 * bytes again, and reads the same from it. Two things it refuses that they let pass: text that is not UTF-8, and integers beyond 2^53,
 * of which they read some as others.
 */
const TYPES: readonly (readonly [MessageType<any>, GeneratedClass])[] = [
  [messages.block, common.Block], [messages.envelope, common.Envelope], [messages.header, common.Header], [messages.payload, common.Payload],
  [messages.channelHeader, common.ChannelHeader], [messages.signatureHeader, common.SignatureHeader], [messages.metadata, common.Metadata],
  [messages.identifierHeader, common.IdentifierHeader], [messages.ordererBlockMetadata, common.OrdererBlockMetadata],
  [messages.serializedIdentity, identities.SerializedIdentity], [messages.mspPrincipal, mspPrincipal.MSPPrincipal],
  [messages.mspRole, mspPrincipal.MSPRole], [messages.mspConfig, mspConfig.MSPConfig], [messages.fabricMspConfig, mspConfig.FabricMSPConfig],
  [messages.signaturePolicy, policies.SignaturePolicy], [messages.signaturePolicyEnvelope, policies.SignaturePolicyEnvelope],
  [messages.implicitMetaPolicy, policies.ImplicitMetaPolicy], [messages.applicationPolicy, applicationPolicy.ApplicationPolicy],
  [messages.configGroup, configtx.ConfigGroup], [messages.configEnvelope, configtx.ConfigEnvelope], [messages.orderers, configuration.Orderers],
  [messages.capabilities, configuration.Capabilities], [messages.consensusType, orderer.ConsensusType], [messages.batchSize, orderer.BatchSize],
  [messages.batchTimeout, orderer.BatchTimeout], [messages.chaincodeInvocationSpec, chaincode.ChaincodeInvocationSpec],
  [messages.chaincodeProposalPayload, proposal.ChaincodeProposalPayload], [messages.chaincodeAction, proposal.ChaincodeAction],
  [messages.proposalResponsePayload, proposalResponse.ProposalResponsePayload], [messages.transaction, transaction.Transaction],
  [messages.chaincodeActionPayload, transaction.ChaincodeActionPayload], [messages.processedTransaction, transaction.ProcessedTransaction],
  [messages.txReadWriteSet, rwset.TxReadWriteSet], [messages.kvRwset, kvrwset.KVRWSet], [messages.hashedRwset, kvrwset.HashedRWSet],
  [messages.chaincodeHeaderExtension, proposal.ChaincodeHeaderExtension], [messages.chaincodeEvent, chaincodeEvent.ChaincodeEvent],
  [messages.collectionConfigPackage, collection.CollectionConfigPackage],
  [messages.commitChaincodeDefinitionArgs, lifecycle.CommitChaincodeDefinitionArgs],
  [messages.chaincodeEndorsementInfo, definition.ChaincodeEndorsementInfo],
  [messages.chaincodeValidationInfo, definition.ChaincodeValidationInfo], [messages.stateData, lifecycleDb.StateData]
]
const generatedOf = new Map(TYPES)
const corpus = fabricMessages()

type Verdict = { readonly value: Record<string, unknown> } | undefined

function read (work: () => unknown): Verdict {
  try {
    return { value: work() as Record<string, unknown> }
  } catch (error) {
    if (error instanceof EvidenceError) return undefined
    throw error
  }
}

/** What the generated class reads, when it encodes that to the same bytes again and JavaScript can hold it. */
function reference (type: GeneratedClass, bytes: Uint8Array, same: (again: Uint8Array) => boolean): Verdict {
  try {
    const message = type.deserializeBinary(bytes)
    const again = message.serializeBinary()
    const value = message.toObject() as Record<string, unknown>
    return same(again) && isExactlyHeld(value) ? { value } : undefined
  } catch {
    return undefined
  }
}

function isExactlyHeld (value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return Number.isSafeInteger(value)
  return typeof value !== 'object' || value === null || Object.values(value).every(isExactlyHeld)
}

const NO_SUFFIX = /^$/
const SUFFIX = /(list|map)$/
// Names that core has shorter than the .proto files.
const ALIASES: Readonly<Record<string, string>> = {
  principalclassification: 'classification',
  organizationalunitidentifier: 'unit',
  clientouidentifier: 'client',
  peerouidentifier: 'peer',
  adminouidentifier: 'admin',
  ordererouidentifier: 'orderer'
}

/**
 * What core or a generated class reads, in one form: names in lower case, without the `List` and `Map` that generated ones have; bytes in
 * base64, lists for maps; what says nothing left out, since the generated ones cannot tell it from absent.
 */
function plain (value: unknown, suffix: RegExp): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Map) return [...value.keys()].sort().map((key) => [key, plain(value.get(key), suffix)])
  if (Array.isArray(value)) return value.map((one) => plain(one, suffix))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).flatMap(([name, one]) => {
    const short = name.toLowerCase().replace(suffix, '')
    const said = plain(one, suffix)
    return saysNothing(said) ? [] : [[ALIASES[short] ?? short, said]]
  }).sort())
}

function saysNothing (value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : value === undefined || value === '' || value === 0 || value === false
}

/** The members that both sides read as values: messages that core leaves encoded are compared as they are used. */
function comparable (type: MessageType<any>, value: Record<string, unknown>, suffix = NO_SUFFIX): unknown {
  const left = new Set(type === messages.configEnvelope ? ['channelgroup'] : type === messages.processedTransaction ? ['transactionenvelope'] : [])
  return JSON.parse(JSON.stringify(plain(value, suffix), (name, one: unknown) => left.has(name) ? 'encoded' : one))
}

/** More by STEELYARD_MESSAGES. */
const RUNS = Number(process.env.STEELYARD_MESSAGES ?? 1500)
const CHANGES = 3
const CONFIGURATION: readonly unknown[] = [messages.configGroup, messages.capabilities]
/** They leave a message within them encoded, which is judged where it is used: the outside alone cannot be compared. */
const OUTSIDES: readonly unknown[] = [messages.configEnvelope, messages.processedTransaction]
const WHOLE = TYPES.filter(([type]) => !OUTSIDES.includes(type))
const DEFAULTED: readonly unknown[] = [messages.channelHeader, messages.chaincodeInvocationSpec]

void t.test('messages have the fields of the generated classes, and no others', (t) => {
  for (const [type, generated] of TYPES) {
    const numbers = type.fields.flatMap((field) => field === undefined ? [] : [field.number])
    t.strictSame(numbers, fieldsOf(generated).map(({ number }) => number), Object.keys(type.absent).join(' '))
  }
  t.end()
})

void t.test('messages of a real network: both read the same', (t) => {
  const seen = new Set<MessageType<any>>()
  for (const { type, bytes, what } of corpus) {
    const expected = reference(generatedOf.get(type) as GeneratedClass, bytes, () => true)?.value ?? {}
    const decode = DEFAULTED.includes(type) ? decodeDefaulted : CONFIGURATION.includes(type) ? decodeUnordered : decodeExact
    t.strictSame(comparable(type, decode(type, bytes)), comparable(type, expected, SUFFIX), what)
    seen.add(type)
  }
  t.strictSame(TYPES.filter(([type]) => !seen.has(type)).map(([type]) => Object.keys(type.absent)), [
    messages.header, messages.mspPrincipal, messages.signaturePolicy, messages.hashedRwset, messages.chaincodeHeaderExtension,
    messages.chaincodeEvent, messages.collectionConfigPackage
  ].map(({ absent }) => Object.keys(absent)), 'every message is among them, but those that are only within others or of what that network had not')
  t.end()
})

void t.test('messages of a real network with a changed byte', (t) => {
  const samples = corpus.filter(({ type }) => ![...CONFIGURATION, ...DEFAULTED, ...OUTSIDES].includes(type))
  fc.assert(fc.property(fc.nat(), fc.nat(), fc.nat({ max: 255 }), (which, where, by) => {
    const { type, bytes } = samples[which % samples.length] as (typeof samples)[number]
    const changed = Uint8Array.from(bytes)
    if (bytes.length > 0) changed[where % Math.min(bytes.length, 64)] = by
    agree(type, () => decodeExact(type, changed), reference(generatedOf.get(type) as GeneratedClass, changed, (again) => equalBytes(again, changed)))
  }), { numRuns: RUNS })
  t.end()
})

/** Both refuse, or both read the same. */
function agree (type: MessageType<any>, decode: () => unknown, expected: Verdict): boolean {
  const found = read(decode)
  const ours = found === undefined ? 'refused' : JSON.stringify(comparable(type, found.value))
  const theirs = expected === undefined ? 'refused' : JSON.stringify(comparable(type, expected.value, SUFFIX))
  if (ours !== theirs) throw new Error(`core: ${ours}\ngenerated: ${theirs}`)
  return found !== undefined
}

/** Random messages of the types, most of them changed a little, judged by `check`, which says whether they were accepted. */
function forRandomTrees (
  types: typeof TYPES, check: (type: MessageType<any>, generated: GeneratedClass, tree: Tree) => boolean
): { accepted: number, refused: number } {
  const met = { accepted: 0, refused: 0 }
  fc.assert(fc.property(fc.nat({ max: types.length - 1 }), fc.integer(), fc.nat({ max: CHANGES }), (which, seed, changes) => {
    const [type, generated] = types[which] as (typeof types)[number]
    const random = randomFrom(seed)
    let tree = randomTree(random, generated)
    for (let i = 0; i < changes; i++) tree = mutate(random, tree)
    const accepted = check(type, generated, tree)
    if (changes === 0 && !accepted) throw new Error('a message in its one encoding was refused')
    met[accepted ? 'accepted' : 'refused']++
  }), { numRuns: RUNS })
  return met
}

void t.test('random messages and changes of them: core accepts what encodes to itself again', (t) => {
  const { accepted, refused } = forRandomTrees(WHOLE, (type, generated, tree) => {
    const bytes = serialize(tree)
    return agree(type, () => decodeExact(type, bytes), reference(generated, bytes, (again) => equalBytes(again, bytes)))
  })
  t.comment(`${accepted} accepted, ${refused} refused`)
  t.ok(accepted > RUNS / 5 && refused > RUNS / 5, 'both verdicts were met')
  t.end()
})

void t.test('configuration: as exact, but for the order of maps', (t) => {
  const met = forRandomTrees(TYPES.filter(([type]) => CONFIGURATION.includes(type)), (type, generated, tree) => {
    const inOrder = serialize(sorted(tree))
    return agree(type, () => decodeUnordered(type, serialize(tree)), reference(generated, inOrder, (again) => equalBytes(again, inOrder)))
  })
  t.ok(met.accepted > RUNS / 10 && met.refused > RUNS / 10, 'both verdicts were met')
  t.end()
})

void t.test('explicit defaults: as exact without them, where they stand in order', (t) => {
  let more = 0
  const met = forRandomTrees(TYPES.filter(([type]) => DEFAULTED.includes(type)), (type, generated, tree) => {
    const [bytes, without] = [serialize(tree), serialize(withoutDefaults(tree))]
    const expected = rises(tree) ? reference(generated, without, (again) => equalBytes(again, without)) : undefined
    if (expected !== undefined && bytes.length > without.length) more++
    return agree(type, () => decodeDefaulted(type, bytes), expected)
  })
  t.ok(met.accepted > RUNS / 10 && met.refused > RUNS / 10 && more > RUNS / 500, 'both verdicts were met, and defaults among what was accepted')
  t.end()
})

void t.test('what others in a block wrote is read as all decoders read it', (t) => {
  const header = Uint8Array.of(0x08, 0x03, 0x22, 0x01, 0x61)
  const cases: [string, number[], { type: number, channelId: string }][] = [
    ['fields in another order', [0x22, 0x01, 0x61, 0x08, 0x03], { type: 3, channelId: 'a' }],
    ['the last of two counts', [...header, 0x08, 0x01, 0x22, 0x01, 0x62], { type: 1, channelId: 'b' }],
    ['explicit defaults and needless bytes', [0x08, 0x83, 0x00, 0x10, 0x00, 0x22, 0x01, 0x61], { type: 3, channelId: 'a' }],
    ['unknown fields of every kind', [0x78, 0x01, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7d, 1, 2, 3, 4, 0x7a, 0x01, 0x00, ...header], { type: 3, channelId: 'a' }],
    ['an unknown group with a group in it', [0x7b, 0x08, 0x01, 0x83, 0x01, 0x84, 0x01, 0x7c, ...header], { type: 3, channelId: 'a' }],
    ['an epoch beyond 2^53', [...header, 0x30, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], { type: 3, channelId: 'a' }]
  ]
  for (const [what, bytes, { type, channelId }] of cases) {
    const found = decodeAny(messages.channelHeader, Uint8Array.from(bytes))
    const generated = common.ChannelHeader.deserializeBinary(Uint8Array.from(bytes))
    t.strictSame([found.type, found.channelId], [type, channelId], what)
    t.strictSame([generated.getType(), generated.getChannelId()], [type, channelId], `${what}: so does the generated class`)
    t.throws(() => decodeExact(messages.channelHeader, Uint8Array.from(bytes)), { code: 'PROTOBUF' }, `${what}: not exactly`)
  }
  // The protobuf encoding's rule for a message that is there twice; Go does so.
  t.strictSame(decodeAny(messages.payload, Uint8Array.of(0x0a, 0x02, 0x0a, 0x00, 0x0a, 0x03, 0x12, 0x01, 0x07)).header,
    { channelHeader: new Uint8Array(0), signatureHeader: Uint8Array.of(7) }, 'a message twice is merged')
  for (const bytes of [[0x7b], [0x7c], [0x7b, 0x74], [0x0a, 0x05], [0x08], [0x7f], [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], [0x79, 1]]) {
    t.throws(() => decodeAny(messages.channelHeader, Uint8Array.from(bytes)), { code: 'PROTOBUF' }, `not protobuf at all: ${bytes.join(' ')}`)
  }
  t.end()
})

void t.test('nested deeper than decoders go', (t) => {
  let bytes: Uint8Array = Uint8Array.of(0x08, 0x00)
  for (let i = 0; i < 60; i++) bytes = concat(Uint8Array.of(0x12), varintOf(bytes.length + 1 + varintOf(bytes.length).length), Uint8Array.of(0x12), varintOf(bytes.length), bytes)
  t.throws(() => decodeExact(messages.signaturePolicy, bytes), { code: 'PROTOBUF' })
  t.end()
})

function varintOf (length: number): Uint8Array {
  return length < 0x80 ? Uint8Array.of(length) : Uint8Array.of((length & 0x7f) | 0x80, length >> 7)
}
