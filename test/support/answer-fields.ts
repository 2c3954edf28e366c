/**
 * Answers of nodes and authorities as a value at each path, without what differs from one network to the next, to be compared.
 * @module
 */
import { common, discovery, gateway, google, orderer, peer } from '@hyperledger/fabric-protos'
import { lifecycle } from '../../network/shared/proto.js'
import type { CaAnswered } from './ca-calls.js'
import type { Answered } from './call-transport.js'
import { leavesOf, type MessageClass } from './message-trees.js'
import { certificate, withPlaceholders } from './placeholders.js'

/** An answer, by the name of its call. */
export interface FieldsOfAnswer {
  readonly name: string
  readonly fields: ReadonlyMap<string, string>
}

/** What a called chaincode answers with. */
const CHAINCODE_ANSWERS: ReadonlyArray<readonly [call: RegExp, type: MessageClass]> = [
  [/GetChainInfo/, common.BlockchainInfo],
  [/GetBlockBy|GetConfigBlock/, common.Block],
  [/GetTransactionByID/, peer.ProcessedTransaction],
  [/GetChannelConfig/, common.Config],
  [/GetChannels/, peer.ChannelQueryResponse],
  [/QueryChaincodeDefinition\b/, lifecycle.QueryChaincodeDefinitionResult],
  [/QueryChaincodeDefinitions/, lifecycle.QueryChaincodeDefinitionsResult],
  [/QueryApprovedChaincodeDefinition\b/, lifecycle.QueryApprovedChaincodeDefinitionResult],
  [/QueryApprovedChaincodeDefinitions/, lifecycle.QueryApprovedChaincodeDefinitionsResult],
  [/CheckCommitReadiness/, lifecycle.CheckCommitReadinessResult],
  [/InstallChaincode/, lifecycle.InstallChaincodeResult],
  [/QueryInstalledChaincode\b/, lifecycle.QueryInstalledChaincodeResult],
  [/QueryInstalledChaincodes/, lifecycle.QueryInstalledChaincodesResult],
  [/GetInstalledChaincodePackage/, lifecycle.GetInstalledChaincodePackageResult]
]

const ANSWERS: Readonly<Record<string, MessageClass>> = {
  'protos.ProposalResponse': peer.ProposalResponse,
  'protos.DeliverResponse': peer.DeliverResponse,
  'gateway.EvaluateResponse': gateway.EvaluateResponse,
  'gateway.EndorseResponse': gateway.EndorseResponse,
  'gateway.CommitStatusResponse': gateway.CommitStatusResponse,
  'gateway.ChaincodeEventsResponse': gateway.ChaincodeEventsResponse,
  'discovery.Response': discovery.Response,
  'orderer.DeliverResponse': orderer.DeliverResponse,
  'orderer.BroadcastResponse': orderer.BroadcastResponse
}

/** Of a peer's or an orderer's answer. */
export function nodeFields ({ name, type, answers, error }: Answered): FieldsOfAnswer {
  const [, inner] = CHAINCODE_ANSWERS.find(([call]) => call.test(name)) ?? []
  const all = answers.flatMap((answer, index) => messageFields(`/${index}`, typeOf(type), Buffer.from(answer, 'base64'), inner))
  return { name, fields: new Map([['answers', `${answers.length}`], ...sorted(withGroupNames(withoutChosen(all))), ...(error === undefined ? [] : errorFields(error))]) }
}

function typeOf (type: string): MessageClass {
  const found = ANSWERS[type]
  if (found === undefined) throw new Error(`answers of type ${type}`)
  return found
}

function messageFields (at: string, type: MessageClass, bytes: Uint8Array, inner?: MessageClass): Array<[string, string]> {
  return leavesOf(type, bytes, inner).map(([steps, value]) => {
    const path = `${at}/${steps.join('/')}`
    return [path, withPlaceholders(path, value)]
  })
}

/** Code, words and details of a gRPC error (google.rpc.Status, gateway.ErrorDetail). */
function errorFields ({ code, details, status }: NonNullable<Answered['error']>): Array<[string, string]> {
  const fields: Array<[string, string]> = [['/code', `${code}`], ['/details', withPlaceholders('', details)]]
  if (status === undefined) return fields
  return sorted([...fields, ...messageFields('/status', google.rpc.Status, Buffer.from(status, 'base64'))])
}

/** Groups of endorsers have names of chance: here each has that of its organization. */
function withGroupNames (fields: ReadonlyArray<[string, string]>): Array<[string, string]> {
  const names = new Map(fields.flatMap(([path, value]): Array<[string, string]> => {
    const [, group] = /endorsersByGroupsMap\/(G\d+)\/peersList\/0\/identity\/mspid$/.exec(path) ?? []
    return group === undefined ? [] : [[group, value]]
  }))
  return fields.map(([path, value]) => [path.replace(/(?<=\/(endorsersByGroupsMap|quantitiesByGroupMap)\/)G\d+/, (group) => names.get(group) ?? group), value])
}

/** Where a majority of the four endorses, it is chance who is asked beside the gateway's own organization. */
function withoutChosen (fields: ReadonlyArray<[string, string]>): Array<[string, string]> {
  const lists = fields.flatMap(([path, value]) => value === '3' && path.endsWith('/endorsementsList/length') ? [path.replace(/length$/, '')] : [])
  return fields.map(([path, value]) => {
    const isEndorser = /\/endorser\/(mspid|idBytes)$/.test(path) && lists.some((list) => path.startsWith(list))
    return [path, isEndorser ? value.replace(/\b(court|notary|forensic)/i, 'other') : value]
  })
}

/** Lists in no fixed order: endorsements, orderers' signatures, organizations' peers, layouts of endorsers, details of errors, what the lifecycle lists. */
const UNORDERED = /^(.*?\/(?:endorsementsList|signaturesList|layoutsList|detailsList|installedChaincodesList|approvedChaincodeDefinitionsList))\/(\d+)(\/.*)$/

/** Gives the items of unordered lists the order of what is in them. */
function sorted (fields: ReadonlyArray<[string, string]>): Array<[string, string]> {
  const lists = new Map<string, Map<string, Array<[string, string]>>>()
  const others = fields.filter(([path, value]) => {
    const [, list, index, rest] = UNORDERED.exec(path) ?? []
    if (list === undefined || index === undefined || rest === undefined) return true
    const items = lists.get(list) ?? new Map<string, Array<[string, string]>>()
    lists.set(list, items.set(index, [...items.get(index) ?? [], [rest, value]]))
    return false
  })
  return [...others, ...[...lists].flatMap(([list, items]) => [...items.values()]
    .map((item) => ({ item, text: JSON.stringify(item.toSorted(([a], [b]) => a < b ? -1 : 1)) }))
    .sort((a, b) => a.text < b.text ? -1 : 1)
    .flatMap(({ item }, index) => item.map(([rest, value]): [string, string] => [`${list}/${index}${rest}`, value])))]
}

/** Of an authority's answer. */
export function caFields ({ name, status, contentType, body }: CaAnswered): FieldsOfAnswer {
  return { name, fields: new Map([['status', `${status}`], ['contentType', contentType], ...jsonFields('/body', body)]) }
}

function jsonFields (path: string, value: unknown): Array<[string, string]> {
  if (Array.isArray(value)) {
    return [[`${path}/length`, `${value.length}`], ...value.flatMap((item, index) => jsonFields(`${path}/${nameOf(item) ?? index}`, item))]
  }
  if (typeof value === 'object' && value !== null) return Object.entries(value).flatMap(([name, member]) => jsonFields(`${path}/${name}`, member))
  return [[path, typeof value === 'string' ? caText(path, value) : JSON.stringify(value)]]
}

/** Identities and attributes come in no fixed order. */
function nameOf (item: unknown): string | undefined {
  const { id, name } = item as { id?: string, name?: string }
  const found = id ?? name
  return found === undefined ? undefined : withPlaceholders('', found)
}

function caText (path: string, text: string): string {
  if (/\/(Cert|CAChain|CRL)$/.test(path)) return withPlaceholders(path, Buffer.from(text, 'base64'))
  if (path.endsWith('/PEM')) return certificate(text)
  return withPlaceholders(path, /\/(Serial|AKI)$/.test(path) ? 'ID' : text)
}
