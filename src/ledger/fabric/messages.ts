import { common, decodeExact, proposal, proposalResponse, transaction } from '../../core/fabric/proto.js'
import { parseChannelHeader } from '../../core/fabric/transaction.js'
import type { PeerAnswer, ProposalParts } from './client.js'

/** Takes the bytes of a signed proposal apart. */
export function proposalParts (bytes: Uint8Array): ProposalParts {
  const message = decodeExact(proposal.Proposal, bytes)
  const header = decodeExact(common.Header, message.getHeader_asU8())
  const channelHeader = header.getChannelHeader_asU8()
  return {
    txId: parseChannelHeader(channelHeader).txId,
    channelHeader,
    signatureHeader: header.getSignatureHeader_asU8(),
    payload: message.getPayload_asU8()
  }
}

/** The payload of the envelope that carries an endorsed proposal to the orderers; its submitter signs exactly these bytes. */
export function transactionPayload (parts: ProposalParts, answers: readonly [PeerAnswer, ...PeerAnswer[]]): Uint8Array {
  const action = new transaction.ChaincodeEndorsedAction()
  action.setProposalResponsePayload(answers[0].responsePayload)
  for (const { endorsement } of answers) {
    const message = new proposalResponse.Endorsement()
    message.setEndorser(endorsement.endorser)
    message.setSignature(endorsement.signature)
    action.addEndorsements(message)
  }
  const payload = new transaction.ChaincodeActionPayload()
  payload.setChaincodeProposalPayload(parts.payload)
  payload.setAction(action)
  const single = new transaction.TransactionAction()
  single.setHeader(parts.signatureHeader)
  single.setPayload(payload.serializeBinary())
  const actions = new transaction.Transaction()
  actions.addActions(single)
  const header = new common.Header()
  header.setChannelHeader(parts.channelHeader)
  header.setSignatureHeader(parts.signatureHeader)
  const out = new common.Payload()
  out.setHeader(header)
  out.setData(actions.serializeBinary())
  return out.serializeBinary()
}
