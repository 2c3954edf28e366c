/**
 * Defines a chaincode that the network runs itself: every organization approves it, then it is committed, as on any network.
 * @module
 */
import type { Channel, OrgNode } from '../channel.js'
import type { ChaincodeDescription } from '../description.js'
import { EmbeddedNetworkError } from '../errors.js'
import { checkReadiness } from '../lifecycle/commit.js'
import type { LifecycleContext } from '../lifecycle/context.js'
import { PackageStore } from '../lifecycle/package-store.js'
import { managedPackage } from '../lifecycle/package.js'
import { lifecycle } from '../proto.js'
import { type LifecycleCall, lifecycleTransaction } from './lifecycle-transaction.js'

const SEQUENCE = 1

/**
 * Commits the definition, unless there is one; `operator` is who commits it. In a folder whose definition nobody approved yet (this
 * network's first release left approvals out) it adds them. Later sequences are made by clients, and left alone.
 */
export async function defineOwn (channel: Channel, operator: OrgNode, { name, version }: ChaincodeDescription): Promise<void> {
  const committed = await channel.definition(name)
  if (committed !== undefined && committed.sequence > SEQUENCE) return
  const { packageId } = managedPackage(name)
  const undecided = committed === undefined ? await unready(channel, operator, { name, version }) : await undecidedOf(channel, name)
  for (const org of undecided) {
    const argument = approval(name, committed?.version ?? version, packageId)
    await order(channel, org, { name: 'ApproveChaincodeDefinitionForMyOrg', argument, endorsers: [org], time: new Date() })
  }
  if (committed !== undefined) return
  await order(channel, operator, { name: 'CommitChaincodeDefinition', argument: commitment(name, version), endorsers: channel.orgs, time: new Date() })
  if (await channel.definition(name) === undefined) {
    throw new EmbeddedNetworkError({ code: 'CHAINCODE', message: `the definition of ${name} was not committed` })
  }
}

/** Who did not say of a committed definition what it runs. */
async function undecidedOf (channel: Channel, name: string): Promise<OrgNode[]> {
  const approvals = await Promise.all(channel.orgs.map(async ({ mspId }) => await channel.approval(name, mspId)))
  return channel.orgs.filter((_, i) => approvals[i]?.packageHash === undefined)
}

/** Who did not approve what is to be committed: all, unless this was broken off between approvals and commit. */
async function unready (channel: Channel, by: OrgNode, chaincode: ChaincodeDescription): Promise<OrgNode[]> {
  const args = new lifecycle.CheckCommitReadinessArgs()
  args.setName(chaincode.name)
  args.setVersion(chaincode.version)
  args.setSequence(SEQUENCE)
  const approvals = (await simulated(channel, by, async (context) => await checkReadiness(context, args))).getApprovalsMap()
  return channel.orgs.filter(({ mspId }) => approvals.get(mspId) !== true)
}

/** Lets an organization call the lifecycle, and waits until that is in a block, as administrators do: no two calls share one. */
async function order (channel: Channel, org: OrgNode, call: LifecycleCall): Promise<void> {
  const { txId, envelope } = await simulated(channel, org, async (context) => await lifecycleTransaction(context, call))
  const done = inBlock(channel, txId)
  await channel.order(envelope)
  await done
}

async function simulated<T> (channel: Channel, org: OrgNode, work: (context: LifecycleContext) => Promise<T>): Promise<T> {
  const simulator = channel.simulator()
  try {
    return await work({ channel, org, simulator, packages: new PackageStore(org.folder, []) })
  } finally {
    await simulator.close()
  }
}

async function inBlock (channel: Channel, txId: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const forget = channel.onCommit(({ transactions }) => {
      if (!transactions.some((each) => each.txId === txId)) return
      forget()
      resolve()
    })
  })
}

function approval (name: string, version: string, packageId: string): Uint8Array {
  const local = new lifecycle.ChaincodeSource.Local()
  local.setPackageId(packageId)
  const source = new lifecycle.ChaincodeSource()
  source.setLocalPackage(local)
  const args = new lifecycle.ApproveChaincodeDefinitionForMyOrgArgs()
  args.setName(name)
  args.setVersion(version)
  args.setSequence(SEQUENCE)
  args.setSource(source)
  return args.serializeBinary()
}

function commitment (name: string, version: string): Uint8Array {
  const args = new lifecycle.CommitChaincodeDefinitionArgs()
  args.setName(name)
  args.setVersion(version)
  args.setSequence(SEQUENCE)
  return args.serializeBinary()
}
