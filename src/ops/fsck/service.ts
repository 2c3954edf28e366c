import { parseTrustBundle } from '../../core/trust-bundle.js'
import type { StoredBlock } from '../../store/anchors.js'
import { storedKey } from '../../store/api-keys.js'
import { numberKey, textKey } from '../../store/keys.js'
import { type BundleState, bundleState, type LogIdentity, logIdentity } from '../../store/meta.js'
import type { View } from '../../store/maintenance.js'
import { parseJson, readable, soundValue } from '../stored.js'
import type { Check } from './check.js'

/** Prefixes of keys.ts by what follows them: one number, two, or text. */
const ONE_NUMBER = 'rsmgedhfuacb'
const TWO_NUMBERS = 'tvl'
const TEXT = 'noiwpkx'
/** Checksums, and what has one. */
const CHECKSUM = 'y'
const SUMMED = 'abckopx'
const SCHEMA = 'steelyard-store/1'

export async function readLogIdentity (view: View): Promise<LogIdentity | undefined> {
  const found = await soundValue(view, textKey('x', 'log'))
  return Buffer.isBuffer(found) ? readable(() => logIdentity(parseJson(found), 'log')) : undefined
}

export function readBundleState (stored: Uint8Array): BundleState | undefined {
  return readable(() => bundleState(parseJson(stored), 'state'))
}

/** The stored trust bundle, if it can be read. */
export async function readBundle (view: View): Promise<Uint8Array | undefined> {
  const bytes = await view.get(textKey('x', 'bundle-file'))
  return bytes === undefined || readable(() => parseTrustBundle(bytes)) === undefined ? undefined : bytes
}

/** Blocks of the trust bundle's history, as they should be, and whether the service keeps them so. */
export async function bundleBlocks (view: View): Promise<{ readonly block: StoredBlock, readonly isSame: boolean }[]> {
  const bundle = await readBundle(view)
  if (bundle === undefined) return []
  const { genesis, configs, definitions } = parseTrustBundle(bundle).history
  const kept = async (number: string): Promise<Partial<StoredBlock>> => parseJson<StoredBlock | null>(await view.get(numberKey('b', Number(number)))) ?? {}
  // Of block 0 nothing counts but its data.
  const { previousHash = '', signatures = '' } = await kept('0')
  const blocks = [{ ...genesis, previousHash, signatures }, ...configs, ...definitions.map((definition) => definition.block)]
  return await Promise.all(blocks.map(async (block) => ({ block, isSame: isSameBlock(await kept(block.number), block) })))
}

function isSameBlock (a: Partial<StoredBlock>, b: StoredBlock): boolean {
  return a.number === b.number && a.previousHash === b.previousHash && String(a.data) === String(b.data) && a.signatures === b.signatures
}

/** What the service keeps for itself: schema, log identity, trust bundle, API keys. And nothing that it does not know. */
export async function checkService (check: Check): Promise<void> {
  const { view, findings } = check
  const differs = (object: string, says: string, position: number): void => {
    findings.differs({ layer: 'service', object, code: 'SERVICE_DIFFERS', says }, position)
  }
  if ((await view.get(textKey('x', 'schema')))?.toString() !== SCHEMA) differs('schema', 'it is missing, or another one', 0)
  if (await readLogIdentity(view) === undefined) differs('log identity', 'it is missing or cannot be read', 1)
  const [bundle, state] = await Promise.all([view.get(textKey('x', 'bundle-file')), view.get(textKey('x', 'bundle'))])
  if (bundle !== undefined && await readBundle(view) === undefined) differs('trust bundle', 'it cannot be read', 2)
  if (state !== undefined && readBundleState(state) === undefined) differs('trust bundle state', 'it cannot be read', 3)
  for (const { block: { number }, isSame } of await bundleBlocks(view)) {
    if (!isSame) differs(`block ${number} of the trust bundle`, 'it is missing, or one of the two has changed', 5 + Number(number))
  }
  await checkApiKeys(check, differs)
}

async function checkApiKeys ({ view, findings }: Check, differs: (object: string, says: string, position: number) => void): Promise<void> {
  for await (const [key, value] of view.entries('k')) {
    const found = readable(() => storedKey(parseJson(value), 'API key'))
    findings.count('API keys')
    if (found?.id !== key.toString('latin1', 1)) differs(`API key ${key.toString('latin1', 1)}`, 'it cannot be read', 4)
  }
}

/** Entries under keys that no version writes: a damaged key is an entry lost and one too many. */
export async function checkKeys ({ view, findings }: Check): Promise<void> {
  let position = 0
  for await (const key of view.keys()) {
    position++
    if (isKnown(key)) continue
    findings.differs({ layer: 'database', object: `entry ${key.toString('hex')}`, code: 'KEY_UNKNOWN', says: 'no version of this program writes such a key' }, position)
  }
  findings.count('entries', position)
}

function isKnown (key: Buffer): boolean {
  const prefix = String.fromCharCode(key[0] ?? 0)
  if (prefix === CHECKSUM) return SUMMED.includes(String.fromCharCode(key[1] ?? 0)) && isKnown(key.subarray(1))
  return TEXT.includes(prefix) || (ONE_NUMBER.includes(prefix) && key.length === 9) || (TWO_NUMBERS.includes(prefix) && key.length === 17)
}
