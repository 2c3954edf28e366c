import { readFileSync } from 'node:fs'
import { ensureIdentity } from '../../src/ledger/identity/enrolment.js'
import { createWallet, type StoredIdentity } from '../../src/ledger/identity/wallet.js'
import { readProfile } from '../../src/ledger/profile.js'
import type { CaTarget } from './ca-calls.js'
import type { CallTarget, Endpoint } from './call-messages.js'

/** What `callAll` and `callCa` need of a network, official or embedded: the nodes of the organization `platform`, by its connection profile. */
export async function callTargets (
  path: string, { wallet, admin }: { readonly wallet: string, readonly admin: { readonly certificate: string, readonly key: string } }
): Promise<{ readonly nodes: CallTarget, readonly ca: CaTarget }> {
  const profile = await readProfile(path)
  const { identity: client } = await ensureIdentity({ profile, wallet: createWallet(wallet), label: 'client', now: Date.now() })
  const { orderers } = profile.raw as { orderers: Record<string, { url: string, tlsCACerts: { pem: string } }> }
  const orderer = orderers['orderer0.platform.example']
  if (orderer === undefined) throw new Error(`no orderer of platform among ${Object.keys(orderers).join()}`)
  const [peer] = profile.peers
  const endpoint = (url: string, tlsRootsPem = ''): Endpoint => ({ address: url.replace('grpcs://', ''), tlsRootsPem })
  const text = (file: string): string => readFileSync(file, 'utf8')
  const administrator: StoredIdentity = { mspId: profile.mspId, certificatePem: text(admin.certificate), privateKeyPem: text(admin.key) }
  const { id, secretFile } = profile.registrar
  return {
    nodes: { client, admin: administrator, peer: endpoint(peer.url, peer.tlsRootsPem), orderer: endpoint(orderer.url, orderer.tlsCACerts.pem) },
    ca: { ...profile.ca, registrar: { id, secret: text(secretFile).trim() } }
  }
}
