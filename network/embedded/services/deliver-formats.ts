import { common, orderer, peer } from '@hyperledger/fabric-protos'
import type { CommittedBlock, CommittedTransaction } from '../channel.js'
import { committedBlock } from '../ledger/committed-block.js'
import type { Delivered, DeliverFormat, Status } from './deliver.js'

const peerStatus = (status: Status): peer.DeliverResponse => {
  const response = new peer.DeliverResponse()
  response.setStatus(status)
  return response
}

/** protos.Deliver/Deliver */
export const wholeBlocks: DeliverFormat<peer.DeliverResponse> = {
  policy: '/Channel/Application/Readers',
  status: peerStatus,
  block (_channel, delivered) {
    const response = new peer.DeliverResponse()
    response.setBlock(blockOf(delivered))
    return response
  }
}

/** protos.Deliver/DeliverFiltered: ids, verdicts and the names of events. */
export const filteredBlocks: DeliverFormat<peer.DeliverResponse> = {
  policy: '/Channel/Application/Readers',
  status: peerStatus,
  block (channel, { bytes }) {
    const response = new peer.DeliverResponse()
    response.setFilteredBlock(filteredBlock(channel.id, committedBlock(bytes)))
    return response
  }
}

/** protos.Deliver/DeliverWithPrivateData; there is no private data on this network. */
export const blocksWithPrivateData: DeliverFormat<peer.DeliverResponse> = {
  policy: '/Channel/Application/Readers',
  status: peerStatus,
  block (_channel, delivered) {
    const both = new peer.BlockAndPrivateData()
    both.setBlock(blockOf(delivered))
    const response = new peer.DeliverResponse()
    response.setBlockAndPrivateData(both)
    return response
  }
}

/** orderer.AtomicBroadcast/Deliver: blocks as they were ordered, without what peers add when they commit them. */
export const ordererBlocks: DeliverFormat<orderer.DeliverResponse> = {
  policy: '/Channel/Readers',
  status (status) {
    const response = new orderer.DeliverResponse()
    response.setStatus(status)
    return response
  },
  block (_channel, delivered) {
    const response = new orderer.DeliverResponse()
    response.setBlock(asOrdered(blockOf(delivered)))
    return response
  }
}

function asOrdered (block: common.Block): common.Block {
  const entries = block.getMetadata()?.getMetadataList_asU8() ?? []
  const { TRANSACTIONS_FILTER, COMMIT_HASH } = common.BlockMetadataIndex
  block.getMetadata()?.setMetadataList(entries.map((entry, i) => i === TRANSACTIONS_FILTER || i === COMMIT_HASH ? new Uint8Array(0) : entry))
  return block
}

function blockOf ({ bytes, withoutData }: Delivered): common.Block {
  const block = common.Block.deserializeBinary(bytes)
  if (withoutData) block.clearData()
  return block
}

function filteredBlock (channelId: string, { number, transactions }: CommittedBlock): peer.FilteredBlock {
  const block = new peer.FilteredBlock()
  block.setChannelId(channelId)
  block.setNumber(number)
  block.setFilteredTransactionsList(transactions.map(filteredTransaction))
  return block
}

function filteredTransaction ({ txId, type, code, chaincodeEvent }: CommittedTransaction): peer.FilteredTransaction {
  const filtered = new peer.FilteredTransaction()
  filtered.setTxid(txId)
  filtered.setType(type as ReturnType<typeof filtered.getType>)
  filtered.setTxValidationCode(code as ReturnType<typeof filtered.getTxValidationCode>)
  if (type === common.HeaderType.ENDORSER_TRANSACTION) filtered.setTransactionActions(filteredActions(chaincodeEvent))
  return filtered
}

function filteredActions (chaincodeEvent: Uint8Array | undefined): peer.FilteredTransactionActions {
  const actions = new peer.FilteredTransactionActions()
  if (chaincodeEvent === undefined) return actions
  const event = peer.ChaincodeEvent.deserializeBinary(chaincodeEvent)
  event.setPayload('')
  const action = new peer.FilteredChaincodeAction()
  action.setChaincodeEvent(event)
  actions.addChaincodeActions(action)
  return actions
}
