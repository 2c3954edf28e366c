/** The channel's configuration changed by clients: Fabric's rules, one at a time, and what a change means for the blocks after it. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { utf8 } from '../../src/core/bytes.js'
import { parseBlock } from '../../src/core/fabric/block.js'
import { bftQuorum, parseConfigBlock } from '../../src/core/fabric/config.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { createKeyPair, createRoot, issueCertificate } from '../../network/embedded/crypto/certificates.js'
import { ordererIdentity } from '../../network/embedded/crypto/organization.js'
import { signingIdentity } from '../../network/embedded/crypto/sign.js'
import type { SigningIdentity } from '../../network/embedded/channel.js'
import { writePrivate } from '../../network/embedded/files.js'
import { codes } from '../../src/core/fabric/commit/validation-codes.js'
import { type EmbeddedNetwork, openNetwork } from '../../network/embedded/network.js'
import { replays } from '../support/replays.js'
import { common, configtx, configuration, orderer } from '../../network/embedded/proto.js'
import { changeConsenters, changeMsp, elementOf, setBatchTimeout } from '../../network/shared/config-edits.js'
import { signUpdate, signedEnvelope, updateEnvelope } from '../../network/shared/update-envelope.js'
import { administrators, type Change, signedUpdate, updateOf } from '../support/config-changes.js'
import { commit, height, makeTransaction, type TransactionOptions } from '../support/endorsed-transaction.js'

async function open (t: Test, orgs: number, folder = join(t.testdir(), 'network')): Promise<EmbeddedNetwork> {
  const network = await openNetwork({ folder, orgs, onFailure: (error) => { t.error(error) } })
  await network.define({ name: 'counter', version: '1.0' })
  t.teardown(async () => { await network.close() })
  return network
}

const THREE = ['court', 'notary', 'forensic']
const membersOf = (network: EmbeddedNetwork, names = THREE): EmbeddedNetwork['orgs'] => network.orgs.filter(({ name }) => names.includes(name))
const admins = (network: EmbeddedNetwork, names?: string[]): SigningIdentity[] => membersOf(network, names).flatMap((org) => administrators(org.folder, org))
const adminOf = (network: EmbeddedNetwork, name: string): SigningIdentity => admins(network, [name])[0] as SigningIdentity
const envelopeOf = (network: EmbeddedNetwork, update: configtx.ConfigUpdate, signers = admins(network), sender = network.orgs[0]?.admin): Uint8Array =>
  signedUpdate(network.ledger.id, update, signers, sender)

/** Orders the change and resolves with the number of its block. */
async function apply (network: EmbeddedNetwork, change: Change, signers?: SigningIdentity[]): Promise<number> {
  const number = network.ledger.height()
  await network.ledger.order(envelopeOf(network, updateOf(network.ledger.config, change), signers))
  await height(network, number + 1)
  return number
}
const batch = (messages: number): Change => (channel) => {
  const value = elementOf(elementOf(channel.getGroupsMap().get('Orderer'), 'Orderer').getValuesMap().get('BatchSize'), 'BatchSize')
  const size = orderer.BatchSize.deserializeBinary(value.getValue_asU8())
  size.setMaxMessageCount(messages)
  value.setValue(size.serializeBinary())
}
const timeout = (text: string): Change => (channel) => { setBatchTimeout(channel, text) }
const put = (key: string, more: Partial<TransactionOptions> = {}): TransactionOptions => ({ simulate: (simulator) => { simulator.put('counter', key, utf8('1')) }, ...more })
const signersOf = (block: Uint8Array): number[] => common.Metadata.deserializeBinary(parseBlock(block).signatures).getSignaturesList()
  .map((signature) => common.IdentifierHeader.deserializeBinary(signature.getIdentifierHeader_asU8()).getIdentifier())

t.test('a change by a majority has a block of its own, names itself, and stays', async (t) => {
  const folder = join(t.testdir(), 'network')
  const network = await open(t, 4, folder)
  const number = await apply(network, timeout('123ms'))
  t.match(network.ledger.config, { sequence: 1n, batchTimeout: '123ms' })
  t.equal(network.ledger.lastConfigBlock, number)
  const block = await network.ledger.block(number) as Uint8Array
  t.match(parseConfigBlock(nodeCrypto, block), { sequence: 1n, batchTimeout: '123ms' })
  const signed = common.OrdererBlockMetadata.deserializeBinary(common.Metadata.deserializeBinary(parseBlock(block).signatures).getValue_asU8())
  t.equal(signed.getLastConfig()?.getIndex(), number, 'the block names itself')
  t.match((await network.ledger.committedBlock(number))?.transactions, [{ type: common.HeaderType.CONFIG, code: codes.VALID }])

  await apply(network, batch(2))
  const start = network.ledger.height()
  const made = await Promise.all(['a', 'b', 'c'].map(async (key) => await makeTransaction(network, put(key))))
  await Promise.all(made.map(async ({ envelope }) => { await network.ledger.order(envelope) }))
  await height(network, start + 2)
  t.same([2, 1], await Promise.all([start, start + 1].map(async (n) => (await network.ledger.committedBlock(n))?.transactions.length)), 'blocks are cut by it')

  const unlisted = updateOf(network.ledger.config, timeout('124ms'))
  const values = unlisted.getWriteSet()?.getGroupsMap().get('Orderer')?.getValuesMap()
  const stray = values?.get('BatchTimeout')?.clone() as configtx.ConfigValue
  stray.setVersion(0)
  values?.set('Stray', stray)
  const last = network.ledger.height()
  await network.ledger.order(envelopeOf(network, unlisted))
  await height(network, last + 1)
  t.equal(network.ledger.config.batchTimeout, '124ms')
  t.equal(network.ledger.config.value('Orderer', 'Stray'), undefined, 'an element that its group does not list is dropped, as in Fabric')

  await network.close()
  const again = await open(t, 4, folder)
  t.match(again.ledger.config, { sequence: 3n, batchTimeout: '124ms', batchSize: { maxMessageCount: 2 } })
  t.same(await commit(again, await makeTransaction(again, put('d'))), [codes.VALID])
})

t.test('what an orderer refuses, in its words', async (t) => {
  const network = await open(t, 4)
  const refuses = async (what: string, envelope: Uint8Array, status: number, message: string): Promise<void> => {
    const ends = { status, message: new RegExp(`${message.replace(/[[\]()'./]/g, '\\$&')}$`) }
    await t.rejects(network.ledger.order(envelope), ends, what)
  }
  const applying = 'error applying config update to existing channel \'evidence\': error authorizing update: '
  const key = '[Value]  /Channel/Orderer/BatchTimeout'
  const update = (): configtx.ConfigUpdate => updateOf(network.ledger.config, timeout('1s'))
  const broken = (change: (update: configtx.ConfigUpdate) => void): Uint8Array => {
    const made = update()
    change(made)
    return envelopeOf(network, made)
  }
  const written = (made: configtx.ConfigUpdate): configtx.ConfigValue =>
    made.getWriteSet()?.getGroupsMap().get('Orderer')?.getValuesMap().get('BatchTimeout') as configtx.ConfigValue

  await refuses('too few organizations', envelopeOf(network, update(), admins(network, ['court', 'notary'])), 400,
    `${applying}error validating DeltaSet: policy for ${key} not satisfied: implicit policy evaluation failed - 2 sub-policies were satisfied, but this policy requires 3 of the 'Admins' sub-policies to be satisfied`)
  await refuses('one organization three times', envelopeOf(network, update(), Array<SigningIdentity>(3).fill(admins(network, ['court'])[1] as SigningIdentity)), 400,
    '1 sub-policies were satisfied, but this policy requires 3 of the \'Admins\' sub-policies to be satisfied')
  await refuses('administrators of the peers only', envelopeOf(network, update(), THREE.map((name) => adminOf(network, name))), 400,
    '0 sub-policies were satisfied, but this policy requires 3 of the \'Admins\' sub-policies to be satisfied')
  const other = updateOf(network.ledger.config, timeout('2s')).serializeBinary()
  const moved = updateEnvelope('evidence', update().serializeBinary(), admins(network).map((signer) => signUpdate(signer, other)), adminOf(network, 'court'))
  await refuses('signatures over another update', moved, 400, '0 sub-policies were satisfied, but this policy requires 3 of the \'Admins\' sub-policies to be satisfied')
  await refuses('another version', broken((made) => { written(made).setVersion(5) }), 400,
    `${applying}error validating DeltaSet: attempt to set key ${key} to version 5, but key is at version 0`)
  await refuses('read at another version', broken((made) => { made.getReadSet()?.setVersion(3) }), 400,
    `${applying}error validating ReadSet: proposed update requires that key [Group]  /Channel be at version 3, but it is currently at version 0`)
  await refuses('read of what is not there', broken((made) => { made.getReadSet()?.getValuesMap().set('Nothing', new configtx.ConfigValue()) }), 400,
    `${applying}error validating ReadSet: existing config does not contain element for [Value]  /Channel/Nothing but was in the read set`)
  await refuses('no effect', broken((made) => { made.setWriteSet(made.getReadSet()) }), 400,
    `${applying}error validating DeltaSet: delta set was empty -- update would have no effect`)
  await refuses('no policy for changes', broken((made) => { written(made).setModPolicy('') }), 400,
    `${applying}error validating DeltaSet: invalid mod_policy for element ${key}: mod_policy not set`)
  await refuses('a new element that is not new', broken((made) => { made.getWriteSet()?.getGroupsMap().get('Orderer')?.getValuesMap().set('Other', written(made)) }), 400,
    `${applying}error validating DeltaSet: attempted to set key [Value]  /Channel/Orderer/Other to version 1, but key does not exist`)
  await refuses('an illegal name', broken((made) => { made.getWriteSet()?.getValuesMap().set('a_b', written(made)) }), 400,
    `${applying}error mapping WriteSet: illegal characters in key: [Value]  : config ID 'a_b' contains illegal characters`)
  await refuses('another channel within', broken((made) => { made.setChannelId('other') }), 400,
    `${applying}ConfigUpdate for channel 'other' but envelope for channel 'evidence'`)
  const stranger = signingIdentity('CourtMSP', (await createRoot('stranger', [])).certPem, (await createKeyPair()).keyPem)
  await refuses('a stranger sends it', envelopeOf(network, update(), admins(network), stranger), 403,
    'config update for existing channel did not pass initial checks: implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the \'Writers\' sub-policies to be satisfied: permission denied')
  await refuses('a configuration that nobody asked for', signedEnvelope('evidence', common.HeaderType.CONFIG, randomBytes(8), adminOf(network, 'court')), 400,
    'message is of type that cannot be processed directly')
  await refuses('consenters without their policy', envelopeOf(network, updateOf(network.ledger.config, (channel) => {
    const value = elementOf(channel.getGroupsMap().get('Orderer')?.getValuesMap().get('Orderers'), 'Orderers')
    const mapping = configuration.Orderers.deserializeBinary(value.getValue_asU8())
    mapping.setConsenterMappingList(mapping.getConsenterMappingList().slice(1))
    value.setValue(mapping.serializeBinary())
  })), 503, 'but it is another')
  await refuses('an organization of another name', envelopeOf(network, updateOf(network.ledger.config, (channel) => {
    changeMsp(channel, 'CourtMSP', (msp) => { msp.setName('NightMSP') })
  })), 400, 'application org CourtMSP attempted to change MSP ID from CourtMSP to NightMSP')
  await refuses('certificates that are none', envelopeOf(network, updateOf(network.ledger.config, (channel) => {
    changeMsp(channel, 'CourtMSP', (msp) => { msp.setRootCertsList([utf8('x')]) })
  })), 400, '').catch(() => t.fail('it is refused'))
  t.equal(network.ledger.config.sequence, 0n, 'nothing was changed')
})

t.test('of two changes that were made side by side the second is dropped', async (t) => {
  const network = await open(t, 1)
  const signers = admins(network, ['operator'])
  const [first, second] = [timeout('1s'), timeout('2s')].map((change) => envelopeOf(network, updateOf(network.ledger.config, change), signers))
  const start = network.ledger.height()
  const after = await makeTransaction(network, put('a'))
  for (const envelope of [first as Uint8Array, second as Uint8Array, after.envelope]) await network.ledger.order(envelope)
  await height(network, start + 2)
  t.match(network.ledger.config, { sequence: 1n, batchTimeout: '1s' })
  t.match((await network.ledger.committedBlock(start + 1))?.transactions, [{ txId: after.txId, code: codes.VALID }], 'a transaction goes on by the new configuration')
})

t.test('revocation, renewal of a root, replacement and addition of consenters', async (t) => {
  const network = await open(t, 4)
  const { ledger } = network
  const court = network.orgs.find(({ name }) => name === 'court') as EmbeddedNetwork['orgs'][number]

  const client = async (): Promise<SigningIdentity> => {
    const { keyPem, publicKey } = await createKeyPair()
    return signingIdentity('CourtMSP', await court.ca.issue({ commonName: 'clerk', role: 'client', publicKey }), keyPem)
  }
  const [clerk, other] = [await client(), await client()]
  t.same(await commit(network, await makeTransaction(network, put('a', { creator: clerk }))), [codes.VALID])
  const verdict = ledger.validateCreator(clerk.serialized)
  const crl = await court.ca.revocationList([{ serial: verdict.ok ? verdict.certificate.serial : '', at: new Date() }])
  await apply(network, (channel) => { changeMsp(channel, 'CourtMSP', (msp) => { msp.setRevocationListList([utf8(crl)]) }) }, [adminOf(network, 'court')])
  t.match(ledger.validateCreator(clerk.serialized), { ok: false }, 'its own organization is enough for its list')
  const { envelope } = await makeTransaction(network, put('b', { creator: clerk }))
  await t.rejects(ledger.order(envelope), { status: 403, message: /permission denied/ })
  t.same(await commit(network, await makeTransaction(network, put('b', { creator: other }))), [codes.VALID])

  const next = await createRoot('ca.court.example', [])
  await apply(network, (channel) => {
    changeMsp(channel, 'CourtMSP', (msp) => {
      msp.setRootCertsList([...msp.getRootCertsList_asU8(), utf8(next.certPem)])
      const ous = msp.getFabricNodeOus()
      for (const ou of [ous?.getClientOuIdentifier(), ous?.getPeerOuIdentifier(), ous?.getAdminOuIdentifier(), ous?.getOrdererOuIdentifier()]) ou?.setCertificate('')
    })
  })
  const { keyPem, publicKey } = await createKeyPair()
  const renewed = signingIdentity('CourtMSP', await issueCertificate(next, { commonName: 'clerk', organizationalUnits: ['client'], publicKey, days: 1 }), keyPem)
  t.same(await commit(network, await makeTransaction(network, put('c', { creator: renewed }))), [codes.VALID], 'under the new root')

  // The court's orderer gets another key: the configuration first, then the orderer.
  const ordererCa = { certPem: readFileSync(join(court.folder, 'orderer-ca-cert.pem'), 'utf8'), keyPem: readFileSync(join(court.folder, 'orderer-ca-key.pem'), 'utf8') }
  const pair = await createKeyPair()
  const certificate = await issueCertificate(ordererCa, { commonName: 'orderer1.court.example', organizationalUnits: ['orderer'], publicKey: pair.publicKey, days: 1 })
  const number = await apply(network, (channel) => {
    changeConsenters(channel, (list) => list.map((consenter) => {
      if (consenter.getId() === court.consenterId) consenter.setIdentity(utf8(certificate))
      return consenter
    }))
  })
  t.ok(signersOf(await ledger.block(number) as Uint8Array).includes(court.consenterId), 'the block of the change is signed by those before it')
  await commit(network, await makeTransaction(network, put('d')))
  t.notOk(signersOf(await ledger.block(number + 1) as Uint8Array).includes(court.consenterId), 'the old key signs nothing more')
  writePrivate(join(court.folder, 'orderer-cert.pem'), certificate)
  writePrivate(join(court.folder, 'orderer-key.pem'), pair.keyPem)
  court.orderer = ordererIdentity(court)
  await commit(network, await makeTransaction(network, put('e')))
  t.ok(signersOf(await ledger.block(number + 2) as Uint8Array).includes(court.consenterId), 'the new one does')

  // A fifth consenter that runs elsewhere, and does not answer: four of five are needed, so all of these.
  await apply(network, (channel) => {
    changeConsenters(channel, (list) => {
      const fifth = (list[0] as configuration.Consenter).clone()
      fifth.setId(5)
      fifth.setIdentity(utf8(next.certPem))
      return [...list, fifth]
    })
  })
  t.equal(ledger.config.quorum, bftQuorum(5))
  await commit(network, await makeTransaction(network, put('f')))
  t.same(signersOf(await ledger.block(ledger.height() - 1) as Uint8Array).sort(), [1, 2, 3, 4])
  court.running.orderer = false
  await t.rejects(makeTransaction(network, put('g')).then(async ({ envelope }) => { await ledger.order(envelope) }), { status: 503, message: /quorum/ })
  await replays(t, network)
})
