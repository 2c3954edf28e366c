import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import FabricCAServices from 'fabric-ca-client'
import { Wallets } from 'fabric-network'
import t, { type Test } from 'tap'
import { startCa } from '../../network/embedded/ca/server.js'
import type { OrgNode } from '../../network/embedded/channel.js'
import { createOrganization, loadOrganization } from '../../network/embedded/crypto/organization.js'

const description = {
  name: 'operator', mspId: 'OperatorMSP', ordererMspId: 'OperatorOrdererMSP', domain: 'operator.example', ports: { peer: 0, orderer: 0, ca: 0 }
}

type Services = InstanceType<typeof FabricCAServices>
type User = Parameters<Services['register']>[1]
type Enrollment = Awaited<ReturnType<Services['enroll']>>

/** Part of the client that its type declarations leave out. */
interface CertificateQueries {
  newCertificateService (): { getCertificates (request: { id: string }, registrar: User): Promise<unknown> }
}

interface Running {
  readonly org: OrgNode
  readonly client: Services
  readonly restart: () => Promise<void>
}

async function running (test: Test): Promise<Running> {
  const folder = join(test.testdir(), 'operator')
  await createOrganization(folder, description, 'embedded-development')
  const org = loadOrganization(folder, description, 'embedded-development', 1)
  let listener = await startCa(org, 0, () => {})
  const { port } = listener
  test.teardown(async () => { await listener.close() })
  const client = new FabricCAServices(`https://localhost:${port}`, { trustedRoots: [org.tlsCaPem], verify: true } as never, org.ca.name)
  return {
    org,
    client,
    async restart () {
      await listener.close()
      listener = await startCa(org, port, () => {})
    }
  }
}

async function userOf (enrollment: Enrollment, id: string): Promise<User> {
  const wallet = await Wallets.newInMemoryWallet()
  const credentials = { certificate: enrollment.certificate, privateKey: enrollment.key.toBytes() }
  return await wallet.getProviderRegistry().getProvider('X.509').getUserContext({ type: 'X.509', mspId: 'OperatorMSP', credentials } as never, id)
}

async function registrarOf ({ client, org }: Running): Promise<User> {
  const { id, secret } = org.ca.registrar
  return await userOf(await client.enroll({ enrollmentID: id, enrollmentSecret: secret }), id)
}

async function codeOf (promise: Promise<unknown>): Promise<number | undefined> {
  try {
    await promise
    return undefined
  } catch (error) {
    return (error as { errors?: Array<{ code: number }> }).errors?.[0]?.code
  }
}

function attributesOf (pem: string): Record<string, string> {
  const raw = new X509Certificate(pem).raw
  const text = raw.toString('latin1')
  const start = text.indexOf('{"attrs":')
  return (JSON.parse(text.slice(start, text.indexOf('}}', start) + 2)) as { attrs: Record<string, string> }).attrs
}

t.test('fabric-ca-client enrolls, registers, re-enrolls and revokes', async (t) => {
  const network = await running(t)
  const { client, org } = network
  const registrar = await registrarOf(network)
  const attrs = [{ name: 'evidence.anchor', value: 'true', ecert: true }, { name: 'quiet', value: 'q' }]
  const secret = await client.register({ enrollmentID: 'app', affiliation: '', role: 'client', attrs, maxEnrollments: 2 }, registrar)
  const enrollment = await client.enroll({ enrollmentID: 'app', enrollmentSecret: secret })
  const certificate = new X509Certificate(enrollment.certificate)
  t.ok(certificate.verify(new X509Certificate(org.ca.certificatePem).publicKey))
  t.match(certificate.subject, /OU=client/)
  t.match(certificate.subject, /CN=app/)
  t.same(attributesOf(enrollment.certificate), {
    'evidence.anchor': 'true', 'hf.Affiliation': '', 'hf.EnrollmentID': 'app', 'hf.Type': 'client'
  })
  t.equal(enrollment.rootCertificate, org.ca.certificatePem)

  const asked = await client.enroll({ enrollmentID: 'app', enrollmentSecret: secret, attr_reqs: [{ name: 'quiet', optional: false }] })
  t.same(attributesOf(asked.certificate), { quiet: 'q' }, 'attributes that are asked for, and only those')
  t.equal(await codeOf(client.enroll({ enrollmentID: 'app', enrollmentSecret: secret })), 20, 'two enrollments were allowed')

  const user = await userOf(enrollment, 'app')
  const renewed = await client.reenroll(user, [])
  t.not(renewed.certificate, enrollment.certificate)

  await network.restart()
  const answer = await client.revoke({ enrollmentID: 'app', reason: 'keycompromise', gencrl: true } as never, registrar) as
    { result: { RevokedCerts: Array<{ Serial: string, AKI: string }>, CRL: string } }
  t.equal(answer.result.RevokedCerts.length, 3)
  t.match(Buffer.from(answer.result.CRL, 'base64').toString(), /^-----BEGIN X509 CRL-----/)
  t.equal(await codeOf(client.reenroll(user, [])), 20, 'a revoked certificate is no token')
  t.equal(await codeOf(client.enroll({ enrollmentID: 'app', enrollmentSecret: secret })), 20)
  t.ok((await client.generateCRL({}, registrar)).length > 0)
})

t.test('rights of a registrar', async (t) => {
  const network = await running(t)
  const { client } = network
  const registrar = await registrarOf(network)
  const register = async (by: User, request: Partial<Parameters<Services['register']>[0]> & { enrollmentID: string }): Promise<string> =>
    await client.register({ affiliation: '', role: 'client', ...request }, by)

  await register(registrar, { enrollmentID: 'plain', enrollmentSecret: 'pw' })
  t.equal(await codeOf(register(registrar, { enrollmentID: 'plain' })), 74)
  t.equal(await codeOf(register(registrar, { enrollmentID: 'x', role: 'user' })), 71, 'a type without a node OU')
  t.equal(await codeOf(register(registrar, { enrollmentID: 'x', attrs: [{ name: 'hf.Type', value: 'admin' }] })), 71)
  t.equal(await codeOf(register(registrar, { enrollmentID: 'x', attrs: [{ name: 'hf.IntermediateCA', value: 'true' }] })), 71)
  t.equal(await codeOf(register(registrar, { enrollmentID: 'x', maxEnrollments: -2 })), 82)

  const plain = await userOf(await client.enroll({ enrollmentID: 'plain', enrollmentSecret: 'pw' }), 'plain')
  t.equal(await codeOf(register(plain, { enrollmentID: 'x' })), 71, 'not a registrar')
  t.equal(await codeOf(client.revoke({ enrollmentID: 'registrar' }, plain)), 71)

  const deputyAttributes = [
    { name: 'hf.Registrar.Roles', value: 'client' }, { name: 'hf.Registrar.Attributes', value: 'department.*' }
  ]
  await register(registrar, { enrollmentID: 'deputy', enrollmentSecret: 'pw', affiliation: 'a.b', attrs: deputyAttributes })
  const deputy = await userOf(await client.enroll({ enrollmentID: 'deputy', enrollmentSecret: 'pw' }), 'deputy')
  await register(deputy, { enrollmentID: 'ours', affiliation: 'a.b.c', attrs: [{ name: 'department.name', value: 'n' }] })
  t.equal(await codeOf(register(deputy, { enrollmentID: 'x', role: 'peer', affiliation: 'a.b' })), 71)
  t.equal(await codeOf(register(deputy, { enrollmentID: 'x', affiliation: 'a' })), 71, 'above its own affiliation')
  t.equal(await codeOf(register(deputy, { enrollmentID: 'x', attrs: [{ name: 'other', value: 'o' }] })), 71)

  const identities = client.newIdentityService()
  const all = await identities.getAll(deputy) as { result: { identities: Array<{ id: string }> } }
  t.same(all.result.identities.map(({ id }) => id), ['deputy', 'ours'])
  t.equal((await identities.getOne('ours', deputy) as { result: { type: string } }).result.type, 'client')
  t.equal(await codeOf(identities.getOne('plain', deputy)), 71)
  t.equal(await codeOf(identities.delete('plain', registrar)), 56)
  const listed = await (client as unknown as CertificateQueries).newCertificateService().getCertificates({ id: 'plain' }, registrar) as { result: { certs: unknown[] } }
  t.equal(listed.result.certs.length, 1)
})

t.test('what is not genuine is refused', async (t) => {
  const network = await running(t)
  const { client, org } = network
  const registrar = await registrarOf(network)
  t.equal(await codeOf(client.enroll({ enrollmentID: 'registrar', enrollmentSecret: 'wrong' })), 20)
  t.equal(await codeOf(client.enroll({ enrollmentID: 'nobody', enrollmentSecret: 'wrong' })), 20)
  await client.register({ enrollmentID: 'locked', enrollmentSecret: 'right', affiliation: '', role: 'client' }, registrar)
  for (let i = 0; i < 10; i++) await codeOf(client.enroll({ enrollmentID: 'locked', enrollmentSecret: 'wrong' }))
  t.equal(await codeOf(client.enroll({ enrollmentID: 'locked', enrollmentSecret: 'right' })), 73)

  const other = await running(t)
  t.equal(await codeOf(client.register({ enrollmentID: 'x', affiliation: '', role: 'client' }, await registrarOf(other))), 20, 'of another CA')

  const csr = readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8')
  const { id, secret } = org.ca.registrar
  t.equal(await codeOf(client.enroll({ enrollmentID: id, enrollmentSecret: secret, csr } as never)), 31)

  const file = join(org.folder, 'ca', 'identities.json')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.notMatch(readFileSync(file, 'utf8'), /right/, 'secrets are kept hashed')
})
