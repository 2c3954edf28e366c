import { generateKeyPairSync, sign } from 'node:crypto'
import t from 'tap'
import { concat, fromHex, toHex, utf8 } from '../../src/core/bytes.js'
import { createBrowserCrypto } from '../../src/platform/browser.js'
import { nodeCrypto } from '../../src/platform/node.js'

for (const [name, crypto] of [['node', nodeCrypto], ['browser', await createBrowserCrypto()]] as const) {
  void t.test(`${name}: digests`, async (t) => {
    // FIPS 180-4 and GB/T 32905-2016, appendix A, example 1.
    t.equal(toHex(crypto.sha256(utf8('abc'))), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    t.equal(toHex(crypto.sm3(utf8('abc'))), '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0')
  })

  void t.test(`${name}: Ed25519 vectors of RFC 8032 section 7.1`, async (t) => {
    for (const [key, message, signature] of [
      [
        'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', '',
        'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'
      ],
      [
        '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', '72',
        '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'
      ]
    ] as const) {
      t.ok(crypto.verifyEd25519(fromHex(key), fromHex(message), fromHex(signature)))
      t.notOk(crypto.verifyEd25519(fromHex(key), utf8('other'), fromHex(signature)))
    }
  })

  void t.test(`${name}: Ed25519 is strict`, async (t) => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const key = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })).subarray(-32)
    const message = utf8('message')
    const signature = new Uint8Array(sign(null, message, privateKey))
    t.ok(crypto.verifyEd25519(key, message, signature))
    // S + L is the same number modulo the group's order: a second signature for the same message.
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const s = BigInt(`0x${toHex(signature.slice(32).reverse())}`) + order
    const twin = concat(signature.subarray(0, 32), fromHex(s.toString(16).padStart(64, '0')).reverse())
    t.notOk(crypto.verifyEd25519(key, message, twin))
    t.notOk(crypto.verifyEd25519(key, message, signature.subarray(1)))
    t.notOk(crypto.verifyEd25519(key.subarray(1), message, signature))
    // Under the neutral element as key, R = S B is a signature of every message.
    const neutral = fromHex(`01${'00'.repeat(31)}`)
    const forged = concat(neutral, new Uint8Array(32))
    for (const point of [neutral, fromHex(`ee${'ff'.repeat(30)}7f`), fromHex(`ec${'ff'.repeat(30)}7f`), new Uint8Array(32), fromHex(`01${'00'.repeat(30)}80`)]) {
      t.notOk(crypto.verifyEd25519(point, message, forged), toHex(point))
    }
  })

  void t.test(`${name}: ECDSA on both curves, and keys that are not what is said of them`, async (t) => {
    const message = utf8('message')
    for (const [curve, hash] of [['P-256', 'sha256'], ['P-384', 'sha384'], ['P-384', 'sha256']] as const) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
      const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
      const signature = new Uint8Array(sign(hash, message, privateKey))
      t.ok(crypto.verifyEcdsa({ curve, hash, spki, message, signature }))
      t.notOk(crypto.verifyEcdsa({ curve: curve === 'P-256' ? 'P-384' : 'P-256', hash, spki, message, signature }))
      t.notOk(crypto.verifyEcdsa({ curve, hash, spki, message, signature: new Uint8Array(0) }))
      t.notOk(crypto.verifyEcdsa({ curve, hash, spki: spki.subarray(1), message, signature }))
      t.notOk(crypto.verifyEcdsa({ curve, hash, spki, message: utf8('other'), signature }))
    }
    const other = generateKeyPairSync('ed25519')
    const spki = new Uint8Array(other.publicKey.export({ type: 'spki', format: 'der' }))
    t.notOk(crypto.verifyEcdsa({ curve: 'P-256', hash: 'sha256', spki, message, signature: new Uint8Array(sign(null, message, other.privateKey)) }))
  })
}
