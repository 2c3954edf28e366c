import type { Crypto } from '../core/crypto.js'
import type { FabricClient } from './fabric/client.js'
import { createFabricLedger } from './fabric/ledger.js'
import { ensureIdentity } from './identity/enrolment.js'
import { ecdsaSigner } from './identity/signer.js'
import { createWallet, type StoredIdentity } from './identity/wallet.js'
import type { Ledger } from './ledger.js'
import { type LedgerProfile, readProfile } from './profile.js'

export const LEDGER_CLIENTS = ['fabric-network', 'fabric-gateway'] as const
export type LedgerClient = typeof LEDGER_CLIENTS[number]

export interface LedgerConfig {
  readonly client: LedgerClient
  /** Path of the connection profile. */
  readonly profile: string
  /** Folder of the service's identities. */
  readonly wallet: string
  /** The log's origin. */
  readonly log: string
  readonly crypto: Crypto
  /** Milliseconds since 1970; decides when the identity is renewed, and dates what is said of the organizations. */
  readonly clock: () => number
  /** Default false. */
  readonly asLocalhost?: boolean
  /** For one answer of one node. Default 10 s. */
  readonly requestMs?: number
  /** For a sent transaction to appear on the ledger. Default 30 s. */
  readonly commitMs?: number
  /** Stands between the ledger and the client library: where tests put faults. */
  readonly intercept?: (client: FabricClient) => FabricClient
}

/** Name of the service's identity in the wallet. */
const LABEL = 'service'
const RENEW_CHECK_MS = 3_600_000

/**
 * Opens the ledger by the client library that is configured, as an identity that is enrolled first where there is none. While it
 * is open, the identity is renewed before it expires. The libraries are loaded here, on use: fabric-network takes 0.4 s.
 */
export async function openLedger (config: LedgerConfig): Promise<Ledger> {
  const profile = await readProfile(config.profile)
  const wallet = createWallet(config.wallet)
  const renew = async (): Promise<StoredIdentity> =>
    (await ensureIdentity({ profile, wallet, label: LABEL, now: config.clock() })).identity
  const connect = await connectorOf(config, profile)
  const client = renewing(await renew(), connect)
  const timer = setInterval(() => {
    renew().then(client.use).catch(() => undefined) // the old one still serves; tried again in an hour
  }, RENEW_CHECK_MS)
  timer.unref()
  const ledger = createFabricLedger({
    client: config.intercept?.(client.client) ?? client.client,
    crypto: config.crypto,
    sign: client.sign,
    channel: profile.channel,
    chaincode: profile.chaincode,
    log: config.log,
    clock: config.clock,
    patience: { answerMs: config.requestMs ?? 10_000 },
    ...(config.commitMs === undefined ? {} : { commitMs: config.commitMs })
  })
  return {
    ...ledger,
    async close () {
      clearInterval(timer)
      await ledger.close()
    }
  }
}

type Connector = (identity: StoredIdentity) => FabricClient

async function connectorOf (config: LedgerConfig, profile: LedgerProfile): Promise<Connector> {
  const requestMs = config.requestMs ?? 10_000
  if (config.client === 'fabric-gateway') {
    const { createFabricGatewayClient } = await import('./fabric-gateway/client.js')
    return (identity) => createFabricGatewayClient({ profile, identity, requestMs })
  }
  const { createFabricNetworkClient } = await import('./fabric-network/client.js')
  return (identity) => createFabricNetworkClient({ profile, identity, requestMs, asLocalhost: config.asLocalhost ?? false })
}

/** A client that changes its identity under way; what is going on under the old one is left to end. */
function renewing (first: StoredIdentity, connect: Connector): {
  client: FabricClient, sign: (message: Uint8Array) => Uint8Array, use: (identity: StoredIdentity) => void
} {
  let held = first
  let current = connect(first)
  let sign = ecdsaSigner(first.privateKeyPem)
  return {
    sign: (message) => sign(message),
    use (identity) {
      if (identity.certificatePem === held.certificatePem) return
      held = identity
      const old = current
      current = connect(identity)
      sign = ecdsaSigner(identity.privateKeyPem)
      setTimeout(() => { old.close().catch(() => undefined) }, 60_000).unref()
    },
    client: {
      evaluate: async (...args) => await current.evaluate(...args),
      propose: async (...args) => await current.propose(...args),
      broadcast: async (...args) => await current.broadcast(...args),
      close: async () => { await current.close() }
    }
  }
}
