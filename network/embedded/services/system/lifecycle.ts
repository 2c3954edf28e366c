/**
 * The queries of the lifecycle system chaincode. Definitions are committed when the network starts; installing, approving and
 * committing through it are refused.
 */
import { peer } from '@hyperledger/fabric-protos'
import { lifecycleNamespace, type Simulator } from '../../channel.js'
import { failure, success, type SystemCall, type SystemContext } from './invocation.js'

const { lifecycle: messages } = peer
const metadataPrefix = 'namespaces/metadata/'
const metadataEnd = 'namespaces/metadata0' // the first key after all that start with the prefix

interface Definition {
  readonly name: string
  readonly sequence: number
  readonly endorsement: peer.lifecycle.ChaincodeEndorsementInfo
  readonly validation: peer.lifecycle.ChaincodeValidationInfo
  readonly collections: peer.CollectionConfigPackage
}

type Query = (context: SystemContext, argument: Uint8Array) => Promise<peer.Response>

const queries = new Map<string, Query>([
  ['QueryChaincodeDefinition', queryDefinition],
  ['QueryChaincodeDefinitions', queryDefinitions],
  ['QueryInstalledChaincodes', queryInstalled]
])

export async function lifecycle (context: SystemContext, { name, args }: SystemCall): Promise<peer.Response> {
  const [argument] = args
  if (argument === undefined || args.length !== 1) {
    return failure(`lifecycle scc operations require exactly two arguments but received ${String(args.length + 1)}`)
  }
  const query = queries.get(name)
  if (query === undefined) return failure(`failed to invoke backing implementation of '${name}': not supported by this network`)
  return await query(context, argument)
}

async function queryDefinition ({ simulator, channel }: SystemContext, argument: Uint8Array): Promise<peer.Response> {
  const name = messages.QueryChaincodeDefinitionArgs.deserializeBinary(argument).getName()
  if (await simulator.get(lifecycleNamespace, metadataPrefix + name) === undefined) {
    return failure(`namespace ${name} is not defined`, 404)
  }
  const definition = await readDefinition(simulator, name)
  const result = new messages.QueryChaincodeDefinitionResult()
  describe(result, definition)
  // No approval is on this ledger: a peer computes approvals from hashes in the organizations' collections.
  for (const org of channel.orgs) result.getApprovalsMap().set(org.mspId, false)
  return success(result.serializeBinary())
}

async function queryDefinitions ({ simulator }: SystemContext): Promise<peer.Response> {
  const names: string[] = []
  for await (const { key } of simulator.range(lifecycleNamespace, metadataPrefix, metadataEnd)) {
    names.push(key.slice(metadataPrefix.length))
  }
  const result = new messages.QueryChaincodeDefinitionsResult()
  for (const name of names) {
    const entry = new messages.QueryChaincodeDefinitionsResult.ChaincodeDefinition()
    entry.setName(name)
    describe(entry, await readDefinition(simulator, name))
    result.addChaincodeDefinitions(entry)
  }
  return success(result.serializeBinary())
}

/** A chaincode that runs as a service has no package; its id says so. */
async function queryInstalled ({ channel, chaincodes }: SystemContext): Promise<peer.Response> {
  const result = new messages.QueryInstalledChaincodesResult()
  for (const name of chaincodes.names) {
    const definition = await channel.definition(name)
    const installed = new messages.QueryInstalledChaincodesResult.InstalledChaincode()
    installed.setLabel(name)
    installed.setPackageId(`${name}:service`)
    if (definition !== undefined) installed.getReferencesMap().set(channel.id, reference(name, definition.version))
    result.addInstalledChaincodes(installed)
  }
  return success(result.serializeBinary())
}

function reference (name: string, version: string): peer.lifecycle.QueryInstalledChaincodesResult.References {
  const chaincode = new messages.QueryInstalledChaincodesResult.Chaincode()
  chaincode.setName(name)
  chaincode.setVersion(version)
  const references = new messages.QueryInstalledChaincodesResult.References()
  references.addChaincodes(chaincode)
  return references
}

type Described =
  | peer.lifecycle.QueryChaincodeDefinitionResult
  | peer.lifecycle.QueryChaincodeDefinitionsResult.ChaincodeDefinition

function describe (target: Described, { sequence, endorsement, validation, collections }: Definition): void {
  target.setSequence(sequence)
  target.setVersion(endorsement.getVersion())
  target.setEndorsementPlugin(endorsement.getEndorsementPlugin())
  target.setInitRequired(endorsement.getInitRequired())
  target.setValidationPlugin(validation.getValidationPlugin())
  target.setValidationParameter(validation.getValidationParameter_asU8())
  target.setCollections(collections)
}

async function readDefinition (simulator: Simulator, name: string): Promise<Definition> {
  const field = async (key: string): Promise<peer.lifecycle.StateData> => {
    const value = await simulator.get(lifecycleNamespace, `namespaces/fields/${name}/${key}`)
    return messages.StateData.deserializeBinary(value ?? new Uint8Array())
  }
  return {
    name,
    sequence: (await field('Sequence')).getInt64(),
    endorsement: messages.ChaincodeEndorsementInfo.deserializeBinary((await field('EndorsementInfo')).getBytes_asU8()),
    validation: messages.ChaincodeValidationInfo.deserializeBinary((await field('ValidationInfo')).getBytes_asU8()),
    collections: peer.CollectionConfigPackage.deserializeBinary((await field('Collections')).getBytes_asU8())
  }
}
