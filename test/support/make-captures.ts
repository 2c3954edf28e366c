/**
 * Writes test/vectors/fabric/answers from a network of official binaries (FABRIC_BIN, FABRIC_CFG_PATH), which is made for it and thrown
 * away with all its keys: `node dist/test/support/make-captures.js` after a build.
 * @module
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkVersions, findBinaries, networkReset, networkUp } from '../../network/native/client.js'
import { layoutOf } from '../../network/native/layout.js'
import { ensureIdentity } from '../../src/ledger/identity/enrolment.js'
import { createWallet, type StoredIdentity } from '../../src/ledger/identity/wallet.js'
import { readProfile } from '../../src/ledger/profile.js'
import { callCa } from './ca-calls.js'
import { callAll, CHAINCODE, CHANNEL } from './fabric-calls.js'

const FOLDER = 'test/vectors/fabric/answers'
const dir = mkdtempSync(join(tmpdir(), 'steelyard-captures-'))
try {
  const description = join(dir, 'consortium.yaml')
  const organizations = ['court', 'notary', 'forensic', 'platform'].map((name) => ({ name }))
  writeFileSync(description, JSON.stringify({ format: 1, channel: CHANNEL, chaincode: { name: CHAINCODE, version: '1.0' }, organizations }))
  const { profile: path } = await networkUp({ dir, description, chaincode: 'test/ledger/chaincode-fixture' })
  const profile = await readProfile(path)
  const { identity: client } = await ensureIdentity({ profile, wallet: createWallet(join(dir, 'wallet')), label: 'client', now: Date.now() })
  const raw = profile.raw as { orderers: Record<string, { url: string, tlsCACerts: { pem: string } }> }
  const endpoint = (url: string, tlsRootsPem = ''): { address: string, tlsRootsPem: string } => ({ address: url.replace('grpcs://', ''), tlsRootsPem })
  const orderer = raw.orderers['orderer0.platform.example']
  const [peer] = profile.peers
  const nodes = await callAll({
    client, admin: adminOf(profile.mspId), peer: endpoint(peer.url, peer.tlsRootsPem), orderer: endpoint(orderer?.url ?? '', orderer?.tlsCACerts.pem)
  })
  const secret = readFileSync(profile.registrar.secretFile, 'utf8').trim()
  const authority = await callCa({ ...profile.ca, registrar: { id: profile.registrar.id, secret } })
  const { fabric, ca } = await checkVersions(findBinaries())
  mkdirSync(FOLDER, { recursive: true })
  write('nodes.json', { of: `peer and orderer, Fabric ${fabric}`, answers: nodes })
  write('ca.json', { of: `fabric-ca-server ${ca}`, answers: authority })
} finally {
  await networkReset(dir)
  rmSync(dir, { recursive: true, force: true })
}

function adminOf (mspId: string): StoredIdentity {
  const msp = join(layoutOf(dir).org('platform').admin, 'msp')
  return {
    mspId, certificatePem: readFileSync(join(msp, 'signcerts', 'cert.pem'), 'utf8'), privateKeyPem: readFileSync(join(msp, 'keystore', 'key.pem'), 'utf8')
  }
}

function write (name: string, content: object): void {
  const at = new Date().toISOString().slice(0, 10)
  writeFileSync(join(FOLDER, name), `${JSON.stringify({ at, ...content }, undefined, 1)}\n`)
}
