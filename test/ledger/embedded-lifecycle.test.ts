/** The lifecycle on the embedded network: the read and write sets of official peers, who has to endorse what, and what is refused. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { toHex } from '../../src/core/bytes.js'
import { parseBlock } from '../../src/core/fabric/block.js'
import { codes } from '../../src/core/fabric/commit/validation-codes.js'
import { parseEndorserTransaction } from '../../src/core/fabric/transaction.js'
import type { OrgNode } from '../../network/embedded/channel.js'
import { lifecycleTransaction } from '../../network/embedded/genesis/lifecycle-transaction.js'
import type { LifecycleContext } from '../../network/embedded/lifecycle/context.js'
import { FUNCTIONS } from '../../network/embedded/lifecycle/functions.js'
import { PackageStore } from '../../network/embedded/lifecycle/package-store.js'
import { openNetwork } from '../../network/embedded/network.js'
import { applicationPolicy, lifecycle } from '../../network/embedded/proto.js'
import { packageBytes } from '../support/chaincode-packages.js'
import { commit, makeTransaction } from '../support/endorsed-transaction.js'

const network = await openNetwork({ folder: join(t.testdir(), 'network'), orgs: 4, onFailure: (error) => { t.error(error) } })
t.teardown(async () => { await network.close() })
const { ledger: channel, orgs } = network
const [court, notary] = orgs as unknown as [OrgNode, OrgNode]

async function on<T> (org: OrgNode, work: (context: LifecycleContext) => Promise<T>): Promise<T> {
  const simulator = channel.simulator()
  try {
    return await work({ channel, org, simulator, packages: new PackageStore(org.folder, []) })
  } finally {
    await simulator.close()
  }
}

const call = async (org: OrgNode, name: string, args: { serializeBinary (): Uint8Array }): Promise<Uint8Array> =>
  await on(org, async (context) => await (FUNCTIONS.get(name)?.run(context, args.serializeBinary()) ?? Promise.reject(new Error(name))))

async function order (org: OrgNode, name: string, args: { serializeBinary (): Uint8Array }, endorsers: readonly OrgNode[]): Promise<number[]> {
  return await commit(network, await on(org, async (context) =>
    await lifecycleTransaction(context, { name, argument: args.serializeBinary(), endorsers, time: new Date() })))
}

interface Wanted { readonly version?: string, readonly sequence?: number, readonly init?: boolean, readonly policy?: Uint8Array }

function fill<A extends lifecycle.ApproveChaincodeDefinitionForMyOrgArgs | lifecycle.CommitChaincodeDefinitionArgs | lifecycle.CheckCommitReadinessArgs> (
  args: A, { version = '1', sequence = 1, init = false, policy }: Wanted
): A {
  args.setName('counter')
  args.setVersion(version)
  args.setSequence(sequence)
  args.setInitRequired(init)
  if (policy !== undefined) args.setValidationParameter(policy)
  return args
}

const approval = (wanted: Wanted = {}): lifecycle.ApproveChaincodeDefinitionForMyOrgArgs => fill(new lifecycle.ApproveChaincodeDefinitionForMyOrgArgs(), wanted)
const commitment = (wanted: Wanted = {}): lifecycle.CommitChaincodeDefinitionArgs => fill(new lifecycle.CommitChaincodeDefinitionArgs(), wanted)

t.test('approvals are read and written as official peers did', async (t) => {
  for (const [number, org] of [[1, court], [2, notary]] as const) {
    const [envelope = new Uint8Array(0)] = parseBlock(readFileSync(`test/vectors/fabric/block-${number}.pb`)).data
    const real = parseEndorserTransaction(envelope)
    await on(org, async (context) => {
      await FUNCTIONS.get('ApproveChaincodeDefinitionForMyOrg')?.run(context, real.args[1] ?? new Uint8Array(0))
      t.equal(toHex(context.simulator.results()), toHex(real.action.results), `block ${number}, to the byte`)
    })
  }
})

t.test('who endorses what', async (t) => {
  const approve = 'ApproveChaincodeDefinitionForMyOrg'
  t.same(await order(court, approve, approval(), [notary]), [codes.ENDORSEMENT_POLICY_FAILURE], 'nobody approves for another')
  await t.rejects(call(court, 'CommitChaincodeDefinition', commitment()), { message: 'chaincode definition not agreed to by this org (CourtMSP)' })
  for (const org of orgs) t.same(await order(org, approve, approval(), [org]), [codes.VALID])
  await t.rejects(call(court, approve, approval()), { message: /attempted to redefine uncommitted sequence \(1\) .* with unchanged content/ })
  await t.rejects(call(court, approve, approval({ sequence: 3 })), { message: 'requested sequence 3 is larger than the next available sequence number 1' })
  const readiness = lifecycle.CheckCommitReadinessResult.deserializeBinary(
    await call(court, 'CheckCommitReadiness', fill(new lifecycle.CheckCommitReadinessArgs(), { version: '2' })))
  t.same(readiness.getMismatchesMap().get('CourtMSP')?.getItemsList(), ['EndorsementInfo'])
  t.same(await order(court, 'CommitChaincodeDefinition', commitment(), [court, notary]), [codes.ENDORSEMENT_POLICY_FAILURE])
  t.equal(await channel.definition('counter'), undefined)
  t.same(await order(court, 'CommitChaincodeDefinition', commitment(), orgs), [codes.VALID])
  t.same(await channel.definition('counter'), { name: 'counter', version: '1', sequence: 1, initRequired: false })
  t.match(await channel.approval('counter', 'NotaryMSP'), { approved: true })
  await t.rejects(call(court, 'CommitChaincodeDefinition', commitment()), { message: 'requested sequence is 1, but new definition must be sequence 2' })
})

t.test('a definition\'s own policy counts from the block after its commit', async (t) => {
  const put = async (key: string, endorsers: readonly OrgNode[]): Promise<number[]> => await commit(network, await makeTransaction(network, {
    endorsers: endorsers.map(({ peer }) => peer), simulate: (simulator) => { simulator.put('counter', key, Uint8Array.of(1)) }
  }))
  t.same(await put('a', [court]), [codes.ENDORSEMENT_POLICY_FAILURE])
  const policy = new applicationPolicy.ApplicationPolicy()
  policy.setChannelConfigPolicyReference('/Channel/Application/CourtMSP/Endorsement')
  const wanted = { version: '2', sequence: 2, init: true, policy: policy.serializeBinary() }
  for (const org of orgs) await order(org, 'ApproveChaincodeDefinitionForMyOrg', approval(wanted), [org])
  t.same(await order(court, 'CommitChaincodeDefinition', commitment(wanted), orgs), [codes.VALID])
  t.match(await channel.definition('counter'), { version: '2', sequence: 2, initRequired: true })
  t.same(await put('a', [court]), [codes.VALID])
  t.same(await put('b', [notary]), [codes.ENDORSEMENT_POLICY_FAILURE])
  const rule = await channel.endorsementRule(['counter'])
  t.same([rule(['CourtMSP']), rule(['NotaryMSP', 'ForensicMSP', 'PlatformMSP'])], [true, false])
})

t.test('packages', async (t) => {
  const install = async (archive: Uint8Array): Promise<Uint8Array> => {
    const args = new lifecycle.InstallChaincodeArgs()
    args.setChaincodeInstallPackage(archive)
    return await call(court, 'InstallChaincode', args)
  }
  const { archive, packageId } = packageBytes('served_1', { address: '127.0.0.1:9999', dial_timeout: '10s' })
  t.equal(lifecycle.InstallChaincodeResult.deserializeBinary(await install(archive)).getPackageId(), packageId)
  await t.rejects(install(archive), { message: `chaincode already successfully installed (package ID '${packageId}')` })
  t.match(new PackageStore(court.folder, []).get(packageId)?.endpoint, { address: '127.0.0.1:9999', dialTimeout: 10_000 }, 'it is there after a restart')
  await t.rejects(install(new Uint8Array(0)), { message: 'could not parse as a chaincode install package: error reading as gzip stream: EOF' })
  await t.rejects(install(packageBytes('../x', {}).archive), { message: /invalid label '\.\.\/x'/ })
  await t.rejects(install(packageBytes('go', { address: 'a:1' }, 'golang').archive), { message: /must be ccaas, it is golang/ })
  await t.rejects(install(packageBytes('x', { address: '{{.address}}' }).archive), { message: /no value for the placeholder in address/ })
  await t.rejects(install(packageBytes('x', { address: 'a:1', tls_required: true }).archive), { message: /chaincode tls root cert not provided/ })
})
