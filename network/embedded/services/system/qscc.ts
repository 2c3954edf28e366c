/** The query system chaincode: blocks and transactions, in endorsed responses. */
import { common, peer } from '@hyperledger/fabric-protos'
import { headerHash, parseBlock } from '../../../../src/core/fabric/block.js'
import { nodeCrypto } from '../../../../src/platform/node.js'
import { failure, success, text, type SystemCall, type SystemContext } from './invocation.js'

/** The number that stands for the newest block. */
const newest = 2n ** 64n - 1n

type Query = (context: SystemContext, argument: Uint8Array) => Promise<peer.Response>

const queries = new Map<string, Query>([
  ['GetBlockByNumber', blockByNumber],
  ['GetBlockByHash', blockByHash],
  ['GetBlockByTxID', blockByTxId],
  ['GetTransactionByID', transactionById]
])

export async function qscc (context: SystemContext, { name, args }: SystemCall): Promise<peer.Response> {
  const [channelId, argument] = args
  if (channelId === undefined) return failure(`Incorrect number of arguments, ${String(args.length + 1)}`)
  if (name !== 'GetChainInfo' && argument === undefined) return failure(`missing 3rd argument for ${name}`)
  if (text(channelId) !== context.channel.id) return failure(`Invalid chain ID, ${text(channelId)}`)
  if (name === 'GetChainInfo') return await chainInfo(context)
  const query = queries.get(name)
  if (query === undefined) return failure(`Requested function ${name} not found.`)
  return await query(context, argument ?? new Uint8Array())
}

async function chainInfo ({ channel }: SystemContext): Promise<peer.Response> {
  const height = channel.height()
  const { header } = parseBlock(await channel.block(height - 1) ?? new Uint8Array())
  const info = new common.BlockchainInfo()
  info.setHeight(height)
  info.setCurrentblockhash(headerHash(nodeCrypto, header))
  info.setPreviousblockhash(header.previousHash)
  return success(info.serializeBinary())
}

async function blockByNumber ({ channel }: SystemContext, argument: Uint8Array): Promise<peer.Response> {
  const number = text(argument)
  if (!/^[0-9]{1,20}$/.test(number) || BigInt(number) > newest) {
    return failure(`Failed to parse block number with error strconv.ParseUint: parsing ${JSON.stringify(number)}: invalid syntax`)
  }
  const height = channel.height()
  const wanted = BigInt(number) === newest ? height - 1 : Number(number)
  const block = wanted < height ? await channel.block(wanted) : undefined
  if (block === undefined) return failure(`Failed to get block number ${number}, error no such block number [${number}] in index`)
  return success(block)
}

async function blockByHash ({ channel }: SystemContext, hash: Uint8Array): Promise<peer.Response> {
  const number = await channel.blockByHash(hash)
  const block = number === undefined ? undefined : await channel.block(number)
  if (block !== undefined) return success(block)
  const hex = Buffer.from(hash).toString('hex')
  return failure(`Failed to get block hash ${text(hash)}, error no such block hash [${hex}] in index`)
}

async function blockByTxId ({ channel }: SystemContext, argument: Uint8Array): Promise<peer.Response> {
  const txId = text(argument)
  const location = await channel.transaction(txId)
  const block = location === undefined ? undefined : await channel.block(location.block)
  if (block !== undefined) return success(block)
  return failure(`Failed to get block for txID ${txId}, error no such transaction ID [${txId}] in index`)
}

async function transactionById ({ channel }: SystemContext, argument: Uint8Array): Promise<peer.Response> {
  const txId = text(argument)
  const location = await channel.transaction(txId)
  const block = location === undefined ? undefined : await channel.block(location.block)
  if (location === undefined || block === undefined) {
    return failure(`Failed to get transaction with id ${txId}, error no such transaction ID [${txId}] in index`)
  }
  const envelope = common.Block.deserializeBinary(block).getData()?.getDataList_asU8()[location.index] ?? new Uint8Array()
  const processed = new peer.ProcessedTransaction()
  processed.setTransactionenvelope(common.Envelope.deserializeBinary(envelope))
  processed.setValidationcode(location.code)
  return success(processed.serializeBinary())
}
