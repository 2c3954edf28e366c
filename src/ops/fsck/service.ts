import { parseTrustBundle } from '../../core/trust-bundle.js'
import { textKey } from '../../store/keys.js'
import type { LogIdentity } from '../../store/meta.js'
import type { View } from '../../store/maintenance.js'
import { parseJson, readable } from '../stored.js'
import type { Check } from './check.js'

/** Prefixes of keys.ts, and how many bytes of numbers follow them; undefined: text. */
const SHAPES: Readonly<Record<string, readonly number[] | undefined>> = {
  r: [8], s: [8], m: [8], g: [8], e: [8], h: [8], f: [8], t: [16], u: [8], l: [16], a: [8], c: [8], b: [8], n: undefined, o: undefined, i: undefined,
  w: undefined, k: undefined, x: undefined
}
const SCHEMA = 'steelyard-store/1'

export async function readLogIdentity (view: View): Promise<LogIdentity | undefined> {
  const found = parseJson<Partial<LogIdentity>>(await view.get(textKey('x', 'log')))
  const isWhole = typeof found?.origin === 'string' && Number.isSafeInteger(found.skewMs) && Number.isSafeInteger(found.deadlineMs)
  return isWhole ? found as LogIdentity : undefined
}

/** The stored trust bundle, if it can be read. */
export async function readBundle (view: View): Promise<Uint8Array | undefined> {
  const bytes = await view.get(textKey('x', 'bundle-file'))
  return bytes === undefined || readable(() => parseTrustBundle(bytes)) === undefined ? undefined : bytes
}

/** What the service keeps for itself: schema, log identity, trust bundle, API keys. And nothing that it does not know. */
export async function checkService (check: Check): Promise<void> {
  const { view, findings } = check
  const differs = (object: string, says: string, position: number): void => {
    findings.differs({ layer: 'service', object, code: 'SERVICE_DIFFERS', says }, position)
  }
  if ((await view.get(textKey('x', 'schema')))?.toString() !== SCHEMA) differs('schema', 'it is missing, or another one', 0)
  if (await readLogIdentity(view) === undefined) differs('log identity', 'it is missing or cannot be read', 1)
  if (await view.get(textKey('x', 'bundle-file')) !== undefined && await readBundle(view) === undefined) differs('trust bundle', 'it cannot be read', 2)
  if (await view.get(textKey('x', 'bundle')) !== undefined && parseJson(await view.get(textKey('x', 'bundle'))) === undefined) {
    differs('trust bundle state', 'it cannot be read', 3)
  }
  for await (const [key, value] of view.entries('k')) {
    const stored = parseJson<{ id?: string, hash?: string, scopes?: unknown }>(value)
    findings.count('API keys')
    const isWhole = stored?.id === key.toString('latin1', 1) && typeof stored.hash === 'string' && Array.isArray(stored.scopes)
    if (!isWhole) differs(`API key ${key.toString('latin1', 1)}`, 'it cannot be read', 4)
  }
}

/** Entries under keys that no version writes: a damaged key is an entry lost and one too many. */
export async function checkKeys ({ view, findings }: Check): Promise<void> {
  let position = 0
  for await (const key of view.keys()) {
    const prefix = String.fromCharCode(key[0] ?? 0)
    const lengths = SHAPES[prefix]
    position++
    if (prefix in SHAPES && (lengths === undefined || lengths.includes(key.length - 1))) continue
    findings.differs({ layer: 'database', object: `entry ${key.toString('hex')}`, code: 'KEY_UNKNOWN', says: 'no version of this program writes such a key' }, position)
  }
  findings.count('entries', position)
}
