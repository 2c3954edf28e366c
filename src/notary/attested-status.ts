import { attestedStatusBytes } from '../core/verify/status.js'
import { LedgerError } from '../ledger/errors.js'
import type { Ledger } from '../ledger/ledger.js'

/** How long an answer serves everybody: each costs the ledger's organizations an endorsement, and anybody may ask. */
export const STATUS_AGE_MS = 10_000

/** The file of the newest attested status, asked for once in a while; one question at a time, and a failure is not kept. */
export function createAttestedStatus (clock: () => number, ledger: () => Ledger | undefined): () => Promise<Uint8Array> {
  let asked: Promise<Uint8Array> | undefined
  let askedAt = 0

  const ask = async (): Promise<Uint8Array> => {
    const connected = ledger()
    if (connected === undefined) throw new LedgerError({ code: 'UNAVAILABLE', message: 'the ledger is not connected' })
    const { attestation, identities } = await connected.attestStatus()
    return attestedStatusBytes({ type: 'steelyard/attested-status/v1', attestation, identities })
  }

  return async () => {
    const now = clock()
    if (asked === undefined || Math.abs(now - askedAt) >= STATUS_AGE_MS) {
      askedAt = now
      const mine = asked = ask()
      mine.catch(() => { if (asked === mine) asked = undefined })
    }
    return await asked
  }
}
