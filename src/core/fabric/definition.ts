import { equalBytes, utf8 } from '../bytes.js'
import { decodeExact } from './message.js'
import * as messages from './messages.js'
import { type EndorsementPolicy, readEndorsementPolicy } from './policy.js'
import { FabricRefusal } from './refusal.js'
import { equalVersions, isBefore, type NsRwset, type Version, type Write } from './rwset.js'
import type { EndorsedResponse, EndorserTransaction } from './transaction.js'

/** A chaincode definition as a CommitChaincodeDefinition transaction wrote it. */
export interface ChaincodeDefinition {
  readonly name: string
  /** The version that endorsements state. */
  readonly version: string
  readonly sequence: number
  readonly policy: EndorsementPolicy
  /** Where it was committed: the version at which every later query and transaction reads the sequence. */
  readonly at: Version
}

export const LIFECYCLE = '_lifecycle'
/** The policy that commits of definitions are endorsed under. */
export const LIFECYCLE_POLICY: EndorsementPolicy = { kind: 'reference', path: '/Channel/Application/LifecycleEndorsement' }

const EMPTY = new Uint8Array(0)
const field = (name: string, of: 'Sequence' | 'EndorsementInfo' | 'ValidationInfo'): string => `namespaces/fields/${name}/${of}`

/** The key that peers read, on their own, with everything that a chaincode does. */
export function sequenceKey (name: string): string {
  return field(name, 'Sequence')
}

/**
 * The definition in force for what stands at `at`: the last one committed before it. A transaction that read an earlier one is
 * invalid in Fabric, since its read is out of date.
 */
export function definitionBefore (definitions: readonly ChaincodeDefinition[], at: Version): ChaincodeDefinition | undefined {
  return definitions.filter((one) => isBefore(one.at, at)).at(-1)
}

/**
 * The definition that an endorsed result was made under: the one at whose version the peers read the chaincode's sequence, of
 * the chaincode's name and version, and none that `inForce` superseded: its policy would let those endorse who no longer
 * may. A version that is newer than all known ones says that the trust bundle is older.
 */
export function requireDefinition (
  chaincode: string, definitions: readonly ChaincodeDefinition[], inForce: ChaincodeDefinition | undefined,
  response: Pick<EndorsedResponse, 'action' | 'readWriteSets'>
): ChaincodeDefinition {
  const { name, version } = response.action.chaincodeId
  if (name !== chaincode) throw new FabricRefusal('CHAINCODE', `endorsed for the chaincode ${name}`)
  const read = lifecycleRead(chaincode, response.readWriteSets)
  const found = definitions.find(({ at }) => equalVersions(read, at))
  if (found === undefined) throw unlisted(read, definitions)
  if (inForce === undefined || isBefore(found.at, inForce.at)) {
    throw new FabricRefusal('CHAINCODE', `endorsed under definition ${found.sequence}, which was superseded or not yet in force`)
  }
  if (found.version !== version) throw new FabricRefusal('CHAINCODE', `endorsed by version ${version}, not ${found.version}`)
  return found
}

function lifecycleRead (chaincode: string, sets: readonly NsRwset[]): Version {
  const set = sets.find(({ namespace }) => namespace === LIFECYCLE)
  const [read, ...rest] = set?.reads ?? []
  if (set === undefined || read?.version === undefined || rest.length > 0 || read.key !== sequenceKey(chaincode) || writesAnything(set)) {
    throw new FabricRefusal('READ_WRITE_SET', 'the definition of the chaincode was not read, or more than it')
  }
  return read.version
}

/** Whether a namespace holds anything but plain reads. */
export function writesAnything (set: NsRwset): boolean {
  return set.writes.length + set.rangeQueries.length + set.metadataWrites + set.collections.length > 0
}

function unlisted (read: Version, definitions: readonly ChaincodeDefinition[]): FabricRefusal {
  const isNewer = definitions.every(({ at }) => at.block < read.block)
  return new FabricRefusal(isNewer ? 'BUNDLE_OLDER' : 'CHAINCODE', `no definition of the trust bundle was committed at ${read.block}:${read.tx}`)
}

/**
 * The definition that a verified transaction commits. Only fields that change are written, so the rest is the predecessor's; and
 * the sequence must be read where the predecessor wrote it, which leaves no definition out.
 */
export function readDefinition (
  chaincode: string, transaction: EndorserTransaction, at: Version, previous: ChaincodeDefinition | undefined
): ChaincodeDefinition {
  const asked = readArguments(chaincode, transaction)
  const set = transaction.readWriteSets.find(({ namespace }) => namespace === LIFECYCLE)
  if (set === undefined || !follows(set, chaincode, previous)) throw refuse('does not follow the definition before it')
  const written = readWritten(set, chaincode, previous)
  if (written.sequence !== (previous?.sequence ?? 0) + 1) throw refuse(`sequence ${written.sequence}`)
  if (written.version !== asked.version || written.sequence !== asked.sequence) {
    throw refuse('writes another definition than was asked for')
  }
  return { ...written, name: chaincode, at }
}

function readWritten (
  set: NsRwset, chaincode: string, previous: ChaincodeDefinition | undefined
): Pick<ChaincodeDefinition, 'sequence' | 'version' | 'policy'> {
  const version = writtenVersion(set, chaincode) ?? previous?.version
  const policy = writtenPolicy(set, chaincode) ?? previous?.policy
  if (version === undefined || policy === undefined) throw refuse('an incomplete definition')
  return { sequence: writtenSequence(set, chaincode), version, policy }
}

function refuse (detail: string): FabricRefusal {
  return new FabricRefusal('DEFINITION', detail)
}

function readArguments (chaincode: string, transaction: EndorserTransaction): messages.CommitChaincodeDefinitionArgs {
  const [name, args, ...rest] = transaction.args
  const isCommit = name !== undefined && equalBytes(name, utf8('CommitChaincodeDefinition'))
  if (transaction.chaincodeName !== LIFECYCLE || !isCommit || args === undefined || rest.length > 0) {
    throw refuse('not a CommitChaincodeDefinition transaction')
  }
  const asked = decodeExact(messages.commitChaincodeDefinitionArgs, args)
  if (asked.name !== chaincode) throw refuse(`the definition of ${asked.name}`)
  return asked
}

function follows (set: NsRwset, chaincode: string, previous: ChaincodeDefinition | undefined): boolean {
  const read = set.reads.find(({ key }) => key === sequenceKey(chaincode))
  if (read === undefined) return false
  return previous === undefined ? read.version === undefined : equalVersions(read.version, previous.at)
}

function stateData (set: NsRwset, key: string): messages.StateData | undefined {
  const write: Write | undefined = set.writes.find((candidate) => candidate.key === key)
  if (write?.isDelete === true) throw refuse(`deletes ${key}`)
  return write === undefined ? undefined : decodeExact(messages.stateData, write.value)
}

function writtenSequence (set: NsRwset, name: string): number {
  return stateData(set, sequenceKey(name))?.int64 ?? 0
}

function writtenVersion (set: NsRwset, name: string): string | undefined {
  const info = stateData(set, field(name, 'EndorsementInfo'))
  return info === undefined ? undefined : decodeExact(messages.chaincodeEndorsementInfo, info.bytes ?? EMPTY).version
}

function writtenPolicy (set: NsRwset, name: string): EndorsementPolicy | undefined {
  const state = stateData(set, field(name, 'ValidationInfo'))
  if (state === undefined) return undefined
  const { validationPlugin, validationParameter } = decodeExact(messages.chaincodeValidationInfo, state.bytes ?? EMPTY)
  if (validationPlugin !== 'vscc') throw new FabricRefusal('UNSUPPORTED', `validation plugin ${validationPlugin}`)
  return readEndorsementPolicy(decodeExact(messages.applicationPolicy, validationParameter))
}
