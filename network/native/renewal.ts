/**
 * Renewing the root of an organization's peer, administrator and clients, in two steps, so that nobody is locked out: first the new root
 * stands beside the old one and the organization's nodes get certificates below it; once everybody else who belongs to the
 * organization was enrolled anew, the old root is dropped, and whatever it issued counts for nothing.
 * @module
 */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { utf8 } from '../../src/core/bytes.js'
import { changeMsp } from './channel-update.js'
import { NativeNetworkError } from './errors.js'
import { copyRoot, createClientRoot, createMemberKeys } from './keys.js'
import type { OrgLayout } from './layout.js'
import { type Network, nodesOf } from './network.js'
import { stopProcess } from './processes.js'
import { startNodes } from './run-nodes.js'
import type { PlacedOrg } from './state.js'

/** Folders within an organization's: the new root while it is introduced, the old one until it is dropped. */
const NEXT = 'ca-next'
const OLD = 'ca-old'

const rootFile = (folder: string): string => join(folder, 'ca-cert.pem')

/** Introduces a new root, or completes that. The organization's peer and certificate authority are started anew, one after the other. */
export async function renewRoot (network: Network, org: PlacedOrg): Promise<void> {
  const paths = network.layout.org(org.name)
  const [next, old] = [join(paths.folder, NEXT), join(paths.folder, OLD)]
  if (!existsSync(next)) {
    if (existsSync(old)) throw new NativeNetworkError({ code: 'NOT_READY', message: `the old root of ${org.name} is not dropped yet` })
    rmSync(`${next}.new`, { recursive: true, force: true })
    await createClientRoot(org.domain, `${next}.new`)
    renameSync(`${next}.new`, next)
  }
  if (!existsSync(old)) await introduce(network, org, paths, next)
  const running = nodesOf(network.state, [org], ['peer', 'ca'])
  for (const { name } of running) await stopProcess(network.layout, name)
  await replaceKeys(paths, org, next)
  rmSync(next, { recursive: true, force: true })
  await startNodes(network, running)
}

/** Both roots count; roles go by unit under either of them. */
async function introduce (network: Network, org: PlacedOrg, paths: OrgLayout, next: string): Promise<void> {
  const added = utf8(readFileSync(rootFile(next), 'utf8'))
  network.log(`adding the new root of ${org.name} to the channel`)
  await changeMsp(network, org, (msp) => {
    const roots = msp.getRootCertsList_asU8()
    if (!roots.some((root) => Buffer.from(root).equals(added))) msp.setRootCertsList([...roots, added])
    const ous = msp.getFabricNodeOus()
    for (const ou of [ous?.getClientOuIdentifier(), ous?.getPeerOuIdentifier(), ous?.getAdminOuIdentifier(), ous?.getOrdererOuIdentifier()]) {
      ou?.setCertificate('')
    }
  }).catch((error: unknown) => {
    if (!(error instanceof RangeError)) throw error // it is there already
  })
  const draft = `${join(paths.folder, OLD)}.new`
  rmSync(draft, { recursive: true, force: true })
  copyRoot(paths.ca, draft)
  renameSync(draft, join(paths.folder, OLD))
}

/** Certificates below the new root for the peer and its administrator, and the new pair for the certificate authority. */
async function replaceKeys (paths: OrgLayout, org: PlacedOrg, next: string): Promise<void> {
  const drafts = { peer: `${paths.peer}.next`, admin: `${paths.admin}.next` }
  for (const draft of Object.values(drafts)) rmSync(draft, { recursive: true, force: true })
  await createMemberKeys(paths.folder, org, next, drafts)
  for (const [draft, place] of [[drafts.peer, paths.peer], [drafts.admin, paths.admin]] as const) {
    rmSync(join(place, 'msp'), { recursive: true, force: true })
    renameSync(join(draft, 'msp'), join(place, 'msp'))
    rmSync(draft, { recursive: true, force: true })
  }
  copyRoot(next, paths.ca)
  rmSync(join(paths.ca, 'registrar'), { recursive: true, force: true }) // enrolled below the old root
}

/** Drops the old root: from that block on nothing that it issued is accepted. */
export async function dropOldRoot (network: Network, org: PlacedOrg): Promise<void> {
  const { folder } = network.layout.org(org.name)
  const old = join(folder, OLD)
  if (!existsSync(old)) throw new NativeNetworkError({ code: 'NOT_READY', message: `there is no old root of ${org.name} to drop` })
  const dropped = readFileSync(rootFile(old), 'utf8')
  await changeMsp(network, org, (msp) => {
    msp.setRootCertsList(msp.getRootCertsList_asU8().filter((root) => Buffer.from(root).toString() !== dropped))
  })
  rmSync(old, { recursive: true, force: true })
}
