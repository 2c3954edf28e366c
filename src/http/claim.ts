import { Check } from 'typebox/value'
import type { Static } from 'typebox'
import { fromHex, toBase64url } from '../core/bytes.js'
import type { SignedClaim } from '../core/claim.js'
import { HttpError } from './problems.js'
import { Claim } from './schemas.js'

/** A claim of a request, as core has it; addresses are compared in lower case. */
export function signedClaim (claim: Static<typeof Claim> | undefined): SignedClaim | undefined {
  return claim === undefined
    ? undefined
    : { claim: claim.text, keyId: claim.address.toLowerCase(), value: toBase64url(fromHex(claim.signature.slice(2))) }
}

/** The claim of a form's JSON field. */
export function claimField (value: Record<string, unknown>): SignedClaim | undefined {
  if (!Check(Claim, value)) throw new HttpError('FIELD_INVALID', 'claim must have text, address and signature')
  return signedClaim(value)
}
