import { resolve } from 'node:path'
import type { Environment } from './binaries.js'
import { findBinaries } from './binaries.js'
import { running, untilReady } from './bring-up.js'
import { createPackage } from './chaincode-package.js'
import { deploy, installPackages } from './deployment.js'
import { NativeNetworkError } from './errors.js'
import { layoutOf } from './layout.js'
import { withLock } from './lock.js'
import { type Log, networkOf, nodesOf } from './network.js'
import { startNodes } from './run-nodes.js'
import { requireState, writeState } from './state.js'

/** What to change the chaincode to. */
export interface UpgradeOptions {
  readonly dir: string
  /** The new definition's version. */
  readonly version: string
  /** Folder of the new code, default the one in use. */
  readonly chaincode?: string
  readonly env?: Environment
  readonly log?: Log
}

/**
 * Replaces the chaincode: every organization whose peer runs installs and approves the new package, the definition is committed,
 * and the chaincode processes are started anew. Organizations that are stopped follow at the next `up`. A crash half-way is
 * completed by `up`. Resolves when an anchor would succeed.
 */
export async function upgradeChaincode (options: UpgradeOptions): Promise<void> {
  const layout = layoutOf(options.dir)
  const binaries = findBinaries(options.env)
  await withLock(layout, async () => {
    const state = requireState(layout)
    const { name } = state.consortium.chaincode
    const folder = options.chaincode === undefined ? state.chaincode?.folder : resolve(options.chaincode)
    if (state.chaincode === undefined || folder === undefined) {
      throw new NativeNetworkError({ code: 'CHAINCODE', message: 'there is no chaincode to upgrade' })
    }
    const sequence = state.chaincode.sequence + 1
    const next = { ...state, chaincode: createPackage(layout, { name, version: options.version, sequence, folder }) }
    const network = networkOf(binaries, layout, next, options.log ?? (() => {}))
    const orgs = running(network, 'peer')
    await installPackages(network, orgs)
    writeState(layout, next)
    await deploy(network, orgs)
    await startNodes(network, nodesOf(next, orgs, ['chaincode']))
    await untilReady(network)
  })
}
