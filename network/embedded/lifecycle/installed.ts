import { lifecycle } from '../proto.js'
import type { LifecycleContext } from './context.js'
import type { ChaincodePackage } from './package.js'
import { LifecycleRefusal } from './refusal.js'

/** Installs a package at the organization's peer. */
export function install (context: LifecycleContext, args: lifecycle.InstallChaincodeArgs): lifecycle.InstallChaincodeResult {
  const { packageId, label } = context.packages.install(args.getChaincodeInstallPackage_asU8())
  const result = new lifecycle.InstallChaincodeResult()
  result.setPackageId(packageId)
  result.setLabel(label)
  return result
}

/** An installed package and the definitions that it serves. */
export async function queryInstalled (
  context: LifecycleContext, args: lifecycle.QueryInstalledChaincodeArgs
): Promise<lifecycle.QueryInstalledChaincodeResult> {
  const found = context.packages.get(args.getPackageId())
  if (found === undefined) throw new LifecycleRefusal(`could not find chaincode with package id '${args.getPackageId()}'`)
  const result = new lifecycle.QueryInstalledChaincodeResult()
  result.setPackageId(found.packageId)
  result.setLabel(found.label)
  const served = await servedBy(context, found)
  if (served.length > 0) {
    const references = new lifecycle.QueryInstalledChaincodeResult.References()
    for (const each of served) references.addChaincodes(named(new lifecycle.QueryInstalledChaincodeResult.Chaincode(), each))
    result.getReferencesMap().set(context.channel.id, references)
  }
  return result
}

/** All installed packages. */
export async function queryAllInstalled (context: LifecycleContext): Promise<lifecycle.QueryInstalledChaincodesResult> {
  const result = new lifecycle.QueryInstalledChaincodesResult()
  for (const each of context.packages.all()) {
    const installed = new lifecycle.QueryInstalledChaincodesResult.InstalledChaincode()
    installed.setPackageId(each.packageId)
    installed.setLabel(each.label)
    const served = await servedBy(context, each)
    if (served.length > 0) {
      const references = new lifecycle.QueryInstalledChaincodesResult.References()
      for (const one of served) references.addChaincodes(named(new lifecycle.QueryInstalledChaincodesResult.Chaincode(), one))
      installed.getReferencesMap().set(context.channel.id, references)
    }
    result.addInstalledChaincodes(installed)
  }
  return result
}

/** The package itself. */
export function getPackage (
  context: LifecycleContext, args: lifecycle.GetInstalledChaincodePackageArgs
): lifecycle.GetInstalledChaincodePackageResult {
  const found = context.packages.get(args.getPackageId())
  if (found === undefined) throw new LifecycleRefusal(`could not load cc install package: chaincode install package '${args.getPackageId()}' not found`)
  const result = new lifecycle.GetInstalledChaincodePackageResult()
  result.setChaincodeInstallPackage(found.archive)
  return result
}

interface Named {
  setName (name: string): unknown
  setVersion (version: string): unknown
}

interface Served {
  readonly name: string
  readonly version: string
}

function named<T extends Named> (message: T, { name, version }: Served): T {
  message.setName(name)
  message.setVersion(version)
  return message
}

/** Definitions that the organization approved to be run by this package. */
async function servedBy ({ channel, org, packages }: LifecycleContext, { packageId }: ChaincodePackage): Promise<Served[]> {
  const served: Served[] = []
  for (const { name, version } of await channel.definitions()) {
    const { approved, packageHash } = await channel.approval(name, org.mspId)
    if (approved && packageHash !== undefined && packages.byHash(packageHash)?.packageId === packageId) served.push({ name, version })
  }
  return served
}
