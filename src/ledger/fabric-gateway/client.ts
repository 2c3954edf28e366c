import * as grpc from '@grpc/grpc-js'
import { connect, type Gateway, GatewayError, hash } from '@hyperledger/fabric-gateway'
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

/** Try again soon: a peer that comes back is used at once. */
const CHANNEL_OPTIONS: grpc.ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.min_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 500,
  'grpc.max_receive_message_length': -1
}

interface Connection { readonly gateway: Gateway, readonly grpcClient: grpc.Client }

/**
 * fabric-gateway behind the adapters' port: the gateway service of a peer, the own organization's by preference, finds the peers of the
 * others and the orderers. Each organization is asked by a request of its own, so that one that is stopped fails only that request.
 */
export function createFabricGatewayClient (options: FabricGatewayOptions): FabricClient {
  const { profile, identity } = options
  const sign = ecdsaSigner(identity.privateKeyPem)
  const connections = profile.peers.map((peer) => open(peer, options, sign))
  let current = 0

  /** Runs at the gateway in use; when that one cannot be reached, at the next of the profile, which is then the one in use. */
  async function atGateway<T> (otherwise: 'unreachable' | 'unclear', run: (gateway: Gateway) => Promise<T>): Promise<T> {
    for (let left = connections.length - 1; ; left--) {
      const used = current
      const { gateway } = connections[used] as Connection
      try {
        return await run(gateway)
      } catch (error) {
        if (!isUnconnected(error)) throw failureOf(error, otherwise)
        if (used === current) current = (current + 1) % connections.length
        if (left === 0) throw failureOf(error, 'unreachable')
      }
    }
  }

  return {
    async evaluate (chaincode, [name, ...args]) {
      return await atGateway('unreachable', async (gateway) =>
        await gateway.getNetwork(profile.channel).getContract(chaincode).evaluateTransaction(name, ...args))
    },
    propose (chaincode, [name, ...args]) {
      const { gateway } = connections[current] as Connection
      const contract = gateway.getNetwork(profile.channel).getContract(chaincode)
      const proposed = messages.ProposedTransaction.deserializeBinary(contract.newProposal(name, { arguments: args }).getBytes())
      const bytes = proposed.getProposal()?.getProposalBytes_asU8() ?? new Uint8Array(0)
      const signature = sign(bytes)
      const ask = async (organization: string): Promise<PeerAnswer> => {
        const request = proposed.clone()
        request.setEndorsingOrganizationsList([organization])
        return await atGateway('unreachable', async (gateway) =>
          answerIn((await gateway.newSignedProposal(request.serializeBinary(), signature).endorse()).getBytes()))
      }
      return Promise.resolve({ ...proposalParts(bytes), ask })
    },
    async broadcast ({ txId, payload, signature }) {
      const envelope = new common.Envelope()
      envelope.setPayload(payload)
      envelope.setSignature(signature)
      const prepared = new messages.PreparedTransaction()
      prepared.setTransactionId(txId)
      prepared.setEnvelope(envelope)
      await atGateway('unclear', async (gateway) =>
        await gateway.newSignedTransaction(prepared.serializeBinary(), signature).submit())
    },
    close () {
      for (const { gateway, grpcClient } of connections) {
        gateway.close()
        grpcClient.close()
      }
      return Promise.resolve()
    }
  }
}

/** Nothing is connected before the first call. */
function open (peer: ProfilePeer, { identity, requestMs }: FabricGatewayOptions, sign: (message: Uint8Array) => Uint8Array): Connection {
  const deadline = (): grpc.CallOptions => ({ deadline: Date.now() + requestMs })
  const grpcClient = clientOf(peer)
  const gateway = connect({
    client: grpcClient,
    identity: { mspId: identity.mspId, credentials: Buffer.from(identity.certificatePem) },
    signer: (message) => Promise.resolve(sign(message)),
    hash: hash.none, // the signer hashes
    evaluateOptions: deadline,
    endorseOptions: deadline,
    submitOptions: deadline
  })
  return { gateway, grpcClient }
}

function clientOf ({ url, tlsRootsPem, hostname }: ProfilePeer): grpc.Client {
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

/** grpc-js could not even connect, so that nothing was sent; other failures of code UNAVAILABLE are the gateway's answers. */
function isUnconnected (error: unknown): boolean {
  return error instanceof GatewayError && /^14 UNAVAILABLE: No connection established/.test(error.message)
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
