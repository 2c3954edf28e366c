import { readFileSync } from 'node:fs'
import { toBase64url, toHex } from '../../src/core/bytes.js'
import { headerHash, type ParsedBlock, parseBlock } from '../../src/core/fabric/block.js'
import type { FabricBlock, FabricReadback } from '../../src/core/proof.js'
import type { TrustHistory } from '../../src/core/trust-bundle.js'
import { nodeCrypto } from '../../src/platform/node.js'

/** Blocks of a real network (test/vectors/fabric/README.md), and the documents that evidence makes of them. */
export const FOLDER = 'test/vectors/fabric'

export function file (name: string): Uint8Array {
  return new Uint8Array(readFileSync(`${FOLDER}/${name}`))
}

export function block (number: number): ParsedBlock {
  return parseBlock(file(`block-${number}.pb`))
}

export function blockData (number: number, transaction = 0): FabricBlock {
  return documentOf(block(number), transaction)
}

export function documentOf (parsed: ParsedBlock, transaction = 0): FabricBlock {
  return {
    number: String(parsed.header.number),
    previousHash: toHex(parsed.header.previousHash),
    data: parsed.data.map(toBase64url),
    signatures: toBase64url(parsed.signatures),
    transaction: String(transaction)
  }
}

export const identity = {
  channel: 'evidence',
  chaincode: 'anchor',
  genesis: toHex(headerHash(nodeCrypto, block(0).header))
}

export function history (configs: readonly number[] = [157]): Pick<TrustHistory, 'genesis' | 'configs' | 'definitions'> {
  const { transaction, ...definition } = blockData(5)
  return {
    genesis: { number: '0', data: block(0).data.map(toBase64url) },
    configs: configs.map((number) => {
      const { transaction: _, ...config } = blockData(number)
      return config
    }),
    definitions: [{ block: definition, transaction }]
  }
}

export interface CapturedQuery {
  channelHeader: string
  signatureHeader: string
  chaincodeProposalPayload: string
  proposalResponsePayload: string
  endorsements: { endorser: string, signature: string }[]
}

export interface CrossLink {
  readBack: CapturedQuery
  qscc: Record<string, CapturedQuery>
  crosslinkedBlock: string
}

export const crossLink = JSON.parse(readFileSync(`${FOLDER}/crosslink-143.json`, 'utf8')) as CrossLink

/** A query as captured from the network, as evidence carries it. */
export function queryData (query: CapturedQuery): { data: FabricReadback, identities: Record<string, string> } {
  const url = (base64: string): string => Buffer.from(base64, 'base64').toString('base64url')
  const digest = (base64: string): string => toHex(nodeCrypto.sha256(Buffer.from(base64, 'base64')))
  return {
    identities: Object.fromEntries(query.endorsements.map(({ endorser }) => [digest(endorser), url(endorser)])),
    data: {
      proposal: {
        channelHeader: url(query.channelHeader),
        signatureHeader: url(query.signatureHeader),
        payload: url(query.chaincodeProposalPayload)
      },
      responsePayload: url(query.proposalResponsePayload),
      endorsements: query.endorsements.map(({ endorser, signature }) => ({ identity: digest(endorser), signature: url(signature) }))
    }
  }
}
