import { checksumKey, hasChecksum } from '../../store/checksums.js'
import { NUMBER_BYTES, readNumber } from '../../store/keys.js'
import type { Check } from './check.js'

/** By the prefix of its key: what has a checksum. */
const ATTESTED: Readonly<Record<string, (number: number) => string>> = {
  a: (number) => `place of batch ${number} on the ledger`,
  b: (number) => `block ${number}`,
  c: (number) => `read-back of batch ${number}`
}
const OWN: Readonly<Record<string, (id: string) => string>> = {
  k: (id) => `API key ${id}`,
  o: (id) => `organization ${id}`,
  p: (id) => `upload ${id}`,
  x: (id) => id === 'log' ? 'log identity' : 'trust bundle state'
}

/**
 * Every checksum against what it is of. The service shows nothing whose checksum is another one, be it the value that changed or the checksum;
 * where another check has named the value already, that says more.
 */
export async function checkChecksums ({ view, findings }: Pick<Check, 'view' | 'findings'>): Promise<void> {
  for await (const [sumKey, sum] of view.entries('y')) {
    const key = sumKey.subarray(checksumKey(Buffer.alloc(0)).length)
    const object = objectOf(key)
    if (object === undefined) continue // an unknown key, which is named as that
    findings.count('checksums')
    const value = await view.get(key)
    if ((value !== undefined && hasChecksum(value, sum)) || [object.name, ...object.alsoNamed].some((name) => findings.isNamed(name))) continue
    const says = value === undefined ? 'it is gone, and its checksum is there' : 'it is not what its checksum is of'
    findings.differs({ layer: object.layer, object: object.name, code: 'CHECKSUM_DIFFERS', says }, object.position)
  }
}

interface Summed { readonly layer: 'attestation' | 'service', readonly name: string, readonly alsoNamed: readonly string[], readonly position: number }

/** What a key is of that has a checksum. */
function objectOf (key: Buffer): Summed | undefined {
  const prefix = key.toString('latin1', 0, 1)
  const own = OWN[prefix]
  if (own !== undefined) return { layer: 'service', name: own(key.toString('latin1', 1)), alsoNamed: [], position: 0 }
  const attested = ATTESTED[prefix]
  if (attested === undefined || key.length !== 1 + NUMBER_BYTES) return undefined
  const number = readNumber(key, 1)
  return {
    layer: 'attestation',
    name: attested(number),
    alsoNamed: [`attestations of batch ${number}`, `block ${number} of the trust bundle`],
    position: number
  }
}
