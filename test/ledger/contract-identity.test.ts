import { X509Certificate } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { utf8 } from '../../src/core/bytes.js'
import { parseCertificate } from '../../src/core/fabric/x509.js'
import { LedgerError } from '../../src/ledger/errors.js'
import { ensureIdentity } from '../../src/ledger/identity/enrolment.js'
import { createWallet } from '../../src/ledger/identity/wallet.js'
import { readProfile } from '../../src/ledger/profile.js'
import { embeddedNetwork } from '../support/ledger-network.js'

t.test('the service identity at a CA', async (t) => {
  const folder = t.testdir()
  const network = await embeddedNetwork(folder, 1)
  t.teardown(network.close)
  const profile = await readProfile(network.profile)
  const wallet = createWallet(network.wallet)
  const ensure = async (now: number): ReturnType<typeof ensureIdentity> => await ensureIdentity({ profile, wallet, label: 'service', now })
  const now = Date.now()

  const { identity, changed } = await ensure(now)
  t.ok(changed)
  const certificate = parseCertificate(utf8(identity.certificatePem))
  t.ok(certificate.subject.organizationalUnits.includes('client'))
  t.ok(Buffer.from(certificate.der).includes('"steelyard.anchor":"true"'), 'carries the attribute')
  t.equal(identity.mspId, profile.mspId)

  await t.test('kept for its owner only, and used again', async (t) => {
    for (const file of ['service.json', `registrar-${profile.registrar.id}.json`]) {
      t.equal((await stat(join(network.wallet, file))).mode & 0o777, 0o600)
    }
    t.equal((await stat(network.wallet)).mode & 0o777, 0o700)
    t.same(await ensure(now), { identity, changed: false })
  })

  const life = new X509Certificate(identity.certificatePem)
  const from = Date.parse(life.validFrom)
  const until = Date.parse(life.validTo)
  await t.test('re-enrolled, with another key, when a third of its life is left', async (t) => {
    t.same(await ensure(until - (until - from) * 0.34), { identity, changed: false })
    const renewed = await ensure(until - (until - from) * 0.33)
    t.ok(renewed.changed)
    t.not(renewed.identity.privateKeyPem, identity.privateKeyPem)
    const subject = (pem: string): string => new X509Certificate(pem).subject
    t.equal(subject(renewed.identity.certificatePem), subject(identity.certificatePem))
    t.ok(Buffer.from(parseCertificate(utf8(renewed.identity.certificatePem)).der).includes('"steelyard.anchor":"true"'))
    t.same(await wallet.get('service'), renewed.identity)
  })

  await t.test('one that is due serves on while the CA is away', async (t) => {
    const away = { ...profile, ca: { ...profile.ca, url: 'https://localhost:1' } }
    const held = await wallet.get('service')
    const due = Date.parse(new X509Certificate(held?.certificatePem ?? '').validTo) - 1000
    t.same(await ensureIdentity({ profile: away, wallet, label: 'service', now: due }), { identity: held, changed: false })
  })

  await t.test('past its expiry it is registered anew', async (t) => {
    // of the one held by now, which ends later than the first by as long as this test has taken
    const held = await wallet.get('service')
    const after = await ensure(Date.parse(new X509Certificate(held?.certificatePem ?? '').validTo) + 1)
    t.ok(after.changed)
    t.not(new X509Certificate(after.identity.certificatePem).subject, life.subject)
  })

  await t.test('what cannot work is said', async (t) => {
    const code = async (run: () => Promise<unknown>): Promise<string> => {
      try {
        await run()
      } catch (error) {
        if (error instanceof LedgerError) return error.code
        throw error
      }
      return 'none'
    }
    const fresh = createWallet(join(folder, 'other'))
    const secretFile = join(folder, 'wrong')
    await writeFile(secretFile, 'not the secret')
    const wrong = { ...profile, registrar: { ...profile.registrar, secretFile } }
    t.equal(await code(async () => await ensureIdentity({ profile: wrong, wallet: fresh, label: 'service', now })), 'CONFIGURATION')
    const absent = { ...profile, ca: { ...profile.ca, url: 'https://localhost:1' } }
    t.equal(await code(async () => await ensureIdentity({ profile: absent, wallet: fresh, label: 'service', now })), 'UNAVAILABLE')
    const other = { ...profile, mspId: 'CourtMSP' }
    t.equal(await code(async () => await ensureIdentity({ profile: other, wallet, label: 'service', now })), 'CONFIGURATION')
    await writeFile(join(network.wallet, 'service.json'), '{}')
    t.equal(await code(async () => await ensure(now)), 'CONFIGURATION')
    t.equal(await code(async () => await readProfile(join(folder, 'none.json'))), 'CONFIGURATION')
    const bare = join(folder, 'bare.json')
    await writeFile(bare, JSON.stringify({ ...JSON.parse(await readFile(network.profile, 'utf8')) as object, 'x-steelyard': {} }))
    t.equal(await code(async () => await readProfile(bare)), 'CONFIGURATION')
  })
})
