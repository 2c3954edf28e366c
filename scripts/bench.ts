/**
 * Every figure of docs/performance.md, measured here and now: `npm run bench` runs all rows, `npm run bench -- NAME...` some of them. Each is
 * a ratio of two measurements of the same run. Prints a table and writes bench/results.json.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Row, table } from './bench/row.js'
import { bulk } from './bench/rows/bulk.js'
import { deposits } from './bench/rows/deposits.js'
import { final } from './bench/rows/final.js'
import { ledger } from './bench/rows/ledger.js'
import { proof } from './bench/rows/proof.js'
import { tree } from './bench/rows/tree.js'
import { upload } from './bench/rows/upload.js'
import { verify } from './bench/rows/verify.js'
import type { Bench } from './bench/run.js'
import { machine, readSettings } from './bench/settings.js'

const BENCHES: Readonly<Record<string, Bench>> = { deposits, bulk, upload, ledger, final, proof, verify, tree }

async function main (names: readonly string[]): Promise<number> {
  const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name))
  if (unknown.length > 0) {
    console.error(`no such row: ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`)
    return 64
  }
  const settings = readSettings(process.env)
  const rows: Row[] = []
  const failed: string[] = []
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (names.length > 0 && !names.includes(name)) continue
    const folder = mkdtempSync(join(tmpdir(), `steelyard-bench-${name}-`))
    const remove = (): void => { rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) }
    process.once('exit', remove)
    console.error(`${name} ...`)
    try {
      rows.push(...await bench({ folder, settings, note: (text) => { console.error(`  ${text}`) } }))
    } catch (error) {
      console.error(error)
      failed.push(name)
    } finally {
      remove()
    }
  }
  mkdirSync('bench', { recursive: true })
  writeFileSync('bench/results.json', `${JSON.stringify({ at: new Date().toISOString(), machine: machine(), settings, rows, failed }, undefined, 2)}\n`)
  console.log(`${machine()}\n\n${table(rows)}`)
  for (const name of failed) console.log(`could not be measured: ${name}`)
  return failed.length === 0 && rows.every(({ met }) => met) ? 0 : 1
}

process.exit(await main(process.argv.slice(2)))
