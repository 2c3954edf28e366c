import { type KeyObject, randomBytes, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type FabricCAServices from 'fabric-ca-client'
import type { User } from 'fabric-common'
import { LedgerError } from '../errors.js'
import type { LedgerProfile } from '../profile.js'
import { certificateRequest, newKey } from './csr.js'
import { ecdsaSigner } from './signer.js'
import type { StoredIdentity, Wallet } from './wallet.js'

/** The attribute that the chaincode asks for; `ecert` puts it into every enrolment certificate. */
const ATTRIBUTE = { name: 'steelyard.anchor', value: 'true', ecert: true }
const REQUEST = [{ name: ATTRIBUTE.name, optional: false }]
/** Re-enrolled when less than this share of a certificate's life is left. */
const RENEW_AT = 1 / 3

export interface EnrolmentOptions {
  readonly profile: LedgerProfile
  readonly wallet: Wallet
  /** Name of the service's identity in the wallet, and the start of its enrolment id. */
  readonly label: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * The service's identity: from the wallet, or registered and enrolled at the organization's CA and put there. One that nears its
 * expiry is re-enrolled with a fresh key, as soon as the CA does it; one that is past it is registered anew, since a CA accepts no
 * expired certificate.
 */
export async function ensureIdentity (options: EnrolmentOptions): Promise<{ identity: StoredIdentity, changed: boolean }> {
  const held = await options.wallet.get(options.label)
  if (held !== undefined && held.mspId !== options.profile.mspId) {
    throw new LedgerError({ code: 'CONFIGURATION', message: `the wallet holds an identity of ${held.mspId}, not of ${options.profile.mspId}` })
  }
  if (held !== undefined && !isDue(held, options.now)) return { identity: held, changed: false }
  const identity = held === undefined || isExpired(held, options.now)
    ? await enrolNew(options)
    : await reenrol(options, held).catch(() => held) // it still serves, and the next look tries again
  if (identity === held) return { identity, changed: false }
  await options.wallet.put(options.label, identity)
  return { identity, changed: true }
}

function validity (identity: StoredIdentity): { from: number, until: number } {
  const certificate = new X509Certificate(identity.certificatePem)
  return { from: Date.parse(certificate.validFrom), until: Date.parse(certificate.validTo) }
}

function isDue (identity: StoredIdentity, now: number): boolean {
  const { from, until } = validity(identity)
  return until - now < (until - from) * RENEW_AT
}

function isExpired (identity: StoredIdentity, now: number): boolean {
  return validity(identity).until <= now
}

async function enrolNew (options: EnrolmentOptions): Promise<StoredIdentity> {
  return await asConfiguration('the service identity cannot be enrolled', async () => {
    const { profile, wallet, label } = options
    const ca = await connect(profile)
    const registrarLabel = `registrar-${profile.registrar.id}`
    let registrar = await wallet.get(registrarLabel)
    if (registrar === undefined || isExpired(registrar, options.now)) {
      const secret = (await readFile(profile.registrar.secretFile, 'utf8')).trim()
      registrar = await ca.enrol(profile.registrar.id, secret, [])
      await wallet.put(registrarLabel, registrar)
    }
    // A name of its own for each registration: the wallet may be lost, and a registered name cannot be registered again.
    const id = `${label}-${randomBytes(4).toString('hex')}`
    const secret = await ca.services.register({
      enrollmentID: id, enrollmentSecret: '', role: 'client', affiliation: '', maxEnrollments: 1, attrs: [ATTRIBUTE]
    }, userOf(registrar))
    return await ca.enrol(id, secret, REQUEST)
  })
}

async function reenrol ({ profile }: EnrolmentOptions, held: StoredIdentity): Promise<StoredIdentity> {
  const { services, lastKey } = await connect(profile)
  const { certificate } = await services.reenroll(userOf(held), REQUEST)
  return { mspId: profile.mspId, certificatePem: certificate, privateKeyPem: pemOf(lastKey()) }
}

interface Connected {
  readonly services: FabricCAServices
  /** The key of the last request. */
  readonly lastKey: () => KeyObject
  readonly enrol: (id: string, secret: string, attributes: typeof REQUEST) => Promise<StoredIdentity>
}

/** fabric-ca-client, loaded on use, with keys and requests made by node:crypto through a crypto suite of our own. */
async function connect (profile: LedgerProfile): Promise<Connected> {
  await import('../fabric/quiet.js')
  const { default: Services } = await import('fabric-ca-client')
  let key: KeyObject | undefined
  const suite = {
    _cryptoKeyStore: true, // or the library asks for an ephemeral key of its own kind
    hash: (message: string) => message, // signers here hash themselves
    generateKey: () => {
      const made = newKey()
      key = made
      // The subject is `CN=id`, or the library's reading of the certificate at hand; a CA takes the name it knows.
      const generateCSR = (subject: string): string => certificateRequest(/CN=([^/,+]+)/.exec(subject)?.[1] ?? 'service', made)
      return Promise.resolve({ generateCSR })
    }
  }
  const { ca } = profile
  const trustedRoots = ca.tlsRootsPem === '' ? [] : [ca.tlsRootsPem]
  const services = new Services(ca.url, { trustedRoots: trustedRoots as never, verify: true }, ca.name, suite as never)
  const lastKey = (): KeyObject => {
    if (key === undefined) throw new Error('no request was made')
    return key
  }
  return {
    services,
    lastKey,
    async enrol (id, secret, attributes) {
      const { certificate } = await services.enroll({ enrollmentID: id, enrollmentSecret: secret, attr_reqs: attributes })
      return { mspId: profile.mspId, certificatePem: certificate, privateKeyPem: pemOf(lastKey()) }
    }
  }
}

function pemOf (key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString()
}

/** What fabric-ca-client asks of a user, including that its class is called so. */
function userOf ({ certificatePem, privateKeyPem }: StoredIdentity): User {
  const sign = ecdsaSigner(privateKeyPem)
  const signing = { _certificate: certificatePem, sign: (message: string) => sign(Buffer.from(message)) }
  class User {
    getSigningIdentity (): typeof signing { return signing }
    getIdentity (): typeof signing { return signing }
  }
  return new User() as never
}

async function asConfiguration<T> (what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    const unreachable = /ECONNREFUSED|ECONNRESET|ETIMEDOUT|socket hang up|connection timeout/i.test(text)
    throw new LedgerError({ code: unreachable ? 'UNAVAILABLE' : 'CONFIGURATION', message: `${what}: ${text}`, cause })
  }
}
