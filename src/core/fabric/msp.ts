import { concat, equalBytes, fromUtf8, toHex, utf8 } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import { EvidenceError } from '../errors.js'
import { isRevoked, parseRevocationList, type RevocationList } from './crl.js'
import { decodeExact } from './message.js'
import * as messages from './messages.js'
import { pemToDer } from './pem.js'
import { encodeField } from './wire.js'
import { type Certificate, isIssuedBy, parseCertificate } from './x509.js'

/** What a node OU makes of an identity. `member` alone: the MSP has node OUs disabled and cannot tell. */
export type MspRole = 'member' | 'client' | 'peer' | 'admin' | 'orderer'

export type MspReason =
  | 'MSP_UNKNOWN' // another MSP's identity
  | 'IDENTITY_MALFORMED'
  | 'IDENTITY_UNSUPPORTED' // a key or signature algorithm that this version does not read
  | 'IDENTITY_CA' // a CA certificate is no identity
  | 'ISSUER_UNKNOWN' // issued by no CA that this MSP has
  | 'PATH' // names a CA of the MSP, but has no valid path through it to a signing root
  | 'REVOKED'
  | 'ORGANIZATIONAL_UNIT' // not exactly one node OU, of the right issuer

export type MspVerdict =
  | {
    readonly ok: true
    readonly mspId: string
    readonly role: MspRole
    /** Every role that the identity fulfils in a policy, `member` included. */
    readonly roles: readonly MspRole[]
    readonly certificate: Certificate
  }
  | { readonly ok: false, readonly reason: MspReason }

/** A membership service provider, as the channel configuration defines it. */
export interface Msp {
  readonly id: string
  /** Judges a SerializedIdentity. Expiry is not enforced, as in Fabric: see `certificate.notAfter`. Never throws. */
  validate (identity: Uint8Array): MspVerdict
}

export interface SerializedIdentity {
  readonly mspId: string
  readonly pem: Uint8Array
}

/** Takes a msp.SerializedIdentity apart. */
export function parseSerializedIdentity (bytes: Uint8Array): SerializedIdentity {
  const { mspId, idBytes } = decodeExact(messages.serializedIdentity, bytes)
  return { mspId, pem: idBytes }
}

/** The msp.SerializedIdentity of an MSP's member, from its certificate in PEM. */
export function serializeIdentity ({ mspId, pem }: SerializedIdentity): Uint8Array {
  return concat(encodeField(1, utf8(mspId)), encodeField(2, pem))
}

interface NodeOu { readonly role: MspRole, readonly unit: string, readonly issuer: Uint8Array | undefined }

interface Setup {
  readonly id: string
  readonly crypto: Crypto
  readonly roots: readonly Certificate[]
  readonly intermediates: readonly Certificate[]
  readonly admins: readonly Certificate[]
  readonly revocations: readonly RevocationList[]
  /** undefined: node OUs are disabled. */
  readonly nodeOus: readonly NodeOu[] | undefined
  /** organizational_unit_identifiers: when not empty, an identity needs one of them. */
  readonly units: readonly { unit: string, issuer: Uint8Array | undefined }[]
}

/** Judges an identity by the MSP that it names. */
export function validateIdentity (msps: ReadonlyMap<string, Msp>, identity: Uint8Array): MspVerdict {
  let mspId: string
  try {
    mspId = parseSerializedIdentity(identity).mspId
  } catch (error) {
    if (error instanceof EvidenceError) return { ok: false, reason: 'IDENTITY_MALFORMED' }
    throw error
  }
  return msps.get(mspId)?.validate(identity) ?? { ok: false, reason: 'MSP_UNKNOWN' }
}

/** Most verdicts kept by one MSP; a proof has a handful of identities, a service sees few hundred. */
const MEMO = 1024

/**
 * Makes an MSP from a serialized FabricMSPConfig. Only its signing roots and intermediates issue identities, never its TLS roots.
 * Verdicts are kept by the identity's digest, bounded, in the returned object.
 */
export function createMsp (crypto: Crypto, config: Uint8Array): Msp {
  const setup = readSetup(crypto, config)
  const memo = new Map<string, MspVerdict>()
  return {
    id: setup.id,
    validate: (identity) => {
      const key = toHex(crypto.sha256(identity))
      const known = memo.get(key)
      if (known !== undefined) return known
      const verdict = judge(setup, identity)
      if (memo.size >= MEMO) memo.clear()
      memo.set(key, verdict)
      return verdict
    }
  }
}

function readSetup (crypto: Crypto, bytes: Uint8Array): Setup {
  const config = decodeExact(messages.fabricMspConfig, bytes)
  const family = config.cryptoConfig?.signatureHashFamily ?? ''
  if (family !== '' && family !== 'SHA2') throw new EvidenceError({ code: 'UNSUPPORTED_TYPE', message: 'an MSP of another hash family' })
  const ous = config.fabricNodeOus
  const issuerOf = createIssuers()
  const setup = {
    crypto,
    id: config.name,
    roots: config.rootCerts.map(parseCertificate),
    intermediates: config.intermediateCerts.map(parseCertificate),
    admins: config.admins.map(parseCertificate),
    revocations: config.revocationList.map(parseRevocationList),
    nodeOus: ous?.enable === true
      ? [
          ...nodeOu(issuerOf, 'client', ous.client), ...nodeOu(issuerOf, 'peer', ous.peer),
          ...nodeOu(issuerOf, 'admin', ous.admin), ...nodeOu(issuerOf, 'orderer', ous.orderer)
        ]
      : undefined,
    units: config.organizationalUnitIdentifiers.map((ou) => ({ unit: ou.unit, issuer: issuerOf(ou) }))
  }
  if (setup.roots.length === 0) throw new EvidenceError({ code: 'CERTIFICATE', message: `MSP ${setup.id} has no root certificate` })
  return setup
}

function nodeOu (issuerOf: IssuerOf, role: MspRole, ou: messages.OuIdentifier | undefined): NodeOu[] {
  return ou === undefined || ou.unit === '' ? [] : [{ role, unit: ou.unit, issuer: issuerOf(ou) }]
}

type IssuerOf = (ou: messages.OuIdentifier) => Uint8Array | undefined

/**
 * The CA that an OU is bound to. Fabric compares digests of whole paths; a CA has one path, so its certificate says the same. An MSP
 * names the same CA for each of its OUs, so that what was read is kept.
 */
function createIssuers (): IssuerOf {
  const known = new Map<string, Uint8Array>()
  return ({ certificate }) => {
    if (certificate.length === 0) return undefined
    const text = fromUtf8(certificate)
    const der = known.get(text) ?? pemToDer(certificate)
    known.set(text, der)
    return der
  }
}

function judge (setup: Setup, identity: Uint8Array): MspVerdict {
  try {
    const { mspId, pem } = parseSerializedIdentity(identity)
    if (mspId !== setup.id) return { ok: false, reason: 'MSP_UNKNOWN' }
    return judgeCertificate(setup, parseCertificate(pemToDer(pem)))
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    return { ok: false, reason: error.code === 'UNSUPPORTED_TYPE' ? 'IDENTITY_UNSUPPORTED' : 'IDENTITY_MALFORMED' }
  }
}

function judgeCertificate (setup: Setup, certificate: Certificate): MspVerdict {
  if (certificate.isCa) return { ok: false, reason: 'IDENTITY_CA' }
  const path = findPath(setup, certificate)
  const issuer = path?.[0]
  if (path === undefined || issuer === undefined) {
    return { ok: false, reason: namesKnownIssuer(setup, certificate) ? 'PATH' : 'ISSUER_UNKNOWN' }
  }
  const chain = [certificate, ...path]
  const revoked = path.some((ca, i) => isRevoked(setup.crypto, setup.revocations, chain[i] as Certificate, ca))
  if (revoked) return { ok: false, reason: 'REVOKED' }
  if (!hasUnit(setup, certificate, issuer)) return { ok: false, reason: 'ORGANIZATIONAL_UNIT' }
  const role = roleOf(setup, certificate, issuer)
  if (role === undefined) return { ok: false, reason: 'ORGANIZATIONAL_UNIT' }
  return { ok: true, mspId: setup.id, role, roles: rolesOf(setup, certificate, role), certificate }
}

function rolesOf (setup: Setup, certificate: Certificate, role: MspRole): MspRole[] {
  const listed: MspRole[] = setup.admins.some((admin) => equalBytes(admin.der, certificate.der)) ? ['admin'] : []
  return [...new Set<MspRole>(['member', role, ...listed])]
}

/** By name, and by key where both sides give one: a CA that was replaced under its old name is another. */
function namesKnownIssuer (setup: Setup, certificate: Certificate): boolean {
  return [...setup.roots, ...setup.intermediates].some((ca) =>
    equalBytes(certificate.issuerDer, ca.subjectDer) &&
    (certificate.aki === undefined || ca.ski === undefined || equalBytes(certificate.aki, ca.ski)))
}

/** The CAs from the identity's issuer to a root, or undefined. Only the MSP's own CAs are ever candidates. */
function findPath (setup: Setup, certificate: Certificate): Certificate[] | undefined {
  if (!mayBeUsed(certificate)) return undefined
  const path = extendPath(setup, [certificate], { checks: MOST_CHECKS })
  // As in Fabric: a CA that has intermediates below it issues no identities itself.
  return path === undefined || path[1] === undefined || isInternal(setup, path[1]) ? undefined : path.slice(1)
}

/** Signatures that are checked in search of one path, as Go has it: CAs that name each other make paths without end. */
const MOST_CHECKS = 100

function extendPath (setup: Setup, path: readonly Certificate[], left: { checks: number }): Certificate[] | undefined {
  const last = path.at(-1) as Certificate
  const intermediatesBelow = path.length - 1
  const fits = (ca: Certificate): boolean => equalBytes(last.issuerDer, ca.subjectDer) && left.checks-- > 0 &&
    mayIssue(setup, last, ca, intermediatesBelow, path[0] as Certificate)
  const root = setup.roots.find(fits)
  if (root !== undefined) return [...path, root]
  for (const ca of setup.intermediates) {
    if (!path.includes(ca) && fits(ca)) {
      const whole = extendPath(setup, [...path, ca], left)
      if (whole !== undefined) return whole
    }
  }
  return undefined
}

function mayIssue (setup: Setup, certificate: Certificate, ca: Certificate, intermediatesBelow: number, leaf: Certificate): boolean {
  return equalBytes(certificate.issuerDer, ca.subjectDer) &&
    (ca.pathLength === undefined || intermediatesBelow <= ca.pathLength) &&
    mayBeUsed(ca) &&
    // Fabric ignores expiry by judging every path at the moment the identity's certificate begins: the CA must exist by then.
    ca.notBefore <= laterBySecond(leaf.notBefore) && laterBySecond(leaf.notBefore) <= ca.notAfter &&
    isIssuedBy(setup.crypto, certificate, ca)
}

function laterBySecond (time: string): string {
  return new Date(Date.parse(time) + 1000).toISOString()
}

const ANY_USAGE = '551d2500'
const SERVER_AUTH = '2b06010505070301'

/** Go's default, which Fabric's MSP has: where extended key usages are given, they include serverAuth or any. */
function mayBeUsed (certificate: Certificate): boolean {
  const usages = certificate.extendedKeyUsage
  return certificate.unknownCritical.length === 0 &&
    (usages === undefined || usages.includes(ANY_USAGE) || usages.includes(SERVER_AUTH))
}

function isInternal (setup: Setup, ca: Certificate): boolean {
  return setup.intermediates.some((below) => below !== ca && isIssuedBy(setup.crypto, below, ca))
}

function hasUnit (setup: Setup, certificate: Certificate, issuer: Certificate): boolean {
  return setup.units.length === 0 || setup.units.some((ou) =>
    certificate.subject.organizationalUnits.includes(ou.unit) && (ou.issuer === undefined || equalBytes(ou.issuer, issuer.der)))
}

/** The one role that the certificate's OUs say, or undefined when they say none, several, or one of another CA. */
function roleOf (setup: Setup, certificate: Certificate, issuer: Certificate): MspRole | undefined {
  if (setup.nodeOus === undefined) return 'member'
  const said = certificate.subject.organizationalUnits.flatMap((unit) => setup.nodeOus?.filter((ou) => ou.unit === unit) ?? [])
  const [ou] = said
  if (ou === undefined || said.length > 1) return undefined
  return ou.issuer === undefined || equalBytes(ou.issuer, issuer.der) ? ou.role : undefined
}
