/**
 * Runs suites (folders of test/) and ends with the one line that CI reads: `N passed, N failed, N skipped`.
 * Usage: node dist/scripts/run-tests.js [--jobs N] [--beside SCRIPT] SUITE... `--jobs`: files at a time, by default one more than there are
 * processors, since many of them wait; `--beside`: an npm script that runs meanwhile and counts as one test.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { runTestFile } from './testing/test-file.js'

/** Seconds that one file of a suite may take. In the order in which they run together: no long file is left when all others are done. */
const TOGETHER: Readonly<Record<string, number>> = { faults: 300, ledger: 300, cli: 300, api: 300, unit: 120 }
/** Those whose files run one at a time, after the others: what they start takes all of a small machine. */
const ALONE: Readonly<Record<string, number>> = { browser: 300, fabric: 600, long: 7200 }

interface TestFile { readonly name: string, readonly path: string, readonly seconds: number }

/** The compiled tests of suites, found by their sources, so that what a removed test left in dist is not run. */
function filesOf (limits: Readonly<Record<string, number>>, wanted: ReadonlySet<string>): TestFile[] {
  return Object.entries(limits).filter(([suite]) => wanted.has(suite)).flatMap(([suite, seconds]) => namesIn(suite).map((name) => (
    { name: `test/${suite}/${name}`, path: `dist/test/${suite}/${name}`, seconds }
  )))
}

function namesIn (suite: string): string[] {
  try {
    return readdirSync(`test/${suite}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts')).map((name) => name.replace(/\.ts$/, '.js')).sort()
  } catch {
    return []
  }
}

interface Outcome { passed: number, readonly failed: string[], readonly skipped: string[] }

/** Runs files, so many at a time; one that fails is shown in full, one that passes is a line. */
async function runFiles (files: readonly TestFile[], jobs: number, outcome: Outcome): Promise<void> {
  const left = files.values()
  await Promise.all(Array.from({ length: jobs }, async () => {
    for (const { name, path, seconds } of left) {
      const { ok, tests, failed, skipped, printed, ...took } = await runTestFile(path, seconds)
      console.log(`  ${ok ? 'ok  ' : 'FAIL'} ${name.slice('test/'.length)} (${tests} tests, ${took.seconds.toFixed(1)} s)`)
      if (!ok) console.log(printed.join('\n'))
      outcome.passed += tests - failed.filter((each) => each !== '').length
      outcome.failed.push(...failed.map((each) => each === '' ? name : `${name}: ${each}`))
      outcome.skipped.push(...skipped.map((each) => `${name}: ${each}`))
    }
  }))
}

/** Runs an npm script; shows what it printed if it failed. */
async function runBeside (script: string, outcome: Outcome): Promise<void> {
  const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => printed.push(chunk))
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => { resolve(1) })
    child.on('close', resolve)
  })
  console.log(`  ${code === 0 ? 'ok  ' : 'FAIL'} ${script}`)
  if (code === 0) outcome.passed++
  else {
    outcome.failed.push(script)
    console.log(Buffer.concat(printed).toString())
  }
}

async function main (): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { beside: { type: 'string', multiple: true, default: [] }, jobs: { type: 'string', default: String(availableParallelism() + 1) } }
  })
  const wanted = new Set(positionals)
  const outcome: Outcome = { passed: 0, failed: [], skipped: [] }
  for (const suite of wanted) if (namesIn(suite).length === 0) outcome.failed.push(`no tests in ${suite}`)
  const beside = values.beside.map(async (script) => { await runBeside(script, outcome) })
  await runFiles(filesOf(TOGETHER, wanted), Number(values.jobs), outcome)
  await runFiles(filesOf(ALONE, wanted), 1, outcome)
  await Promise.all(beside)

  const { passed, failed, skipped } = outcome
  console.log('')
  for (const name of skipped.sort()) console.log(`skipped: ${name}`)
  for (const name of failed.sort()) console.log(`failed: ${name}`)
  console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`)
  return failed.length === 0 ? 0 : 1
}

process.exitCode = await main()
