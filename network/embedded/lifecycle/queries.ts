import { lifecycleNamespace } from '../channel.js'
import { lifecycle } from '../proto.js'
import { privateName } from './approve.js'
import { approvals } from './commit.js'
import { type LifecycleContext, orgState, publicState } from './context.js'
import { type Definition, readParameters, readSequence } from './definition.js'
import { LifecycleRefusal } from './refusal.js'
import { NAMESPACES, readField, readMetadata, type ReadableState, SOURCES } from './state.js'

const METADATA = `${NAMESPACES}/metadata/`
/** Fabric takes names to be printable ASCII. */
const METADATA_END = `${METADATA}\x7f`

/** A committed definition and who approved it. */
export async function queryDefinition (
  context: LifecycleContext, args: lifecycle.QueryChaincodeDefinitionArgs
): Promise<lifecycle.QueryChaincodeDefinitionResult> {
  const committed = await committedDefinition(publicState(context), args.getName())
  const result = new lifecycle.QueryChaincodeDefinitionResult()
  describe(result, committed)
  for (const [mspId, differing] of await approvals(context, committed)) result.getApprovalsMap().set(mspId, differing.length === 0)
  return result
}

/** All committed definitions. */
export async function queryDefinitions (context: LifecycleContext): Promise<lifecycle.QueryChaincodeDefinitionsResult> {
  const names: string[] = []
  for await (const { key } of context.simulator.range(lifecycleNamespace, METADATA, METADATA_END)) names.push(key.slice(METADATA.length))
  const result = new lifecycle.QueryChaincodeDefinitionsResult()
  for (const name of names) {
    const entry = new lifecycle.QueryChaincodeDefinitionsResult.ChaincodeDefinition()
    entry.setName(name)
    describe(entry, await committedDefinition(publicState(context), name))
    result.addChaincodeDefinitions(entry)
  }
  return result
}

/** What the own organization approved: of a sequence, or the newest. */
export async function queryApproved (
  context: LifecycleContext, args: lifecycle.QueryApprovedChaincodeDefinitionArgs
): Promise<lifecycle.QueryApprovedChaincodeDefinitionResult> {
  const own = orgState(context)
  const name = args.getName()
  const sequence = args.getSequence() === 0 ? await newestApproved(context, own, name) : args.getSequence()
  if (await readMetadata(own, NAMESPACES, privateName({ name, sequence })) === undefined) {
    const what = `(name: '${name}', sequence: '${sequence}') on channel '${context.channel.id}'`
    throw new LifecycleRefusal(`could not fetch approved chaincode definition ${what}`)
  }
  const result = new lifecycle.QueryApprovedChaincodeDefinitionResult()
  await describeApproved(result, own, { name, sequence })
  return result
}

/** Everything that the own organization approved. */
export async function queryAllApproved (context: LifecycleContext): Promise<lifecycle.QueryApprovedChaincodeDefinitionsResult> {
  const own = orgState(context)
  const names: string[] = []
  for await (const { key } of own.range(METADATA, METADATA_END)) names.push(key.slice(METADATA.length))
  const result = new lifecycle.QueryApprovedChaincodeDefinitionsResult()
  for (const stored of names) {
    const [name = '', sequence = ''] = stored.split('#')
    const entry = new lifecycle.QueryApprovedChaincodeDefinitionsResult.ApprovedChaincodeDefinition()
    entry.setName(name)
    await describeApproved(entry, own, { name, sequence: Number(sequence) })
    result.addApprovedChaincodeDefinitions(entry)
  }
  return result
}

async function newestApproved (context: LifecycleContext, own: ReadableState, name: string): Promise<number> {
  const current = await readSequence(publicState(context), name)
  const next = await readMetadata(own, NAMESPACES, privateName({ name, sequence: current + 1 }))
  return next === undefined ? current : current + 1
}

async function committedDefinition (state: ReadableState, name: string): Promise<Definition> {
  if (await readMetadata(state, NAMESPACES, name) === undefined) throw new LifecycleRefusal(`namespace ${name} is not defined`, 404)
  return { name, sequence: await readSequence(state, name), ...await readParameters(state, name) }
}

type Described =
  | lifecycle.QueryChaincodeDefinitionResult
  | lifecycle.QueryChaincodeDefinitionsResult.ChaincodeDefinition
  | DescribedApproval

type DescribedApproval =
  | lifecycle.QueryApprovedChaincodeDefinitionResult
  | lifecycle.QueryApprovedChaincodeDefinitionsResult.ApprovedChaincodeDefinition

function describe (target: Described, { sequence, endorsement, validation, collections }: Omit<Definition, 'name'>): void {
  target.setSequence(sequence)
  target.setVersion(endorsement.getVersion())
  target.setEndorsementPlugin(endorsement.getEndorsementPlugin())
  target.setInitRequired(endorsement.getInitRequired())
  target.setValidationPlugin(validation.getValidationPlugin())
  target.setValidationParameter(validation.getValidationParameter_asU8())
  target.setCollections(collections)
}

async function describeApproved (
  target: DescribedApproval, own: ReadableState, approved: Pick<Definition, 'name' | 'sequence'>
): Promise<void> {
  const name = privateName(approved)
  describe(target, { sequence: approved.sequence, ...await readParameters(own, name) })
  if (await readMetadata(own, SOURCES, name) === undefined) throw new LifecycleRefusal(`could not fetch chaincode-source metadata for ${name}`)
  target.setSource(sourceOf((await readField(own, SOURCES, name, 'PackageID')).getString()))
}

/** No package id means that the organization does not run the chaincode. */
function sourceOf (packageId: string): lifecycle.ChaincodeSource {
  const source = new lifecycle.ChaincodeSource()
  if (packageId === '') {
    source.setUnavailable(new lifecycle.ChaincodeSource.Unavailable())
  } else {
    const local = new lifecycle.ChaincodeSource.Local()
    local.setPackageId(packageId)
    source.setLocalPackage(local)
  }
  return source
}
