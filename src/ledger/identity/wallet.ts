import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { LedgerError } from '../errors.js'

/** An identity as the wallet holds it. */
export interface StoredIdentity {
  readonly mspId: string
  readonly certificatePem: string
  readonly privateKeyPem: string
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** A folder (0700) of identities, one JSON file (0600) each: key and certificate are replaced together or not at all. */
export interface Wallet {
  get (label: string): Promise<StoredIdentity | undefined>
  put (label: string, identity: StoredIdentity): Promise<void>
}

export function createWallet (folder: string): Wallet {
  const fileOf = (label: string): string => join(folder, `${label}.json`)
  return {
    async get (label) {
      let text: string
      try {
        text = await readFile(fileOf(label), 'utf8')
      } catch (cause) {
        if (isMissing(cause)) return undefined
        throw cause
      }
      return parse(text, fileOf(label))
    },
    async put (label, identity) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const draft = `${fileOf(label)}.${randomBytes(4).toString('hex')}`
      const file = await open(draft, 'wx', 0o600)
      try {
        await file.writeFile(JSON.stringify(identity))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(draft, fileOf(label))
    }
  }
}

function parse (text: string, file: string): StoredIdentity {
  const unreadable = (cause?: unknown): LedgerError =>
    new LedgerError({ code: 'CONFIGURATION', message: `the identity in ${file} cannot be read`, cause })
  try {
    const { mspId, certificatePem, privateKeyPem } = JSON.parse(text) as Record<string, unknown>
    if (typeof mspId === 'string' && typeof certificatePem === 'string' && typeof privateKeyPem === 'string') {
      return { mspId, certificatePem, privateKeyPem }
    }
  } catch (cause) {
    throw unreadable(cause)
  }
  throw unreadable()
}
