/**
 * Calls of Fabric's lifecycle chaincode, as `peer lifecycle chaincode` makes them and as nobody should. The organization's own approval of
 * `SERVED` and a commitment that it endorses alone go into blocks; the rest changes nothing, but for the package that is installed.
 * @module
 */
import { tarGz } from '../../network/shared/tar.js'
import { collection, lifecycle } from '../../network/shared/proto.js'
import { type Call, commitStatus, endorseAndSubmit, evaluate, system } from './call-kinds.js'
import { CHAINCODE, CHANNEL, type ProposalOptions } from './call-messages.js'
import { packageBytes } from './chaincode-packages.js'

/** What is installed, and approved by one organization. */
const SERVED = 'served'
const { archive, packageId } = packageBytes('served_1', { address: 'localhost:9', dial_timeout: '10s', tls_required: false })
const ADMIN = { admin: true }
/** Packages are the peer's, of no channel. */
const OF_THE_PEER = { admin: true, channel: '' }
const MSP = 'PlatformMSP'

type Filled = { serializeBinary (): Uint8Array }
type DefinitionArgs = lifecycle.ApproveChaincodeDefinitionForMyOrgArgs | lifecycle.CheckCommitReadinessArgs | lifecycle.CommitChaincodeDefinitionArgs

/** What a definition says, where it is not the first one of `SERVED`. */
interface Defined {
  readonly name?: string
  readonly version?: string
  readonly sequence?: number
  readonly init?: boolean
  readonly collections?: readonly string[]
}

function fill<A extends DefinitionArgs> (args: A, { name = SERVED, version = '1', sequence = 1, init = false, collections = [] }: Defined): A {
  args.setName(name)
  args.setVersion(version)
  args.setSequence(sequence)
  args.setInitRequired(init)
  if (collections.length > 0) args.setCollections(collectionsNamed(collections))
  return args
}

/** Collections that say nothing of their members. */
function collectionsNamed (names: readonly string[]): collection.CollectionConfigPackage {
  const all = new collection.CollectionConfigPackage()
  for (const name of names) {
    const fixed = new collection.StaticCollectionConfig()
    fixed.setName(name)
    const config = new collection.CollectionConfig()
    config.setStaticCollectionConfig(fixed)
    all.addConfig(config)
  }
  return all
}

function approval (defined: Defined = {}): Filled {
  const local = new lifecycle.ChaincodeSource.Local()
  local.setPackageId(packageId)
  const source = new lifecycle.ChaincodeSource()
  source.setLocalPackage(local)
  const args = fill(new lifecycle.ApproveChaincodeDefinitionForMyOrgArgs(), defined)
  args.setSource(source)
  return args
}

const readiness = (defined: Defined = {}): Filled => fill(new lifecycle.CheckCommitReadinessArgs(), defined)
const commitment = (defined: Defined = {}): Filled => fill(new lifecycle.CommitChaincodeDefinitionArgs(), defined)

function installation (bytes: Uint8Array): Filled {
  const args = new lifecycle.InstallChaincodeArgs()
  args.setChaincodeInstallPackage(bytes)
  return args
}

function installed (id: string): Filled {
  const args = new lifecycle.QueryInstalledChaincodeArgs()
  args.setPackageId(id)
  return args
}

function packageOf (id: string): Filled {
  const args = new lifecycle.GetInstalledChaincodePackageArgs()
  args.setPackageId(id)
  return args
}

function definition (name: string): Filled {
  const args = new lifecycle.QueryChaincodeDefinitionArgs()
  args.setName(name)
  return args
}

function approved (name: string, sequence = 0): Filled {
  const args = new lifecycle.QueryApprovedChaincodeDefinitionArgs()
  args.setName(name)
  args.setSequence(sequence)
  return args
}

function call (name: string, args: Filled, options: ProposalOptions = {}): Call {
  return system('_lifecycle', [name, args.serializeBinary()], options)
}

function submit (name: string, args: Filled): Call {
  return endorseAndSubmit([name, args.serializeBinary()], { chaincode: '_lifecycle', organizations: [MSP], admin: true })
}

const archiveOf = (metadata: unknown, ...others: ReadonlyArray<{ readonly name: string, readonly content: Buffer }>): Uint8Array =>
  tarGz([{ name: 'metadata.json', content: Buffer.from(typeof metadata === 'string' ? metadata : JSON.stringify(metadata)) }, ...others])
const CODE = { name: 'code.tar.gz', content: tarGz([]) }
const ALL_INSTALLED = new lifecycle.QueryInstalledChaincodesArgs()
const ALL_DEFINED = new lifecycle.QueryChaincodeDefinitionsArgs()
const ALL_APPROVED = new lifecycle.QueryApprovedChaincodeDefinitionsArgs()

const PACKAGES: ReadonlyArray<readonly [string, Call]> = [
  ['_lifecycle QueryInstalledChaincodes by a client', call('QueryInstalledChaincodes', ALL_INSTALLED, { channel: '' })],
  ['_lifecycle QueryInstalledChaincodes', call('QueryInstalledChaincodes', ALL_INSTALLED, OF_THE_PEER)],
  ['_lifecycle InstallChaincode by a client', call('InstallChaincode', installation(archive), { channel: '' })],
  ['_lifecycle InstallChaincode of nothing', call('InstallChaincode', installation(new Uint8Array(0)), OF_THE_PEER)],
  ['_lifecycle InstallChaincode of a text', call('InstallChaincode', installation(Buffer.from('no archive')), OF_THE_PEER)],
  ['_lifecycle InstallChaincode without code', call('InstallChaincode', installation(archiveOf({ type: 'ccaas', label: 'x' })), OF_THE_PEER)],
  ['_lifecycle InstallChaincode without metadata', call('InstallChaincode', installation(tarGz([CODE])), OF_THE_PEER)],
  ['_lifecycle InstallChaincode with metadata that are none', call('InstallChaincode', installation(archiveOf('[]', CODE)), OF_THE_PEER)],
  ['_lifecycle InstallChaincode without a label', call('InstallChaincode', installation(archiveOf({ type: 'ccaas' }, CODE)), OF_THE_PEER)],
  ['_lifecycle InstallChaincode with a path for a label', call('InstallChaincode', installation(archiveOf({ type: 'ccaas', label: '../x' }, CODE)), OF_THE_PEER)],
  ['_lifecycle InstallChaincode', call('InstallChaincode', installation(archive), OF_THE_PEER)],
  ['_lifecycle InstallChaincode again', call('InstallChaincode', installation(archive), OF_THE_PEER)],
  ['_lifecycle InstallChaincode on a channel', call('InstallChaincode', installation(archive), ADMIN)],
  ['_lifecycle QueryInstalledChaincode', call('QueryInstalledChaincode', installed(packageId), OF_THE_PEER)],
  ['_lifecycle QueryInstalledChaincode unknown', call('QueryInstalledChaincode', installed('served_1:00'), OF_THE_PEER)],
  ['_lifecycle QueryInstalledChaincode by a client', call('QueryInstalledChaincode', installed(packageId), { channel: '' })],
  ['_lifecycle QueryInstalledChaincodes, two', call('QueryInstalledChaincodes', ALL_INSTALLED, OF_THE_PEER)],
  ['_lifecycle GetInstalledChaincodePackage', call('GetInstalledChaincodePackage', packageOf(packageId), OF_THE_PEER)],
  ['_lifecycle GetInstalledChaincodePackage unknown', call('GetInstalledChaincodePackage', packageOf('served_1:00'), OF_THE_PEER)],
  ['_lifecycle GetInstalledChaincodePackage by a client', call('GetInstalledChaincodePackage', packageOf(packageId), { channel: '' })]
]

const DEFINITIONS: ReadonlyArray<readonly [string, Call]> = [
  ['_lifecycle QueryChaincodeDefinition', call('QueryChaincodeDefinition', definition(CHAINCODE))],
  ['_lifecycle QueryChaincodeDefinition unknown', call('QueryChaincodeDefinition', definition('nocc'))],
  ['_lifecycle QueryChaincodeDefinition on no channel', call('QueryChaincodeDefinition', definition(CHAINCODE), { channel: '' })],
  ['_lifecycle QueryChaincodeDefinitions', call('QueryChaincodeDefinitions', ALL_DEFINED)],
  ['gateway evaluate, _lifecycle QueryChaincodeDefinition', evaluate(
    ['QueryChaincodeDefinition', definition(CHAINCODE).serializeBinary()], { chaincode: '_lifecycle' }
  )],
  ['_lifecycle QueryApprovedChaincodeDefinition', call('QueryApprovedChaincodeDefinition', approved(CHAINCODE, 1), ADMIN)],
  ['_lifecycle QueryApprovedChaincodeDefinition, the newest', call('QueryApprovedChaincodeDefinition', approved(CHAINCODE), ADMIN)],
  ['_lifecycle QueryApprovedChaincodeDefinition of a sequence to come', call('QueryApprovedChaincodeDefinition', approved(CHAINCODE, 2), ADMIN)],
  ['_lifecycle QueryApprovedChaincodeDefinition unknown', call('QueryApprovedChaincodeDefinition', approved('nocc'), ADMIN)],
  ['_lifecycle QueryApprovedChaincodeDefinition by a client', call('QueryApprovedChaincodeDefinition', approved(CHAINCODE, 1))],
  ['_lifecycle QueryApprovedChaincodeDefinitions', call('QueryApprovedChaincodeDefinitions', ALL_APPROVED, ADMIN)],
  ['_lifecycle CheckCommitReadiness', call('CheckCommitReadiness', readiness())],
  ['_lifecycle CheckCommitReadiness of the next sequence', call('CheckCommitReadiness', readiness({ name: CHAINCODE, version: '1.0', sequence: 2 }))],
  ['_lifecycle CheckCommitReadiness of the sequence that is', call('CheckCommitReadiness', readiness({ name: CHAINCODE, version: '1.0' }))],
  ['_lifecycle CheckCommitReadiness of a later sequence', call('CheckCommitReadiness', readiness({ name: CHAINCODE, sequence: 3 }))],
  ['_lifecycle CheckCommitReadiness of no sequence', call('CheckCommitReadiness', readiness({ sequence: 0 }))],
  ['_lifecycle CheckCommitReadiness of a name that is none', call('CheckCommitReadiness', readiness({ name: '-x' }))],
  ['_lifecycle unknown function', call('Nothing', ALL_DEFINED)],
  ['_lifecycle without an argument', system('_lifecycle', ['QueryChaincodeDefinition'])],
  ['_lifecycle with two arguments', system('_lifecycle', ['QueryChaincodeDefinition', definition(CHAINCODE).serializeBinary(), 'x'])],
  ['_lifecycle QueryChaincodeDefinition of a text', system('_lifecycle', ['QueryChaincodeDefinition', 'no message'])]
]

const APPROVALS: ReadonlyArray<readonly [string, Call]> = [
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg by a client', call('ApproveChaincodeDefinitionForMyOrg', approval())],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg of what is', call('ApproveChaincodeDefinitionForMyOrg', approval({ name: CHAINCODE, version: '1.0' }), ADMIN)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg of what is, otherwise', call('ApproveChaincodeDefinitionForMyOrg', approval({ name: CHAINCODE, version: '2.0' }), ADMIN)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg of a later sequence', call('ApproveChaincodeDefinitionForMyOrg', approval({ name: CHAINCODE, sequence: 3 }), ADMIN)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg of an earlier sequence', call('ApproveChaincodeDefinitionForMyOrg', approval({ name: CHAINCODE, sequence: 0 }), ADMIN)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg of no sequence', call('ApproveChaincodeDefinitionForMyOrg', approval({ sequence: 0 }), ADMIN)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg of a name that is none', call('ApproveChaincodeDefinitionForMyOrg', approval({ name: '-x' }), ADMIN)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg of a system chaincode', call('ApproveChaincodeDefinitionForMyOrg', approval({ name: 'qscc' }), ADMIN)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg of a version that is none', call('ApproveChaincodeDefinitionForMyOrg', approval({ version: 'a b' }), ADMIN)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg of a collection without members', call('ApproveChaincodeDefinitionForMyOrg', approval({ collections: ['c'] }), ADMIN)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg of a collection without a name', call('ApproveChaincodeDefinitionForMyOrg', approval({ collections: ['_c'] }), ADMIN)],
  ['_lifecycle CommitChaincodeDefinition without an approval', call('CommitChaincodeDefinition', commitment(), ADMIN)],
  ['_lifecycle CommitChaincodeDefinition of the sequence that is', call('CommitChaincodeDefinition', commitment({ name: CHAINCODE, version: '1.0' }), ADMIN)],
  ['_lifecycle CommitChaincodeDefinition of a later sequence', call('CommitChaincodeDefinition', commitment({ sequence: 2 }), ADMIN)],
  ['_lifecycle CommitChaincodeDefinition of a name that is none', call('CommitChaincodeDefinition', commitment({ name: '-x' }), ADMIN)],
  ['gateway endorse and submit, _lifecycle ApproveChaincodeDefinitionForMyOrg', submit('ApproveChaincodeDefinitionForMyOrg', approval())],
  ['gateway commit status of the approval', async (caller) => await commitStatus(caller, CHANNEL)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg again', call('ApproveChaincodeDefinitionForMyOrg', approval(), ADMIN)],
  ['_lifecycle ApproveChaincodeDefinitionForMyOrg again, otherwise', call('ApproveChaincodeDefinitionForMyOrg', approval({ version: '2' }), ADMIN)],
  ['_lifecycle QueryApprovedChaincodeDefinition of what one approved', call('QueryApprovedChaincodeDefinition', approved(SERVED), ADMIN)],
  ['_lifecycle QueryApprovedChaincodeDefinitions, two', call('QueryApprovedChaincodeDefinitions', ALL_APPROVED, ADMIN)],
  ['_lifecycle CheckCommitReadiness of what one approved', call('CheckCommitReadiness', readiness())],
  ['_lifecycle CheckCommitReadiness of what one approved otherwise', call('CheckCommitReadiness', readiness({ version: '2', init: true }))],
  ['_lifecycle CommitChaincodeDefinition of something else', call('CommitChaincodeDefinition', commitment({ init: true }), ADMIN)],
  ['_lifecycle CommitChaincodeDefinition', call('CommitChaincodeDefinition', commitment(), ADMIN)],
  ['gateway endorse and submit, _lifecycle CommitChaincodeDefinition alone', submit('CommitChaincodeDefinition', commitment())],
  ['gateway commit status of the commitment', async (caller) => await commitStatus(caller, CHANNEL)],
  ['_lifecycle QueryChaincodeDefinition of what one wanted to commit', call('QueryChaincodeDefinition', definition(SERVED))]
]

/** In their order: what they answer depends on those before. */
export const LIFECYCLE_CALLS: ReadonlyArray<readonly [string, Call]> = [...DEFINITIONS, ...PACKAGES, ...APPROVALS]
