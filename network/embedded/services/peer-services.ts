import type * as grpc from '@grpc/grpc-js'
import { discovery, gateway, orderer, peer } from '@hyperledger/fabric-protos'
import type { OrgNode } from '../channel.js'
import { createBroadcast } from './broadcast.js'
import { createChaincodeEvents } from './chaincode-events.js'
import { commitStatus, type CommitWaiter } from './commit-status.js'
import type { ServiceContext } from './context.js'
import { createDeliver } from './deliver.js'
import { blocksWithPrivateData, filteredBlocks, ordererBlocks, wholeBlocks } from './deliver-formats.js'
import { createDiscovery } from './discovery.js'
import type { Endorse } from './endorser.js'
import { endorse } from './gateway-endorse.js'
import { evaluate } from './gateway-evaluate.js'
import type { GatewayContext } from './gateway-peers.js'
import { submit } from './gateway-submit.js'
import type { ServiceBinding } from './grpc-server.js'
import { unary } from './rpc.js'

function bind (definition: grpc.ServiceDefinition, implementation: grpc.UntypedServiceImplementation): ServiceBinding {
  return { definition, implementation }
}

/** What an organization's peer answers. All else is UNIMPLEMENTED: snapshots, chaincode that dials in, gossip. */
export function peerServices (context: ServiceContext, org: OrgNode, endorser: Endorse, waiter: CommitWaiter): ServiceBinding[] {
  const gatewayContext: GatewayContext = { ...context, org, endorse: endorser }
  return [
    bind(peer.EndorserService, {
      processProposal: unary(async (signed: peer.SignedProposal) => await endorser(org, signed))
    }),
    bind(gateway.GatewayService, {
      endorse: unary(async (request: gateway.EndorseRequest) => await endorse(gatewayContext, request)),
      evaluate: unary(async (request: gateway.EvaluateRequest) => await evaluate(gatewayContext, request)),
      submit: unary(async (request: gateway.SubmitRequest) => await submit(gatewayContext, request)),
      commitStatus: unary(async (request: gateway.SignedCommitStatusRequest, signal) =>
        await commitStatus(context.channel, waiter, request, signal)),
      chaincodeEvents: createChaincodeEvents(context)
    }),
    bind(peer.DeliverService, {
      deliver: createDeliver(context, wholeBlocks),
      deliverFiltered: createDeliver(context, filteredBlocks),
      deliverWithPrivateData: createDeliver(context, blocksWithPrivateData)
    }),
    bind(discovery.DiscoveryService, { discover: unary(createDiscovery({ ...context, org })) })
  ]
}

/** What an organization's orderer answers. Cluster traffic is UNIMPLEMENTED: one sequencer stands behind all orderers. */
export function ordererServices (context: ServiceContext): ServiceBinding[] {
  return [
    bind(orderer.AtomicBroadcastService, { broadcast: createBroadcast(context), deliver: createDeliver(context, ordererBlocks) })
  ]
}
