/**
 * Writes test/vectors/fabric/answers from a network of official binaries (FABRIC_BIN, FABRIC_CFG_PATH), which is made for it and thrown
 * away with all its keys: `node dist/test/support/make-captures.js` after a build.
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkVersions, findBinaries, networkReset } from '../../network/native/client.js'
import { layoutOf } from '../../network/native/layout.js'
import { until } from '../../network/native/until.js'
import { callCa } from './ca-calls.js'
import { CHAINCODE, CHANNEL } from './call-messages.js'
import { callTargets } from './call-targets.js'
import { callAll, knowsAllPeers } from './fabric-calls.js'
import { networkInOrder } from './ordered-approvals.js'

const FOLDER = 'test/vectors/fabric/answers'
const dir = mkdtempSync(join(tmpdir(), 'steelyard-captures-'))
try {
  const description = join(dir, 'consortium.yaml')
  const organizations = ['court', 'notary', 'forensic', 'platform'].map((name) => ({ name }))
  writeFileSync(description, JSON.stringify({ format: 1, channel: CHANNEL, chaincode: { name: CHAINCODE, version: '1.0' }, organizations }))
  const { profile: path } = await networkInOrder({ dir, description, chaincode: 'test/ledger/chaincode-fixture' })
  const msp = join(layoutOf(dir).org('platform').admin, 'msp')
  const admin = { certificate: join(msp, 'signcerts', 'cert.pem'), key: join(msp, 'keystore', 'key.pem') }
  const targets = await callTargets(path, { wallet: join(dir, 'wallet'), admin })
  await until('the peers do not know each other', async () => {
    if (!await knowsAllPeers(targets.nodes)) throw new Error('not all of them yet')
  })
  const nodes = await callAll(targets.nodes)
  const authority = await callCa(targets.ca)
  const { fabric, ca } = await checkVersions(findBinaries())
  mkdirSync(FOLDER, { recursive: true })
  write('nodes.json', { of: `peer and orderer, Fabric ${fabric}`, answers: nodes })
  write('ca.json', { of: `fabric-ca-server ${ca}`, answers: authority })
} finally {
  await networkReset(dir)
  rmSync(dir, { recursive: true, force: true })
}

function write (name: string, content: object): void {
  const at = new Date().toISOString().slice(0, 10)
  writeFileSync(join(FOLDER, name), `${JSON.stringify({ at, ...content }, undefined, 1)}\n`)
}
