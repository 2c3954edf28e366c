import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, Buffer, number, Buffer>(scrypt)
const keyLength = 32

/** A secret for an identity whose registrar gave none. */
export function randomSecret (): string {
  return randomBytes(12).toString('base64url')
}

export async function hashSecret (secret: string): Promise<string> {
  const salt = randomBytes(16)
  return `${salt.toString('hex')}:${(await derive(secret, salt, keyLength)).toString('hex')}`
}

export async function secretMatches (secret: string, stored: string): Promise<boolean> {
  const [salt = '', hash = ''] = stored.split(':')
  const expected = Buffer.from(hash, 'hex')
  const actual = await derive(secret, Buffer.from(salt, 'hex'), keyLength)
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

/** Compares two plain secrets in constant time. */
export function sameSecret (a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
