import * as grpc from '@grpc/grpc-js'
import { connect, type Contract, type Gateway, GatewayError, hash } from '@hyperledger/fabric-gateway'
import { common, gateway as messages } from '@hyperledger/fabric-protos'
import { parseEndorserTransaction } from '../../core/fabric/transaction.js'
import type { FabricClient, PeerAnswer } from '../fabric/client.js'
import { FabricFailure } from '../fabric/failure.js'
import { proposalParts } from '../fabric/messages.js'
import { ecdsaSigner } from '../identity/signer.js'
import type { StoredIdentity } from '../identity/wallet.js'
import type { LedgerProfile, ProfilePeer } from '../profile.js'

export interface FabricGatewayOptions {
  readonly profile: LedgerProfile
  readonly identity: StoredIdentity
  readonly requestMs: number
}

/** Retry soon: an organization that comes back is used at once, and nobody is waited for anyway. */
const CHANNEL_OPTIONS: grpc.ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.min_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.max_receive_message_length': -1
}

/**
 * fabric-gateway behind the adapters' port: the gateway service of the own organization's peer finds the peers of the others and the
 * orderers. Each organization is asked by a request of its own, so that one that is stopped fails only that request.
 */
export function createFabricGatewayClient (options: FabricGatewayOptions): FabricClient {
  const { profile, identity } = options
  const sign = ecdsaSigner(identity.privateKeyPem)
  const grpcClient = connectTo(profile.peers[0])
  const deadline = (): grpc.CallOptions => ({ deadline: Date.now() + options.requestMs })
  const gateway: Gateway = connect({
    client: grpcClient,
    identity: { mspId: identity.mspId, credentials: Buffer.from(identity.certificatePem) },
    signer: async (message) => sign(message),
    hash: hash.none, // the signer hashes
    evaluateOptions: deadline,
    endorseOptions: deadline,
    submitOptions: deadline
  })
  const network = gateway.getNetwork(profile.channel)
  const contract = (chaincode: string): Contract => network.getContract(chaincode)

  return {
    async evaluate (chaincode, [name, ...args]) {
      return await asFailure('unreachable', async () => await contract(chaincode).evaluateTransaction(name, ...args))
    },
    async propose (chaincode, [name, ...args]) {
      const proposed = messages.ProposedTransaction.deserializeBinary(contract(chaincode).newProposal(name, { arguments: args }).getBytes())
      const bytes = proposed.getProposal()?.getProposalBytes_asU8() ?? new Uint8Array(0)
      const signature = sign(bytes)
      const ask = async (organization: string): Promise<PeerAnswer> => {
        const request = proposed.clone()
        request.setEndorsingOrganizationsList([organization])
        return await asFailure('unreachable', async () => {
          const transaction = await gateway.newSignedProposal(request.serializeBinary(), signature).endorse()
          return answerIn(transaction.getBytes())
        })
      }
      return { ...proposalParts(bytes), ask }
    },
    async broadcast ({ txId, payload, signature }) {
      const envelope = new common.Envelope()
      envelope.setPayload(payload)
      envelope.setSignature(signature)
      const prepared = new messages.PreparedTransaction()
      prepared.setTransactionId(txId)
      prepared.setEnvelope(envelope)
      await asFailure('unclear', async () => await gateway.newSignedTransaction(prepared.serializeBinary(), signature).submit())
    },
    async close () {
      gateway.close()
      grpcClient.close()
    }
  }
}

function connectTo ({ url, tlsRootsPem, hostname }: ProfilePeer): grpc.Client {
  const { protocol, host } = new URL(url)
  const credentials = protocol === 'grpcs:'
    ? grpc.credentials.createSsl(tlsRootsPem === undefined ? null : Buffer.from(tlsRootsPem))
    : grpc.credentials.createInsecure()
  const name = hostname === undefined ? {} : { 'grpc.ssl_target_name_override': hostname }
  return new grpc.Client(host, credentials, { ...CHANNEL_OPTIONS, ...name })
}

/** The one endorsement in a transaction that the gateway prepared from one organization. */
function answerIn (prepared: Uint8Array): PeerAnswer {
  const envelope = messages.PreparedTransaction.deserializeBinary(prepared).getEnvelope()?.serializeBinary() ?? new Uint8Array(0)
  const { responsePayload, endorsements: [endorsement] } = parseEndorserTransaction(envelope)
  if (endorsement === undefined) throw new FabricFailure('unreachable', 'the gateway answered without an endorsement')
  return { responsePayload, endorsement }
}

async function asFailure<T> (otherwise: 'unreachable' | 'unclear', run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw failureOf(error, otherwise)
  }
}

/** The gateway puts a contract's error into the details of its own, and for queries into the message. */
function failureOf (error: unknown, otherwise: 'unreachable' | 'unclear'): FabricFailure {
  if (error instanceof FabricFailure) return error
  const texts = error instanceof GatewayError ? [...error.details.map(({ message }) => message), error.message] : [String(error)]
  for (const text of texts) {
    const contract = /chaincode response \d+, (.*)/s.exec(text)?.[1]
    if (contract !== undefined) return new FabricFailure('contract', contract, error)
  }
  const message = texts.join('; ')
  return new FabricFailure(/access denied|FORBIDDEN|creator/.test(message) ? 'denied' : otherwise, message, error)
}
