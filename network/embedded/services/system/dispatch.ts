import type { peer } from '@hyperledger/fabric-protos'
import type { Proposal } from '../proposal.js'
import { cscc } from './cscc.js'
import { failure, text, type SystemContext, type SystemFunction } from './invocation.js'
import { lifecycle } from './lifecycle.js'
import { qscc } from './qscc.js'

const chaincodes = new Map<string, SystemFunction>([['qscc', qscc], ['cscc', cscc], ['_lifecycle', lifecycle]])

/** Runs a system chaincode; whatever it refuses is a response with an error status. */
export async function invokeSystemChaincode (context: SystemContext, proposal: Proposal): Promise<peer.Response> {
  const [name, ...args] = proposal.input.getArgsList_asU8()
  const chaincode = chaincodes.get(proposal.chaincode)
  if (chaincode === undefined) return failure(`system chaincode ${proposal.chaincode} not found`)
  return await chaincode(context, { name: text(name), args, proposal })
}
