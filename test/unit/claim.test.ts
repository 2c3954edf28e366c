import { Wallet } from 'ethers'
import fc from 'fast-check'
import t from 'tap'
import { fromHex, toBase64url, utf8 } from '../../src/core/bytes.js'
import { checkClaim, claimMembers, claimText } from '../../src/core/claim.js'
import { record, type EvidenceRecord } from '../../src/core/record.js'
import { createBrowserCrypto } from '../../src/platform/browser.js'
import { nodeCrypto } from '../../src/platform/node.js'

const SHA256 = 'ab'.repeat(32)
const wallet = new Wallet(`0x${'11'.repeat(32)}`)

/** A record with a claim, through the strict parser. */
function claimed (members: Partial<EvidenceRecord>): EvidenceRecord {
  return record({
    type: 'steelyard/record/v1',
    hash: 'sha256',
    number: '0'.repeat(20),
    log: 'test/0123456789abcdef',
    sequence: '0',
    receivedAt: '2026-11-24T00:00:00.000Z',
    submitter: { organization: 'o', keyId: 'k', sequence: '0' },
    content: { digests: { sha256: SHA256 } },
    digestedBy: 'submitter',
    salt: toBase64url(new Uint8Array(16)),
    ...members
  }, 'record')
}

async function signed (claim: string): Promise<Parameters<typeof claimMembers>[0]> {
  const value = toBase64url(fromHex((await wallet.signMessage(claim)).slice(2)))
  return { claim, keyId: wallet.address.toLowerCase(), value }
}

t.test('a claim that a wallet of ethers signed verifies, and says nothing else', async (t) => {
  const own = await signed(claimText(SHA256))
  t.equal(checkClaim(nodeCrypto, claimed(claimMembers(own))), 'ok')
  const longer = await signed(`I took these photos on 1 May.\n${claimText(SHA256)}`)
  t.equal(checkClaim(nodeCrypto, claimed(claimMembers(longer))), 'ok')
  t.equal(checkClaim(nodeCrypto, claimed(claimMembers(await signed(claimText('cd'.repeat(32)))))), 'other-content')
  t.equal(checkClaim(nodeCrypto, claimed(claimMembers(await signed(`about sha256: ${SHA256}`)))), 'other-content')
  t.equal(checkClaim(nodeCrypto, claimed(claimMembers({ ...own, keyId: `0x${'22'.repeat(20)}` }))), 'signature-invalid')
  t.equal(checkClaim(nodeCrypto, claimed(claimMembers({ ...own, claim: `${own.claim} ` }))), 'signature-invalid')
  const { claim, signature } = claimMembers(own)
  t.equal(checkClaim(nodeCrypto, claimed({ claim, signature: { ...signature, scheme: 'eip712' } })), 'scheme-unknown')
  t.equal(checkClaim(nodeCrypto, claimed({ signature })), 'malformed')
  t.equal(checkClaim(nodeCrypto, claimed({ claim, signature: { ...signature, path: [SHA256] } })), 'malformed')
})

t.test('both platforms recover what ethers signs, and nothing from a changed signature', async (t) => {
  const browser = await createBrowserCrypto()
  await fc.assert(fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.integer({ min: 1, max: 64 * 8 - 1 }), async (text, bit) => {
    if (!text.isWellFormed()) return
    const signature = fromHex((await wallet.signMessage(text)).slice(2))
    const message = utf8(text)
    t.equal(nodeCrypto.recoverAddress(message, signature), wallet.address.toLowerCase())
    t.equal(browser.recoverAddress(message, signature), wallet.address.toLowerCase())
    const changed = signature.slice()
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    t.not(nodeCrypto.recoverAddress(message, changed), wallet.address.toLowerCase())
  }), { numRuns: 25 })
  t.equal(nodeCrypto.recoverAddress(utf8('x'), new Uint8Array(65)), undefined)
  t.equal(nodeCrypto.recoverAddress(utf8('x'), new Uint8Array(64)), undefined)
})

t.test('the twin signature with a high s recovers nobody', async (t) => {
  const message = utf8('x')
  const signature = fromHex((await wallet.signMessage('x')).slice(2))
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const s = BigInt(`0x${Buffer.from(signature.subarray(32, 64)).toString('hex')}`)
  const twin = signature.slice()
  twin.set(fromHex((order - s).toString(16).padStart(64, '0')), 32)
  twin[64] = (twin[64] ?? 0) === 27 ? 28 : 27
  t.equal(nodeCrypto.recoverAddress(message, twin), undefined)
})
