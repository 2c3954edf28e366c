/** Proofs of which a stored part changed on the disk: LevelDB gives it as if it had been written so. */
import { hash } from 'node:crypto'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { parseProof } from '../../src/core/proof.js'
import { checksumKey } from '../../src/store/checksums.js'
import { numberKey, numberValue, textKey } from '../../src/store/keys.js'
import { openStore } from '../../src/store/store.js'
import { flipBit, remove, replaceText, withDatabase } from '../support/damage.js'
import { allFinal, deposit, noop, silent, world } from '../support/notary-world.js'

t.test('no proof is handed out of which a part is not what was written', async (t) => {
  const [original, folder] = ['original', 'copy'].map((name) => join(t.testdir({ original: {} }), name)) as [string, string]
  const at = await world(t, { folder: original })
  for (let batches = 0; batches < 3; batches++) {
    await deposit(at, 20)
    await allFinal(at)
  }
  const { sealed: { batches }, final } = at.notary.progress
  const [batch, sequence] = [batches - 1, final.sequence - 1]
  const whole = await at.notary.prover.prove({ sequence })
  const { header: { first } } = parseProof(whole)
  const { block } = await at.store.anchors.location(batch) ?? {}
  await at.close()
  const [place, readback, blockKey] = [numberKey('a', batch), numberKey('c', batch), numberKey('b', Number(block))]

  // Whether the first proof is touched as well.
  const cases: [what: string, damage: (folder: string) => Promise<void>, first: boolean][] = [
    ['place on the ledger', (folder) => replaceText(folder, place, /"transaction":0/, '"transaction":1'), false],
    ['read-back', (folder) => replaceText(folder, readback, /"responsePayload":".{4}/, '"responsePayload":"AAAA'), false],
    ['block', (folder) => replaceText(folder, blockKey, /"previousHash":".{4}/, '"previousHash":"AAAA'), false],
    ['place gone', (folder) => remove(folder, place), false],
    ['read-back gone', (folder) => remove(folder, readback), false],
    ['read-back gone, and its checksum', (folder) => remove(folder, readback, checksumKey(readback)), false],
    ['log tile', (folder) => flipBit(folder, numberKey('l', 0, 0), 0), true],
    ['batch index', (folder) => withDatabase(folder, (db) => db.write([{ type: 'put', key: numberKey('f', Number(first)), value: numberValue(batch - 1) }])), false],
    ['checksum of the place', (folder) => flipBit(folder, checksumKey(place)), false],
    ['checksum of the read-back', (folder) => flipBit(folder, checksumKey(readback)), false],
    ['checksum of the block', (folder) => flipBit(folder, checksumKey(blockKey)), false]
  ]
  for (const [what, damage, touchesFirst] of cases) {
    await cp(original, folder, { recursive: true })
    await damage(folder)
    const damaged = await world(t, { folder, ledger: at.ledger })
    await t.rejects(damaged.notary.prover.prove({ sequence }), { code: 'DAMAGED' }, what)
    if (!touchesFirst) t.equal(parseProof(await damaged.notary.prover.prove({ sequence: 0 })).header.number, '0', `${what}: others are served`)
    await damaged.close()
    await rm(folder, { recursive: true })
  }
  await remove(original, ...[place, readback, blockKey].map(checksumKey))
  const older = await world(t, { folder: original, ledger: at.ledger })
  t.same(await older.notary.prover.prove({ sequence }), whole, 'what an earlier version wrote has no checksums')
})

t.test('a deposit whose number leads elsewhere, or whose record is not what it was, is not denied', async (t) => {
  const at = await world(t)
  const [first, second] = await deposit(at, 2)
  await allFinal(at)
  const proof = parseProof(await at.notary.prover.prove({ sequence: 1 }))
  await at.close()
  const number = textKey('n', first?.number ?? '')
  await flipBit(at.folder, number, 7) // of the sequence number 0 or 1
  const led = await world(t, { folder: at.folder, ledger: at.ledger })
  await t.rejects(led.notary.reader.anyDeposit(first?.number ?? ''), { code: 'DAMAGED', message: /leads to another/ })
  t.match(await led.notary.reader.anyDeposit(second?.number ?? ''), { record: { number: second?.number } })
  await led.close()
  await replaceText(at.folder, numberKey('r', 1), /"salt":".{4}/, '"salt":"AAAA')
  const changed = await world(t, { folder: at.folder, ledger: at.ledger })
  await t.rejects(changed.notary.prover.upgrade(proof), { code: 'DAMAGED' }, 'nor called one that this log does not hold')
  await changed.close()
  await remove(at.folder, numberKey('r', 0))
  await flipBit(at.folder, number, 7)
  const gone = await world(t, { folder: at.folder, ledger: at.ledger })
  await t.rejects(gone.notary.reader.anyDeposit(first?.number ?? ''), { code: 'DAMAGED', message: /record 0 is missing/ })
})

t.test('an identity is given only as the one whose hash it is kept under', async (t) => {
  const folder = t.testdir({})
  const identity = Buffer.from('an identity').toString('base64url')
  const sha256 = hash('sha256', Buffer.from('an identity'), 'hex')
  const read = async (): Promise<unknown> => {
    const store = await openStore(folder, noop, { log: silent })
    return await store.anchors.attested(0).finally(async () => { await store.close() })
  }
  const store = await openStore(folder, noop, { log: silent })
  await store.anchors.store([{
    number: 0,
    location: { block: '1', transaction: 0 },
    readback: { responsePayload: 'AA', endorsements: [{ identity: sha256, signature: 'AA' }] } as never,
    identities: { [sha256]: identity },
    block: { number: '1', previousHash: '', data: [], signatures: '' }
  }])
  await store.close()
  t.match(await read(), { identities: [[sha256, identity]] })
  await replaceText(folder, textKey('i', sha256), /^./, 'B')
  await t.rejects(read(), { code: 'DAMAGED', message: /identity/ })
  await remove(folder, textKey('i', sha256))
  await t.rejects(read(), { code: 'DAMAGED', message: /missing/ })
})
