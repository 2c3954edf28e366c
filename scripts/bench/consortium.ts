import { join } from 'node:path'
import { networkDown, networkReset, networkUp } from '../../network/native/client.js'
import { uponInterrupt } from './child.js'

/** A ledger of four organizations for a benchmark: of official binaries when FABRIC_BIN names them, else embedded. */
export interface Consortium {
  readonly isNative: boolean
  /** What tells a service to use it. */
  readonly env: Readonly<Record<string, string>>
  /** Connection profile of the operator, once a service runs on this data folder. */
  profile (data: string): string
  close (): Promise<void>
}

/** Resolves when an anchor would succeed. An embedded one is started, and stopped, by the service itself. */
export async function openConsortium (folder: string): Promise<Consortium> {
  if (process.env.FABRIC_BIN === undefined) {
    return {
      isNative: false,
      env: { STEELYARD_ORGS: '4' },
      profile: (data) => join(data, 'network', 'profiles', 'platform.json'),
      close: async () => { await Promise.resolve() }
    }
  }
  const dir = join(folder, 'native')
  const close = async (): Promise<void> => {
    await networkDown(dir)
    await networkReset(dir)
  }
  const forget = uponInterrupt(close)
  const { profile, facts } = await networkUp({ dir, chaincode: 'chaincode' })
  return {
    isNative: true,
    env: { STEELYARD_LEDGER: profile, STEELYARD_LEDGER_FACTS: facts },
    profile: () => profile,
    async close () {
      await close()
      forget()
    }
  }
}
