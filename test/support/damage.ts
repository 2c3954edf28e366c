import { cp, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fsck } from '../../src/ops/fsck/fsck.js'
import type { Report } from '../../src/ops/report.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { type Maintenance, openMaintenance } from '../../src/store/maintenance.js'

/** A copy of what a service keeps, without its network. */
export async function copyOf (data: string, to: string): Promise<string> {
  return await copyParts(data, to, ['db', 'content'])
}

/** The same, and what a service that starts in it needs to use the network of the first. */
export async function serviceCopy (data: string, to: string): Promise<string> {
  return await copyParts(data, to, ['db', 'content', 'keys', 'wallet', 'credentials.json', 'high-water'])
}

async function copyParts (data: string, to: string, parts: readonly string[]): Promise<string> {
  for (const part of parts) await cp(join(data, part), join(to, part), { recursive: true })
  return to
}

export async function withDatabase<T> (data: string, work: (db: Maintenance) => Promise<T>): Promise<T> {
  const db = await openMaintenance(data)
  try {
    return await work(db)
  } finally {
    await db.close()
  }
}

/** Flips one bit of a value; by default in its middle. */
export async function flipBit (data: string, key: Buffer, at?: number): Promise<void> {
  await withDatabase(data, async (db) => {
    const value = Buffer.from(await db.get(key) ?? Buffer.alloc(0))
    const index = at ?? Math.floor(value.length / 2)
    value[index] = (value[index] as number) ^ 1
    await db.write([{ type: 'put', key, value }])
  })
}

/** Replaces text in a value; the text must be there. */
export async function replaceText (data: string, key: Buffer, from: RegExp, to: string): Promise<void> {
  await withDatabase(data, async (db) => {
    const before = (await db.get(key) ?? Buffer.alloc(0)).toString()
    const after = before.replace(from, to)
    if (after === before) throw new Error(`${key.toString('latin1')} has nothing like ${from}`)
    await db.write([{ type: 'put', key, value: Buffer.from(after) }])
  })
}

export async function remove (data: string, ...keys: Buffer[]): Promise<void> {
  await withDatabase(data, async (db) => { await db.write(keys.map((key) => ({ type: 'del', key }))) })
}

export async function flipFileBit (path: string): Promise<void> {
  const bytes = await readFile(path)
  const at = Math.floor(bytes.length / 2)
  bytes[at] = (bytes[at] as number) ^ 1
  await writeFile(path, bytes)
}

/** Longest piece of a random text that compression has surely left as it is. */
const PIECE = 8

/**
 * Changes one bit of a random text in the tables of a data folder, in place, so that whoever has them open sees it, and nothing else: LevelDB checks no
 * block that it reads.
 */
export async function changeIn (tables: readonly string[], text: string): Promise<void> {
  for (const path of tables) {
    const bytes = await readFile(path)
    for (let i = 0; i + PIECE <= text.length; i++) {
      const at = bytes.indexOf(text.slice(i, i + PIECE))
      // The form stays: what is no base64url any more is found earlier, and by more of those who read it.
      const after = String.fromCharCode(text.charCodeAt(i + PIECE / 2) ^ 1)
      if (at < 0 || !/[\w-]/.test(after) || !await changesOne(path, at + PIECE / 2)) continue
      await changeAt(path, at + PIECE / 2)
      return
    }
  }
  throw new Error(`no table has ${text}, or what it has of it is part of other values`)
}

async function changeAt (path: string, at: number): Promise<void> {
  const file = await open(path, 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
  await file.write(Buffer.of((buffer[0] as number) ^ 1), 0, 1, at)
  await file.close()
}

/** Compression writes four bytes that it has seen before as a reference to them: other values may be made of what changes. */
async function changesOne (path: string, at: number): Promise<boolean> {
  const copies = await mkdtemp(join(tmpdir(), 'steelyard-test-'))
  const [whole, changed] = ['whole', 'changed'].map((name) => join(copies, name)) as [string, string]
  try {
    for (const copy of [whole, changed]) await cp(dirname(path), join(copy, 'db'), { recursive: true })
    await changeAt(join(changed, 'db', basename(path)), at)
    const after = await dump(changed)
    return [...await dump(whole)].filter(([key, value]) => after.get(key) !== value).length === 1
  } finally {
    await rm(copies, { recursive: true })
  }
}

/** Checks a folder without its ledger. */
export async function localFsck (data: string): Promise<Report> {
  return await withDatabase(data, async (view) => await fsck({
    view, crypto: nodeCrypto, now: new Date().toISOString(), ledger: 'left-out', withContent: true, onProgress: () => undefined
  }))
}

/** Everything in a database, in order. */
export async function dump (data: string): Promise<Map<string, string>> {
  return await withDatabase(data, async (db) => {
    const out = new Map<string, string>()
    for await (const key of db.keys()) out.set(key.toString('hex'), (await db.get(key) ?? Buffer.alloc(0)).toString('hex'))
    return out
  })
}
