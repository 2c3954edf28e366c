import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from './config.js'
import { fromBase64url } from './core/bytes.js'
import { type CommitGroup, ed25519PublicKey, isGroupSigned, receiptKeyId } from './core/receipt.js'
import { openTrust } from './core/verify/trust-root.js'
import type { Signer } from './notary/context.js'
import { nodeCrypto } from './platform/node.js'
import { type ApiKeys, SCOPES, type Scope } from './store/api-keys.js'
import type { StoredGroup } from './store/deposits.js'
import { unlessDamaged } from './store/errors.js'
import { lastKept } from './store/kept-database.js'
import type { LogIdentity } from './store/meta.js'
import type { Store } from './store/store.js'

/**
 * What a first start makes: the receipt key, the log's identity, two API keys and the file that holds them. In this order, and each
 * step finds what an interrupted start left, so that nothing is made twice.
 */
export interface Beginnings {
  readonly signer: Signer
  readonly log: LogIdentity
  /** The tokens, when they were made now. */
  readonly credentials: Credentials | undefined
}

export interface Credentials { readonly admin: string, readonly demo: string }

/** Why a service cannot be started as it is configured. */
export class SetupError extends Error {
  readonly code: 'LOG_MISSING' | 'LOG_FOREIGN' | 'RECEIPT_KEY_MISSING' | 'RECEIPT_KEY_FOREIGN' | 'RECEIPT_KEY_UNUSABLE' | 'ADDRESS_UNUSABLE'

  constructor (code: SetupError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'SetupError'
    this.code = code
  }
}

export async function begin (config: Config, store: Store, now: number): Promise<Beginnings> {
  const existing = await store.meta.log()
  if (existing === undefined) await requireUnused(config, store)
  const signer = signerOf(await receiptKey(config.receiptKeyFile, existing === undefined))
  const isConfirmed = await requireOwnReceipts(config, store, signer, existing)
  const log = existing ?? await newLog(config, store, now)
  if (isConfirmed) await store.meta.protectLog()
  return { signer, log, credentials: await credentials(join(config.data, 'credentials.json'), store.keys) }
}

async function newLog ({ logName, skewMs, deadlineMs }: Config, store: Store, now: number): Promise<LogIdentity> {
  const log: LogIdentity = {
    origin: `${logName}/${randomBytes(8).toString('hex')}`, skewMs, deadlineMs, createdAt: new Date(now).toISOString()
  }
  await store.meta.createLog(log)
  return log
}

/** A folder in which a log has been is not begun anew: it would give numbers that other deposits have, and hide what is lost. */
async function requireUnused ({ data }: Config, store: Store): Promise<void> {
  const traces = [
    ...(await store.deposits.nextSequence() > 0 ? ['records'] : []),
    ...(await store.content.isEmpty() ? [] : ['content files']),
    ...((store.highWater.atStart ?? 0) === 0 ? [] : [`the mark of ${store.highWater.atStart} deposits that were acknowledged (high-water)`]),
    ...(await readIfPresent(join(data, 'wallet', 'service.json')) === undefined ? [] : ['the identity of a log\'s service (wallet)'])
  ]
  const kept = await lastKept(join(data, 'db'))
  if (kept !== undefined) {
    throw new SetupError('LOG_MISSING', `${data} has the database that a repair put aside (${kept}), and the one in its place knows no log: move ${join(data, 'db')} away, then \`steelyard rebuild-index --repair --data ${data}\`, which takes that up again; or restore a backup`)
  }
  if (traces.length === 0) return
  throw new SetupError('LOG_MISSING', `${data} has ${traces.join(' and ')}, and its database knows no log: restore a backup (records: see \`steelyard rebuild-index\`); a new log needs a new folder`)
}

/**
 * Receipts by a key that the log does not have, or of another log, would hold before nobody, and what they are about would never become final. A
 * commit group that is damaged says nothing of that; it closes the intake. Whether the last receipts confirm the identity of the log.
 */
async function requireOwnReceipts (config: Config, store: Store, { keyId, spki }: Signer, log: LogIdentity | undefined): Promise<boolean> {
  const { data, receiptKeyFile } = config
  const last = await store.deposits.nextSequence() - 1
  if (last < 0) return true
  const group = await unlessDamaged(store.deposits.groupOf(last))
  if (group === undefined) return false
  const { statement, signature } = group
  const isOurs = isGroupSigned(nodeCrypto, { ...statement, keyId }, signature, spki)
  const bundle = await store.meta.bundleFile()
  const isKnown = isOurs || isSignedBy(registeredKey(bundle, statement.keyId), group)
  if (isKnown && log !== undefined && !isPromised(log, statement)) {
    throw new SetupError('LOG_FOREIGN', `${data} says that it is of the log ${log.origin} with a deadline of ${log.deadlineMs} ms, and its last receipts say otherwise (${statement.log}, ${statement.signedAt} to ${statement.deadline}): restore a backup, or see \`steelyard fsck\``)
  }
  if (isOurs || statement.keyId === keyId || registeredKey(bundle, keyId) !== undefined) return isKnown // one that the ledger has registered as well
  throw new SetupError('RECEIPT_KEY_FOREIGN', `${receiptKeyFile} holds the key ${keyId}, the receipts of this log are by ${statement.keyId}: put that one back`)
}

function isSignedBy (spki: Uint8Array | undefined, { statement, signature }: StoredGroup): boolean {
  return spki !== undefined && isGroupSigned(nodeCrypto, statement, signature, spki)
}

function isPromised ({ origin, deadlineMs }: LogIdentity, { log, signedAt, deadline }: CommitGroup): boolean {
  return log === origin && Date.parse(deadline) - Date.parse(signedAt) === deadlineMs
}

/** The SPKI of a key that a trust bundle's register of receipt keys has; the bundle is the service's own. */
export function registeredKey (bundle: Uint8Array | undefined, keyId: string): Uint8Array | undefined {
  if (bundle === undefined) return undefined
  const spki = openTrust(nodeCrypto, { bundleSource: 'operator', trustAsGiven: true, bundle }).root?.keys.get(keyId)?.spki
  return spki === undefined ? undefined : fromBase64url(spki)
}

/** A log's key is never replaced silently: its receipts would no longer be those of the key on the ledger. */
async function receiptKey (path: string, mayCreate: boolean): Promise<KeyObject> {
  const pem = await readIfPresent(path)
  if (pem !== undefined) return parseKey(path, pem)
  if (!mayCreate) throw new SetupError('RECEIPT_KEY_MISSING', `the receipt key of this log is not at ${path}`)
  const { privateKey } = generateKeyPairSync('ed25519')
  await writePrivate(path, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString())
  return privateKey
}

function parseKey (path: string, pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem)
    if (key.asymmetricKeyType === 'ed25519') return key
  } catch (cause) {
    throw new SetupError('RECEIPT_KEY_UNUSABLE', `${path} does not hold a private key`, { cause })
  }
  throw new SetupError('RECEIPT_KEY_UNUSABLE', `${path} does not hold an Ed25519 key`)
}

function signerOf (key: KeyObject): Signer {
  const spki = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }))
  const publicKey = ed25519PublicKey(spki)
  if (publicKey === undefined) throw new SetupError('RECEIPT_KEY_UNUSABLE', 'the receipt key has an unknown form')
  return { keyId: receiptKeyId(nodeCrypto, spki), spki, publicKey, sign: (message) => sign(null, message, key) }
}

/** The file comes first: a token that is in the file and not in the database is registered at the next start. */
async function credentials (path: string, keys: ApiKeys): Promise<Credentials | undefined> {
  if (keys.size > 1) return undefined
  const written = await readIfPresent(path)
  const tokens = written === undefined ? { admin: keys.newToken(), demo: keys.newToken() } : JSON.parse(written) as Credentials
  if (written === undefined) await writePrivate(path, `${JSON.stringify(tokens)}\n`)
  const register = async (name: keyof Credentials, scopes: readonly Scope[]): Promise<void> => {
    if (keys.authenticate(tokens[name]) === undefined) {
      await keys.register(tokens[name], { organization: randomBytes(8).toString('hex'), label: name, scopes })
    }
  }
  await register('admin', SCOPES)
  await register('demo', ['deposit', 'read'])
  return tokens
}

async function readIfPresent (path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Whole or not at all, for its owner only, and on disk. */
async function writePrivate (path: string, text: string): Promise<void> {
  const folder = dirname(path)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await chmod(temporary, 0o600)
  await rename(temporary, path)
  const parent = await open(folder, 'r')
  await parent.sync().finally(() => parent.close())
}
