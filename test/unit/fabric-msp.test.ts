import fc from 'fast-check'
import t from 'tap'
import { concat, fromHex, toHex, utf8 } from '../../src/core/bytes.js'
import { derInteger, derSequence, TAG } from '../../src/core/fabric/der.js'
import { isLowSDer, verifyLowS } from '../../src/core/fabric/ecdsa.js'
import { createMsp, type MspRole, type MspVerdict } from '../../src/core/fabric/msp.js'
import { evaluatePolicy, evaluateSignatureRule, type PolicySigner, type PolicyTree, type SignatureRule } from '../../src/core/fabric/policy.js'
import { identities, mspConfig } from '../../network/shared/proto.js'
import { isIssuedBy, parseCertificate } from '../../src/core/fabric/x509.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { certificate, type CertificateOptions, extension, type Issued, keyPair, revocationList, sign, tlv, toPem } from './fabric-pki.js'

const MSP = 'CourtMSP'

interface Setup {
  roots: Issued[]
  tlsRoots?: Issued[]
  intermediates?: Issued[]
  admins?: Issued[]
  crls?: Uint8Array[]
  ous?: boolean
  ouIssuer?: Issued
}

function fabricMsp ({ roots, tlsRoots = [], intermediates = [], admins = [], crls = [], ous = true, ouIssuer }: Setup): Uint8Array {
  const pems = (certificates: Issued[]): Uint8Array[] => certificates.map(({ pem }) => utf8(pem))
  const config = new mspConfig.FabricMSPConfig()
  config.setName(MSP)
  config.setRootCertsList(pems(roots))
  config.setIntermediateCertsList(pems(intermediates))
  config.setTlsRootCertsList(pems(tlsRoots))
  config.setAdminsList(pems(admins))
  config.setRevocationListList(crls)
  const nodeOus = new mspConfig.FabricNodeOUs()
  nodeOus.setEnable(ous)
  const unit = (name: string): mspConfig.FabricOUIdentifier => {
    const ou = new mspConfig.FabricOUIdentifier()
    ou.setOrganizationalUnitIdentifier(name)
    if (ouIssuer !== undefined) ou.setCertificate(utf8(ouIssuer.pem))
    return ou
  }
  nodeOus.setClientOuIdentifier(unit('client'))
  nodeOus.setPeerOuIdentifier(unit('peer'))
  nodeOus.setAdminOuIdentifier(unit('admin'))
  nodeOus.setOrdererOuIdentifier(unit('orderer'))
  config.setFabricNodeOus(nodeOus)
  return config.serializeBinary()
}

function serialized (pem: string, mspId = MSP): Uint8Array {
  const identity = new identities.SerializedIdentity()
  identity.setMspid(mspId)
  identity.setIdBytes(utf8(pem))
  return identity.serializeBinary()
}

const root = certificate({ commonName: 'ca', ca: true })

function judge (options: Partial<CertificateOptions>, setup: Partial<Setup> = {}): MspVerdict {
  const leaf = certificate({ commonName: 'peer0', units: ['peer'], issuer: root, ...options })
  return createMsp(nodeCrypto, fabricMsp({ roots: [root], ...setup })).validate(serialized(leaf.pem))
}

const said = (verdict: MspVerdict): string => verdict.ok ? verdict.role : verdict.reason

void t.test('identities of an MSP', async (t) => {
  for (const role of ['client', 'peer', 'admin', 'orderer']) t.equal(said(judge({ units: [role] })), role)
  t.equal(said(judge({ units: ['peer', 'other'] })), 'peer')
  t.equal(said(judge({ units: ['peer', 'client'] })), 'ORGANIZATIONAL_UNIT')
  t.equal(said(judge({ units: ['peer', 'peer'] })), 'ORGANIZATIONAL_UNIT')
  t.equal(said(judge({ units: [] })), 'ORGANIZATIONAL_UNIT')
  t.equal(said(judge({ units: [] }, { ous: false })), 'member')
  t.equal(said(judge({}, { ouIssuer: root })), 'peer')
  t.equal(said(judge({ highS: true })), 'peer', 'CAs sign with high S as well')
  t.equal(said(judge({ ca: true, keyUsage: 0x06 })), 'IDENTITY_CA')
  t.equal(said(judge({ keys: keyPair('P-384') })), 'peer')
  t.equal(said(judge({ keys: keyPair('secp256k1') })), 'IDENTITY_UNSUPPORTED')
  t.equal(said(judge({ notAfter: '250201000000Z' })), 'peer', 'expiry is not enforced')
  t.equal(said(judge({ notBefore: '240101000000Z' })), 'PATH', 'older than its CA')
  for (const notBefore of ['251301000000Z', '250231000000Z', '250101240000Z', '2501010000Z', '250101000000+0100']) {
    t.equal(said(judge({ notBefore })), 'IDENTITY_MALFORMED', notBefore)
  }
  t.equal(said(judge({ extensions: [extension('2a03', utf8('x'), true)] })), 'PATH', 'an unknown critical extension')
  t.equal(said(judge({ extensions: [extension('2a03', utf8('x'))] })), 'peer', 'the attributes of Fabric CA are not critical')
  t.equal(said(judge({ extensions: [extension('2a03', utf8('x')), extension('2a03', utf8('y'))] })), 'IDENTITY_MALFORMED')
  const usage = (oid: string): Uint8Array => extension('551d25', derSequence(tlv(TAG.oid, fromHex(oid))))
  t.equal(said(judge({ extensions: [usage('2b06010505070302')] })), 'PATH', 'client authentication only')
  t.equal(said(judge({ extensions: [usage('2b06010505070301')] })), 'peer')
})

void t.test('paths that lead nowhere', async (t) => {
  const client = certificate({ commonName: 'client', units: ['client'], issuer: root })
  t.equal(said(judge({ issuer: client })), 'ISSUER_UNKNOWN', 'a peer that a client issued')
  const twin = certificate({ commonName: 'ca', ca: true })
  t.equal(said(judge({ issuer: twin })), 'ISSUER_UNKNOWN', 'a CA of the same name')
  t.equal(said(judge({ issuer: { ...root, privateKey: twin.privateKey } })), 'PATH', 'not signed by the CA that it names')
  t.equal(said(judge({ issuer: twin, authority: false })), 'PATH')
  const tls = certificate({ commonName: 'tlsca', ca: true })
  t.equal(said(judge({ issuer: tls }, { tlsRoots: [tls] })), 'ISSUER_UNKNOWN', 'TLS roots issue no identities')
  const noSign = certificate({ commonName: 'ca2', ca: true, keyUsage: 0x80 })
  t.equal(said(judge({ issuer: noSign }, { roots: [root, noSign] })), 'PATH', 'a CA without keyCertSign')
  t.equal(said(createMsp(nodeCrypto, fabricMsp({ roots: [root] })).validate(serialized(root.pem))), 'IDENTITY_CA')
  t.equal(said(createMsp(nodeCrypto, fabricMsp({ roots: [root] })).validate(serialized(client.pem, 'OtherMSP'))), 'MSP_UNKNOWN')
})

void t.test('CAs that name each other are not followed without end', async (t) => {
  const keys = keyPair()
  const self = certificate({ commonName: 'loop', ca: true, keys })
  const loops = Array.from({ length: 16 }, (_, i) => certificate({ commonName: 'loop', ca: true, keys, issuer: self, serial: BigInt(100 + i) }))
  t.equal(said(judge({ issuer: self }, { intermediates: loops })), 'PATH')
})

void t.test('intermediates', async (t) => {
  const middle = certificate({ commonName: 'ica', ca: true, issuer: root, pathLength: 0 })
  const below = certificate({ commonName: 'ica2', ca: true, issuer: middle })
  t.equal(said(judge({ issuer: middle }, { intermediates: [middle] })), 'peer')
  t.equal(said(judge({ issuer: middle })), 'ISSUER_UNKNOWN', 'an intermediate that the MSP does not list')
  t.equal(said(judge({ issuer: below }, { intermediates: [middle, below] })), 'PATH', 'beyond the path length')
  t.equal(said(judge({ issuer: root }, { intermediates: [middle] })), 'PATH', 'the root has an intermediate and issues nothing else')
  t.equal(said(judge({ issuer: middle }, { intermediates: [middle], ouIssuer: root })), 'ORGANIZATIONAL_UNIT')
  const free = certificate({ commonName: 'ica', ca: true, issuer: root })
  const deeper = certificate({ commonName: 'ica2', ca: true, issuer: free })
  t.equal(said(judge({ issuer: deeper }, { intermediates: [deeper, free] })), 'peer')
})

void t.test('revocation', async (t) => {
  const crls = [revocationList(root, [7n, 9n])]
  t.equal(said(judge({ serial: 7n }, { crls })), 'REVOKED')
  t.equal(said(judge({ serial: 8n }, { crls })), 'peer')
  t.equal(said(judge({ serial: 7n }, { crls: [utf8(toPem(crls[0] as Uint8Array, 'X509 CRL'))] })), 'REVOKED')
  t.equal(said(judge({ serial: 7n }, { crls: [revocationList(root, [7n], keyPair())] })), 'peer', 'a list that the CA did not sign')
  const middle = certificate({ commonName: 'ica', ca: true, issuer: root, serial: 9n })
  t.equal(said(judge({ issuer: middle }, { intermediates: [middle], crls })), 'REVOKED', 'its intermediate was revoked')
})

void t.test('administrators by list', async (t) => {
  const admin = certificate({ commonName: 'boss', units: ['client'], issuer: root })
  const verdict = createMsp(nodeCrypto, fabricMsp({ roots: [root], admins: [admin] })).validate(serialized(admin.pem))
  t.match(verdict, { ok: true, role: 'client', roles: ['member', 'client', 'admin'] })
})

void t.test('certificates are DER, each in one encoding', async (t) => {
  const leaf = certificate({ commonName: 'peer0', units: ['peer'], issuer: root })
  const parsed = parseCertificate(leaf.der)
  t.match(parsed, { subject: { commonName: 'peer0', organizationalUnits: ['peer'] }, isCa: false, notAfter: '2045-01-01T00:00:00.000Z' })
  t.ok(isIssuedBy(nodeCrypto, parsed, parseCertificate(utf8(root.pem))))
  t.notOk(isIssuedBy(nodeCrypto, parseCertificate(root.der), parsed))
  const [tag, form, high, low, ...rest] = leaf.der
  t.same([tag, form], [0x30, 0x82])
  for (const [what, bytes] of [
    ['a longer length', [tag, 0x83, 0, high, low, ...rest]],
    ['an indefinite length', [tag, 0x80, ...rest, 0, 0]],
    ['a byte more', [...leaf.der, 0]],
    ['a byte less', [...leaf.der.subarray(0, -1)]],
    ['nothing', []]
  ] as [string, number[]][]) {
    t.throws(() => parseCertificate(Uint8Array.from(bytes)), { code: 'CERTIFICATE' }, what)
  }
  for (const pem of [`x${leaf.pem}`, leaf.pem + root.pem, leaf.pem.replace('CERTIFICATE', 'KEY'), leaf.pem.replace('\n', ' \n'), leaf.pem.replace('-----END', '=-----END')]) {
    t.equal(said(createMsp(nodeCrypto, fabricMsp({ roots: [root] })).validate(serialized(pem))), 'IDENTITY_MALFORMED')
  }
  t.equal(said(createMsp(nodeCrypto, fabricMsp({ roots: [root] })).validate(serialized(leaf.pem.replaceAll('\n', '\r\n')))), 'peer')
})

void t.test('no bytes make an MSP throw', async (t) => {
  const msp = createMsp(nodeCrypto, fabricMsp({ roots: [root] }))
  const good = serialized(certificate({ commonName: 'peer0', units: ['peer'], issuer: root }).pem)
  const { der } = certificate({ commonName: 'peer0', units: ['peer'], issuer: root })
  fc.assert(fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
    const copy = Uint8Array.from(good)
    copy[at] = byte
    return typeof msp.validate(copy).ok === 'boolean'
  }), { seed: 1, numRuns: 300 })
  fc.assert(fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, byte) => {
    const copy = Uint8Array.from(der)
    copy[at] = (copy[at] ?? 0) ^ byte
    return !msp.validate(serialized(toPem(copy))).ok
  }), { seed: 2, numRuns: 500 })
})

void t.test('ECDSA signatures: canonical DER and low S', async (t) => {
  const keys = keyPair()
  const key = { curve: 'P-256' as const, spki: new Uint8Array(keys.publicKey.export({ type: 'spki', format: 'der' })) }
  const message = utf8('message')
  const low = sign(keys.privateKey, message)
  const high = sign(keys.privateKey, message, 'high')
  t.ok(verifyLowS(nodeCrypto, key, message, low))
  t.ok(nodeCrypto.verifyEcdsa({ ...key, hash: 'sha256', message, signature: high }), 'node accepts the twin')
  t.notOk(verifyLowS(nodeCrypto, key, message, high))
  t.notOk(verifyLowS(nodeCrypto, key, utf8('other'), low))
  const half = BigInt('0x7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8')
  t.ok(isLowSDer('P-256', derSequence(derInteger(1n), derInteger(half))))
  t.notOk(isLowSDer('P-256', derSequence(derInteger(1n), derInteger(half + 1n))))
  t.ok(isLowSDer('P-384', derSequence(derInteger(1n), derInteger(half + 1n))))
  t.notOk(isLowSDer('P-256', derSequence(derInteger(0n), derInteger(1n))))
  t.notOk(isLowSDer('P-256', derSequence(derInteger(1n), derInteger(0n))))
  t.notOk(isLowSDer('P-256', derSequence(derInteger(1n), derInteger(1n), derInteger(1n))))
  t.notOk(isLowSDer('P-256', derSequence(derInteger(1n))))
  t.notOk(isLowSDer('P-256', derSequence(tlv(TAG.integer, Uint8Array.of(0, 1)), derInteger(1n))), 'not minimal')
  t.notOk(isLowSDer('P-256', derSequence(tlv(TAG.integer, Uint8Array.of(0x81)), derInteger(1n))), 'negative')
  t.notOk(isLowSDer('P-256', concat(low, Uint8Array.of(0))), 'a byte more')
  t.notOk(isLowSDer('P-256', new Uint8Array(0)))
})

const organizations = ['A', 'B', 'C', 'D', 'E'].map((mspId) => {
  const issued = certificate({ commonName: mspId, units: ['peer'], issuer: root })
  return { mspId, signer: { mspId, role: 'peer' as const, identity: serialized(issued.pem, mspId) }, der: issued.der }
})
const signedBy = (mspId: string, role: MspRole): SignatureRule => ({ kind: 'signed-by', principal: { kind: 'role', mspId, role } })

function application (rule: 'ANY' | 'ALL' | 'MAJORITY', count: number): PolicyTree {
  const groups = new Map<string, PolicyTree>(organizations.slice(0, count).map(({ mspId }) => [mspId, {
    policies: new Map([['Endorsement', { kind: 'signature' as const, rule: { kind: 'n-out-of' as const, n: 1, rules: [signedBy(mspId, 'peer')] } }]]),
    groups: new Map()
  }]))
  const policies = new Map([['Endorsement', { kind: 'implicit-meta' as const, subPolicy: 'Endorsement', rule }]])
  return { policies: new Map(), groups: new Map([['Application', { policies, groups }]]) }
}

void t.test('implicit meta policies', async (t) => {
  const path = '/Channel/Application/Endorsement'
  const needed = { ANY: () => 1, ALL: (n: number) => n, MAJORITY: (n: number) => Math.floor(n / 2) + 1 }
  fc.assert(fc.property(
    fc.integer({ min: 1, max: 5 }), fc.constantFrom('ANY' as const, 'ALL' as const, 'MAJORITY' as const), fc.subarray([0, 1, 2, 3, 4]), fc.nat(3),
    (count, rule, chosen, repeats) => {
      const some = chosen.flatMap((i) => organizations[i]?.signer ?? [])
      const signers: PolicySigner[] = [...some, ...some.slice(0, repeats)]
      const members = chosen.filter((i) => i < count).length
      return evaluatePolicy(application(rule, count), path, signers) === (members >= needed[rule](count))
    }), { seed: 3, numRuns: 400 })
  t.notOk(evaluatePolicy(application('ANY', 3), '/Channel/Application/Other', organizations.map(({ signer }) => signer)))
  t.notOk(evaluatePolicy(application('ANY', 3), '/Channel/Nowhere/Endorsement', organizations.map(({ signer }) => signer)))
  t.notOk(evaluatePolicy(application('ANY', 3), 'Application/Endorsement', organizations.map(({ signer }) => signer)))
  const clients = organizations.map(({ signer }) => ({ ...signer, role: 'client' as const }))
  t.notOk(evaluatePolicy(application('ANY', 3), path, clients), 'a client is no peer')
})

void t.test('signature policies', async (t) => {
  const [a, b, c] = organizations.map(({ signer }) => signer) as [PolicySigner, PolicySigner, PolicySigner]
  const rule = (n: number, ...rules: SignatureRule[]): SignatureRule => ({ kind: 'n-out-of', n, rules })
  const peer = (mspId: string): SignatureRule => signedBy(mspId, 'peer')
  t.ok(evaluateSignatureRule(rule(2, peer('A'), peer('B'), peer('C')), [a, c]))
  t.notOk(evaluateSignatureRule(rule(2, peer('A'), peer('B'), peer('C')), [a, a]))
  t.notOk(evaluateSignatureRule(rule(2, peer('A'), peer('A')), [a, a]), 'each signer serves one principal')
  t.ok(evaluateSignatureRule(rule(2, signedBy('A', 'member'), peer('B')), [a, b]))
  t.ok(evaluateSignatureRule(rule(1, rule(2, peer('A'), peer('B')), rule(1, peer('C'))), [c]))
  t.notOk(evaluateSignatureRule(rule(1, rule(2, peer('A'), peer('B')), rule(2, peer('C'), peer('A'))), [c]))
  t.notOk(evaluateSignatureRule(signedBy('A', 'admin'), [a]))
  t.ok(evaluateSignatureRule(signedBy('A', 'admin'), [{ ...a, roles: ['member', 'peer', 'admin'] }]))
  const identity = (i: number): SignatureRule =>
    ({ kind: 'signed-by', principal: { kind: 'identity', mspId: 'A', certificate: organizations[i]?.der ?? new Uint8Array(0) } })
  t.ok(evaluateSignatureRule(identity(0), [a]))
  t.notOk(evaluateSignatureRule(identity(1), [a]))
  t.notOk(evaluateSignatureRule({ kind: 'signed-by', principal: { kind: 'unsupported' } }, [a]))
  // One certificate written in two ways is one signer.
  const again = { ...a, identity: serialized(toPem(organizations[0]?.der ?? new Uint8Array(0)).replaceAll('\n', '\r\n'), 'A') }
  t.not(toHex(again.identity), toHex(a.identity))
  t.notOk(evaluateSignatureRule(rule(2, peer('A'), peer('A')), [a, again]))
})
