import { equalBytes, toHex } from '../../../src/core/bytes.js'
import { applicationPolicy, collection, definition, type lifecycle } from '../proto.js'
import { fieldValue, NAMESPACES, readField, type ReadableState, type Structure } from './state.js'

/** What organizations agree on, apart from its sequence. */
export interface Parameters {
  readonly endorsement: definition.ChaincodeEndorsementInfo
  readonly validation: definition.ChaincodeValidationInfo
  readonly collections: collection.CollectionConfigPackage
}

/** A chaincode's definition, proposed or committed. */
export interface Definition extends Parameters {
  readonly name: string
  readonly sequence: number
}

/** What a committed definition is stored with. */
export const ENDORSEMENT_PLUGIN = 'escc'
export const VALIDATION_PLUGIN = 'vscc'

/** Endorsement by the channel's own policy for it: where a definition names none. */
function channelPolicy (): Uint8Array {
  const policy = new applicationPolicy.ApplicationPolicy()
  policy.setChannelConfigPolicyReference('/Channel/Application/Endorsement')
  return policy.serializeBinary()
}

type Arguments =
  | lifecycle.ApproveChaincodeDefinitionForMyOrgArgs
  | lifecycle.CheckCommitReadinessArgs
  | lifecycle.CommitChaincodeDefinitionArgs

/** The definition that a call proposes, with Fabric's defaults for what it leaves out. */
export function proposedDefinition (args: Arguments): Definition {
  const endorsement = new definition.ChaincodeEndorsementInfo()
  endorsement.setVersion(args.getVersion())
  endorsement.setEndorsementPlugin(args.getEndorsementPlugin() === '' ? ENDORSEMENT_PLUGIN : args.getEndorsementPlugin())
  endorsement.setInitRequired(args.getInitRequired())
  const validation = new definition.ChaincodeValidationInfo()
  validation.setValidationPlugin(args.getValidationPlugin() === '' ? VALIDATION_PLUGIN : args.getValidationPlugin())
  const policy = args.getValidationParameter_asU8()
  validation.setValidationParameter(policy.length === 0 ? channelPolicy() : policy)
  const collections = args.getCollections() ?? new collection.CollectionConfigPackage()
  return { name: args.getName(), sequence: args.getSequence(), endorsement, validation, collections }
}

/** An approval, as an organization's collection stores it. */
export function parametersStructure (parameters: Parameters): Structure {
  return { type: 'ChaincodeParameters', fields: parameterFields(parameters) }
}

/** A committed definition, as the public state stores it. */
export function definitionStructure (committed: Definition): Structure {
  return { type: 'ChaincodeDefinition', fields: [['Sequence', fieldValue(committed.sequence)], ...parameterFields(committed)] }
}

function parameterFields ({ endorsement, validation, collections }: Parameters): Array<[string, Uint8Array]> {
  return [
    ['EndorsementInfo', fieldValue(endorsement.serializeBinary())],
    ['ValidationInfo', fieldValue(validation.serializeBinary())],
    ['Collections', fieldValue(collections.serializeBinary())]
  ]
}

/** Reads what is stored under a name: a chaincode's, or `name#sequence` in an organization's collection. */
export async function readParameters (state: ReadableState, name: string): Promise<Parameters> {
  const field = async (of: string): Promise<Uint8Array> => (await readField(state, NAMESPACES, name, of)).getBytes_asU8()
  return {
    endorsement: definition.ChaincodeEndorsementInfo.deserializeBinary(await field('EndorsementInfo')),
    validation: definition.ChaincodeValidationInfo.deserializeBinary(await field('ValidationInfo')),
    collections: collection.CollectionConfigPackage.deserializeBinary(await field('Collections'))
  }
}

/** The committed sequence; 0: none is. */
export async function readSequence (state: ReadableState, name: string): Promise<number> {
  return (await readField(state, NAMESPACES, name, 'Sequence')).getInt64()
}

/** In what the second differs from the first, in Fabric's words; undefined: in nothing. */
export function difference (expected: Parameters, passed: Parameters): string | undefined {
  const texts: Array<[string, string, string]> = [
    ['Version', expected.endorsement.getVersion(), passed.endorsement.getVersion()],
    ['EndorsementPlugin', expected.endorsement.getEndorsementPlugin(), passed.endorsement.getEndorsementPlugin()],
    ['InitRequired', String(expected.endorsement.getInitRequired()), String(passed.endorsement.getInitRequired())],
    ['ValidationPlugin', expected.validation.getValidationPlugin(), passed.validation.getValidationPlugin()],
    ['ValidationParameter', toHex(expected.validation.getValidationParameter_asU8()), toHex(passed.validation.getValidationParameter_asU8())]
  ]
  const differing = texts.find(([, before, after]) => before !== after)
  if (differing !== undefined) return `expected ${differing[0]} '${differing[1]}' does not match passed ${differing[0]} '${differing[2]}'`
  const same = equalBytes(expected.collections.serializeBinary(), passed.collections.serializeBinary())
  return same ? undefined : 'Collections do not match'
}
