/**
 * The functions of Fabric's lifecycle chaincode, by name: who may call each, what it takes and what it answers.
 * @module
 */
import { lifecycle } from '../proto.js'
import { approve } from './approve.js'
import { checkReadiness, commit } from './commit.js'
import type { LifecycleContext } from './context.js'
import { getPackage, install, queryAllInstalled, queryInstalled } from './installed.js'
import { queryAllApproved, queryApproved, queryDefinition, queryDefinitions } from './queries.js'
import { LifecycleRefusal } from './refusal.js'

interface Message {
  serializeBinary (): Uint8Array
}

interface MessageClass<M> {
  deserializeBinary (bytes: Uint8Array): M
}

/** One function. */
export interface LifecycleFunction {
  /** Administrators of the peer's organization, or whoever may write on the channel. */
  readonly callers: 'administrators' | 'writers'
  run (context: LifecycleContext, argument: Uint8Array): Promise<Uint8Array>
}

function define<A> (
  name: string, callers: LifecycleFunction['callers'], type: MessageClass<A>,
  work: (context: LifecycleContext, args: A) => Promise<Message> | Message
): [string, LifecycleFunction] {
  const decode = (bytes: Uint8Array): A => {
    try {
      return type.deserializeBinary(bytes)
    } catch {
      throw new LifecycleRefusal(`could not decode input arg for *lifecycle.Invocation.${name}: proto: cannot parse invalid wire-format data`)
    }
  }
  return [name, { callers, run: async (context, argument) => (await work(context, decode(argument))).serializeBinary() }]
}

/** All functions. */
export const FUNCTIONS: ReadonlyMap<string, LifecycleFunction> = new Map([
  define('InstallChaincode', 'administrators', lifecycle.InstallChaincodeArgs, install),
  define('QueryInstalledChaincode', 'administrators', lifecycle.QueryInstalledChaincodeArgs, queryInstalled),
  define('QueryInstalledChaincodes', 'administrators', lifecycle.QueryInstalledChaincodesArgs, queryAllInstalled),
  define('GetInstalledChaincodePackage', 'administrators', lifecycle.GetInstalledChaincodePackageArgs, getPackage),
  define('ApproveChaincodeDefinitionForMyOrg', 'administrators', lifecycle.ApproveChaincodeDefinitionForMyOrgArgs, async (context, args) => {
    await approve(context, args)
    return new lifecycle.ApproveChaincodeDefinitionForMyOrgResult()
  }),
  define('QueryApprovedChaincodeDefinition', 'administrators', lifecycle.QueryApprovedChaincodeDefinitionArgs, queryApproved),
  define('QueryApprovedChaincodeDefinitions', 'administrators', lifecycle.QueryApprovedChaincodeDefinitionsArgs, queryAllApproved),
  define('CheckCommitReadiness', 'writers', lifecycle.CheckCommitReadinessArgs, checkReadiness),
  define('CommitChaincodeDefinition', 'writers', lifecycle.CommitChaincodeDefinitionArgs, async (context, args) => {
    await commit(context, args)
    return new lifecycle.CommitChaincodeDefinitionResult()
  }),
  define('QueryChaincodeDefinition', 'writers', lifecycle.QueryChaincodeDefinitionArgs, queryDefinition),
  define('QueryChaincodeDefinitions', 'writers', lifecycle.QueryChaincodeDefinitionsArgs, queryDefinitions)
])
