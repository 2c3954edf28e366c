import { join, resolve } from 'node:path'
import { ensureNetwork, networkStop, setOrg } from '../../network/embedded/client.js'

/** A network that the contract suite runs on. What it cannot do to it is absent, and the tests that need it are left out. */
export interface LedgerNetwork {
  /** The operator's connection profile. */
  readonly profile: string
  /** Folder for identities on this network. */
  readonly wallet: string
  /** Name of the operator's organization. */
  readonly own: string
  /** Names of the others that can be stopped. */
  readonly others: readonly string[]
  readonly organizations: number
  /** Stops or starts an organization: its peer, orderer and CA. */
  readonly setOrganization?: (name: string, running: boolean) => Promise<void>
  /** Takes the whole network down, or up again with what it held. */
  readonly setRunning?: (running: boolean) => Promise<void>
  readonly close: () => Promise<void>
}

const CHAINCODE = { name: 'steelyard', folder: resolve('chaincode') }

/** An embedded network of its own, in a folder. */
export async function embeddedNetwork (folder: string, orgs: number): Promise<LedgerNetwork> {
  const dir = join(folder, 'network')
  const start = async (): Promise<Awaited<ReturnType<typeof ensureNetwork>>> =>
    await ensureNetwork({ dir, orgs, chaincode: CHAINCODE, withParent: true })
  const network = await start()
  return {
    profile: network.profilePath(),
    wallet: join(folder, 'wallet'),
    organizations: orgs,
    own: network.status.organizations.find(({ operator }) => operator)?.name ?? '',
    others: network.status.organizations.filter(({ operator }) => !operator).map(({ name }) => name),
    setOrganization: async (name, running) => { await setOrg(dir, name, running) },
    setRunning: async (running) => { await (running ? start() : networkStop(dir)) },
    close: async () => { await networkStop(dir) }
  }
}

/**
 * The network of STEELYARD_TEST_PROFILE, such as one of official binaries; nothing of it is stopped. STEELYARD_TEST_ORGANIZATIONS
 * says how many organizations it has (default 4).
 */
export function givenNetwork (folder: string): LedgerNetwork | undefined {
  const { STEELYARD_TEST_PROFILE: profile, STEELYARD_TEST_ORGANIZATIONS: organizations = '4' } = process.env
  if (profile === undefined) return undefined
  return { profile, wallet: join(folder, 'wallet'), organizations: Number(organizations), own: '', others: [], close: () => Promise.resolve() }
}
