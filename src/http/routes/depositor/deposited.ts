import type { Deposited } from '../../../notary/intake.js'
import { digestsText } from '../../../notary/record-text.js'

/** The answer to a deposit. */
export function depositedText (deposited: Deposited): string {
  return `{${depositedMembers(deposited).join('')}}`
}

/** Its members, in pieces of ASCII. Every value is one of ours and needs no escape; the receipt is its own JCS. */
export function depositedMembers ({ number, sequence, receivedAt, digests, receipt, secret }: Deposited): string[] {
  return [
    `"number":"${number}","sequence":"${sequence}","state":"received","receivedAt":"${receivedAt}","digests":${digestsText(digests)},"receipt":`,
    ...receipt,
    `,"secret":"${secret}"`
  ]
}
