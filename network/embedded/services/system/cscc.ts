/** The configuration system chaincode, as far as clients use it. Channels are joined by starting the network. */
import { common, peer } from '@hyperledger/fabric-protos'
import { failure, success, text, type SystemCall, type SystemContext } from './invocation.js'

export async function cscc ({ channel }: SystemContext, { name, args }: SystemCall): Promise<peer.Response> {
  if (name === 'GetChannels') return success(channels(channel.id))
  const [channelId] = args
  if (channelId === undefined) return failure(`Incorrect number of arguments, ${String(args.length + 1)}`)
  if (name === 'GetConfigBlock' || name === 'GetChannelConfig') {
    if (text(channelId) !== channel.id) return failure(unknownChannel(name, text(channelId)))
    const block = await channel.block(channel.lastConfigBlock) ?? new Uint8Array()
    return success(name === 'GetConfigBlock' ? block : configOf(block))
  }
  if (name === 'JoinChain') return failure('"JoinChain" is refused: the peers are members of the channel from the start')
  return failure(`Requested function ${name} not found.`)
}

/** As a peer puts it: the caller's right is looked up first, on a channel that is not there. */
function unknownChannel (name: string, channelId: string): string {
  return `access denied for [${name}][${channelId}]: Failed to get policy manager for channel [${channelId}]`
}

function channels (id: string): Uint8Array {
  const info = new peer.ChannelInfo()
  info.setChannelId(id)
  const response = new peer.ChannelQueryResponse()
  response.addChannels(info)
  return response.serializeBinary()
}

/** `common.Config` of a configuration block. */
function configOf (block: Uint8Array): Uint8Array {
  const [data = new Uint8Array()] = common.Block.deserializeBinary(block).getData()?.getDataList_asU8() ?? []
  const payload = common.Payload.deserializeBinary(common.Envelope.deserializeBinary(data).getPayload_asU8())
  const config = common.ConfigEnvelope.deserializeBinary(payload.getData_asU8()).getConfig() ?? new common.Config()
  return config.serializeBinary()
}
