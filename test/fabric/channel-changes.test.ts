/**
 * Changes of a real channel's configuration by our own update code, and revocation through the official CA into it.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { connect, type Gateway, signers } from '@hyperledger/fabric-gateway'
import t from 'tap'
import { findBinaries } from '../../network/native/binaries.js'
import { updateChannel } from '../../network/native/channel-update.js'
import { listIdentities, networkReset, networkStatus, networkUp, revokeIdentity } from '../../network/native/client.js'
import { layoutOf } from '../../network/native/layout.js'
import { networkOf } from '../../network/native/network.js'
import { requireState } from '../../network/native/state.js'
import { parseConfigBlock } from '../../src/core/fabric/config.js'
import { orderer } from '../../network/shared/proto.js'
import { ensureIdentity } from '../../src/ledger/identity/enrolment.js'
import { createWallet, type StoredIdentity } from '../../src/ledger/identity/wallet.js'
import { readProfile } from '../../src/ledger/profile.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { fabricBinaries } from './binaries.js'

const { skip } = fabricBinaries()

t.test('the channel\'s configuration is changed, and an identity revoked', { skip, timeout: 120_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'steelyard-native-'))
  t.teardown(async () => {
    await networkReset(dir)
    rmSync(dir, { recursive: true, force: true })
  })
  const description = join(dir, 'consortium.yaml')
  writeFileSync(description, JSON.stringify({
    format: 1, channel: 'evidence', chaincode: { name: 'counter', version: '1.0' }, organizations: [{ name: 'solo' }]
  }))
  const { profile } = await networkUp({ dir, description, chaincode: 'test/ledger/chaincode-fixture' })
  const layout = layoutOf(dir)
  const network = networkOf(findBinaries(), layout, requireState(layout), () => {})
  const { identity } = await ensureIdentity({
    profile: await readProfile(profile), wallet: createWallet(join(dir, 'wallet')), label: 'service', now: Date.now()
  })
  const gateway = gatewayOf(identity, layout.org('solo').peer, network.orgs[0]?.ports.peer ?? 0)
  t.teardown(gateway.close)
  const counter = gateway.gateway.getNetwork('evidence').getContract('counter')

  await t.test('a batch timeout', async (t) => {
    const before = await networkStatus(dir)
    await updateChannel(network, (channel) => {
      const size = new orderer.BatchTimeout()
      size.setTimeout('123ms')
      channel.getGroupsMap().get('Orderer')?.getValuesMap().get('BatchTimeout')?.setValue(size.serializeBinary())
    })
    await t.resolves(counter.submit('create', { arguments: ['a', '1'] }))
    t.equal((await networkStatus(dir)).height, before.height + 2)
    t.equal(await configured(gateway.gateway, (config) => config.batchTimeout), '123ms')
    await t.rejects(updateChannel(network, () => {}), RangeError, 'nothing to change')
  })

  await t.test('a revoked identity is refused, and listed', async (t) => {
    const { CN: id = '' } = Object.fromEntries(new X509Certificate(identity.certificatePem).subject.split('\n').map((part) => part.split('=')))
    const identities = await listIdentities(dir, 'solo')
    t.match(identities.find((known) => known.id === id), { type: 'client', attributes: { 'steelyard.anchor': 'true' } })
    await t.resolves(counter.evaluate('read', { arguments: ['a'] }))
    await revokeIdentity(dir, 'solo', id)
    await t.rejects(async () => {
      for (let attempt = 0; attempt < 200; attempt++) await counter.evaluate('read', { arguments: ['a'] }) // until the peer has the block
    })
    await networkUp({ dir }) // the network itself is as it was
  })
})

async function configured<T> (gateway: Gateway, read: (config: ReturnType<typeof parseConfigBlock>) => T): Promise<T> {
  const block = await gateway.getNetwork('evidence').getContract('cscc').evaluate('GetConfigBlock', { arguments: ['evidence'] })
  return read(parseConfigBlock(nodeCrypto, block))
}

function gatewayOf (identity: StoredIdentity, peer: string, port: number): { gateway: Gateway, close: () => void } {
  const client = new grpc.Client(`localhost:${port}`, grpc.credentials.createSsl(readFileSync(join(peer, 'tls', 'ca.crt'))))
  const gateway = connect({
    client,
    identity: { mspId: identity.mspId, credentials: Buffer.from(identity.certificatePem) },
    signer: signers.newPrivateKeySigner(createPrivateKey(identity.privateKeyPem))
  })
  return {
    gateway,
    close: () => {
      gateway.close()
      client.close()
    }
  }
}
