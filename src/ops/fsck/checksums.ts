import { checksumKey, hasChecksum } from '../../store/checksums.js'
import { readNumber } from '../../store/keys.js'
import type { Check } from './check.js'

/** By the prefix of its key: what has a checksum. */
const OBJECTS: Readonly<Record<string, (number: number) => string>> = {
  a: (number) => `place of batch ${number} on the ledger`,
  b: (number) => `block ${number}`,
  c: (number) => `read-back of batch ${number}`
}

/**
 * Every checksum against what it is of. The service shows nothing whose checksum is another one, be it the value that changed or the checksum;
 * where the verifier has named the value already, that says more.
 */
export async function checkChecksums ({ view, findings }: Pick<Check, 'view' | 'findings'>): Promise<void> {
  for await (const [sumKey, sum] of view.entries('y')) {
    const key = sumKey.subarray(checksumKey(Buffer.alloc(0)).length)
    const object = OBJECTS[key.toString('latin1', 0, 1)]
    if (object === undefined || key.length !== 9) continue // an unknown key, which is named as that
    findings.count('checksums')
    const number = readNumber(key, 1)
    const value = await view.get(key)
    if (value !== undefined && hasChecksum(value, sum)) continue
    if (findings.isNamed(`attestations of batch ${number}`) || findings.isNamed(`block ${number} of the trust bundle`)) continue
    const says = value === undefined ? 'it is gone, and its checksum is there' : 'it is not what its checksum is of'
    findings.differs({ layer: 'attestation', object: object(number), code: 'CHECKSUM_DIFFERS', says }, number)
  }
}
