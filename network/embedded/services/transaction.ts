import { common, peer } from '@hyperledger/fabric-protos'
import type { Endorsed } from './endorsement-plan.js'
import type { Proposal } from './proposal.js'

/** The envelope that the client is to sign: the proposal's own header bytes, its payload without transient data, endorsements. */
export function prepareTransaction ({ header, payload }: Proposal, endorsement: Endorsed): common.Envelope {
  const endorsed = new peer.ChaincodeEndorsedAction()
  endorsed.setProposalResponsePayload(endorsement.payload)
  endorsed.setEndorsementsList([...endorsement.endorsements])
  const actionPayload = new peer.ChaincodeActionPayload()
  actionPayload.setChaincodeProposalPayload(payload)
  actionPayload.setAction(endorsed)
  const action = new peer.TransactionAction()
  action.setHeader(header.getSignatureHeader_asU8())
  action.setPayload(actionPayload.serializeBinary())
  const transaction = new peer.Transaction()
  transaction.addActions(action)
  const whole = new common.Payload()
  whole.setHeader(header)
  whole.setData(transaction.serializeBinary())
  const envelope = new common.Envelope()
  envelope.setPayload(whole.serializeBinary())
  return envelope
}
