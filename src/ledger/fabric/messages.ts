import common from '@hyperledger/fabric-protos/lib/common/common_pb.js'
import proposalResponse from '@hyperledger/fabric-protos/lib/peer/proposal_response_pb.js'
import transaction from '@hyperledger/fabric-protos/lib/peer/transaction_pb.js'
import { bytes, decodeExact, message } from '../../core/fabric/message.js'
import { header } from '../../core/fabric/messages.js'
import { parseChannelHeader } from '../../core/fabric/transaction.js'
import type { PeerAnswer, ProposalParts } from './client.js'

// peer/proposal.proto
const proposal = message({ header: bytes(1), payload: bytes(2), extension: bytes(3) })

/** Takes the bytes of a signed proposal apart. */
export function proposalParts (proposed: Uint8Array): ProposalParts {
  const { header: headers, payload } = decodeExact(proposal, proposed)
  const { channelHeader, signatureHeader } = decodeExact(header, headers)
  return { txId: parseChannelHeader(channelHeader).txId, channelHeader, signatureHeader, payload }
}

/** The payload of the envelope that carries an endorsed proposal to the orderers; its submitter signs exactly these bytes. */
export function transactionPayload (parts: ProposalParts, answers: readonly [PeerAnswer, ...PeerAnswer[]]): Uint8Array {
  const action = new transaction.ChaincodeEndorsedAction()
  action.setProposalResponsePayload(answers[0].responsePayload)
  for (const { endorsement } of answers) {
    const endorsed = new proposalResponse.Endorsement()
    endorsed.setEndorser(endorsement.endorser)
    endorsed.setSignature(endorsement.signature)
    action.addEndorsements(endorsed)
  }
  const payload = new transaction.ChaincodeActionPayload()
  payload.setChaincodeProposalPayload(parts.payload)
  payload.setAction(action)
  const single = new transaction.TransactionAction()
  single.setHeader(parts.signatureHeader)
  single.setPayload(payload.serializeBinary())
  const actions = new transaction.Transaction()
  actions.addActions(single)
  const headers = new common.Header()
  headers.setChannelHeader(parts.channelHeader)
  headers.setSignatureHeader(parts.signatureHeader)
  const out = new common.Payload()
  out.setHeader(headers)
  out.setData(actions.serializeBinary())
  return out.serializeBinary()
}
