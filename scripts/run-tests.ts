/**
 * Runs suites (folders of test/) with tap and ends with the one line that CI reads: `N passed, N failed, N skipped`.
 * Usage: node dist/scripts/run-tests.js [--beside SCRIPT] SUITE... `--beside`: an npm script that runs meanwhile and counts as one test.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { createTapReader, type TapResults } from './testing/tap-results.js'

/** Suites whose files start servers and networks take longer. */
const HEAVY = new Set(['api', 'cli', 'ledger', 'browser', 'faults'])
/** Suites whose files run one at a time: what they start takes all of a small machine. */
const ALONE = new Set(['browser', 'fabric', 'long'])
/** Seconds that one file may take. */
const TIMEOUT = { light: 120, heavy: 300, fabric: 600, long: 7200 } as const

/** The compiled tests of a suite, found by their sources, so that what a removed test left in dist is not run. */
function testFiles (suite: string): string[] {
  try {
    return readdirSync(`test/${suite}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => `dist/test/${suite}/${name.replace(/\.ts$/, '.js')}`)
      .sort()
  } catch {
    return []
  }
}

function timeoutOf (suite: string): number {
  if (suite === 'long' || suite === 'fabric') return TIMEOUT[suite]
  return HEAVY.has(suite) ? TIMEOUT.heavy : TIMEOUT.light
}

/** Runs one suite; failures are shown in full as they come, successes as a line a file. */
async function runSuite (suite: string, files: readonly string[]): Promise<TapResults> {
  console.log(`\n${suite}: ${files.length} files`)
  const reader = createTapReader(({ name, ok, tests, time }) => {
    console.log(`  ${ok ? 'ok  ' : 'FAIL'} ${name.replace(/^test\//, '')} (${tests} tests, ${time})`)
    if (!ok) console.log(pending.filter((line) => !/^ *ok /.test(line)).join('\n'))
    pending.length = 0
  })
  // What the current file printed: shown when it fails.
  const pending: string[] = []
  const jobs = ALONE.has(suite) ? 1 : 2
  const child = spawn(process.execPath, [
    'node_modules/tap/dist/esm/run.mjs', '--reporter=tap', `--jobs=${jobs}`, `--timeout=${timeoutOf(suite)}`, '--disable-coverage', ...files
  ], { stdio: ['ignore', 'pipe', 'inherit'] })
  const code = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  for await (const line of createInterface({ input: child.stdout })) {
    pending.push(line)
    reader.line(line)
  }
  const results = reader.results()
  const unexplained = await code !== 0 && results.failed.length === 0
  if (unexplained) console.log(pending.join('\n'))
  return unexplained ? { ...results, failed: [`${suite}: the test runner itself failed`] } : results
}

/** Runs an npm script; resolves with its name if it failed, and shows what it printed then. */
async function runBeside (script: string): Promise<string | undefined> {
  const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => printed.push(chunk))
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => { resolve(1) })
    child.on('close', resolve)
  })
  console.log(`\n${script}: ${code === 0 ? 'ok' : `FAIL\n${Buffer.concat(printed).toString()}`}`)
  return code === 0 ? undefined : script
}

async function main (): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { beside: { type: 'string', multiple: true, default: [] } }
  })
  const beside = values.beside.map(runBeside)
  let passed = 0
  const failed: string[] = []
  const skipped: string[] = []
  for (const suite of positionals) {
    const files = testFiles(suite)
    if (files.length === 0) continue
    const results = await runSuite(suite, files)
    passed += results.passed
    failed.push(...results.failed)
    skipped.push(...results.skipped)
  }
  for (const script of await Promise.all(beside)) {
    if (script === undefined) passed++
    else failed.push(script)
  }
  if (passed === 0 && failed.length === 0) failed.push(`no tests in ${positionals.join(', ')}`)
  console.log('')
  for (const name of skipped) console.log(`skipped: ${name}`)
  for (const name of failed) console.log(`failed: ${name}`)
  console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`)
  return failed.length === 0 ? 0 : 1
}

process.exitCode = await main()
