import { existsSync, readFileSync } from 'node:fs'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import t from 'tap'
import { VECTOR_FILES } from '../support/vectors.js'

/** The published vectors in a real browser: the verifier as pages load it, bundled, without node: anything. */
const CHROMIUM = process.env.STEELYARD_CHROMIUM ?? '/usr/bin/chromium'
const skip = existsSync(CHROMIUM) ? false : `no browser at ${CHROMIUM} (set STEELYARD_CHROMIUM)`
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

const all = JSON.stringify(Object.fromEntries(VECTOR_FILES.map((name) => [name, JSON.parse(readFileSync(`test/vectors/${name}.json`, 'utf8')) as unknown])))

t.test('published vectors in a browser', { skip }, async (t) => {
  const { outputFiles: [script] } = await build({
    entryPoints: ['test/browser/vectors-page.ts'], bundle: true, write: false, format: 'iife', platform: 'browser', target: 'es2023', logLevel: 'silent'
  })
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGS })
  t.teardown(async () => { await browser.close() })
  const page = await browser.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => { errors.push(error.message) })
  await page.setContent('<!doctype html><title>vectors</title>')
  await page.addScriptTag({ content: script?.text ?? '' })
  const { checked, wrong } = await page.evaluate(async (text) => await globalThis.checkAll(text), all)
  t.same(wrong, [])
  t.same(errors, [])
  t.ok(checked > 150, `${checked} checks`)
})
