/**
 * Writes the API's description without starting anything: `npm run openapi` to stdout, `npm run openapi -- FILE` to a file. It is what
 * `/openapi.json` serves.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { pino } from 'pino'
import { createApp } from '../src/http/app.js'
import type { Notary } from '../src/notary/notary.js'

/** Stands for a notary of which nothing is asked: routes are registered, never called. */
const nobody: unknown = new Proxy(() => nobody, { get: (_target, name) => name === 'then' ? undefined : nobody, apply: () => nobody })

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
const app = await createApp({ notary: nobody as Notary, logger: pino({ level: 'silent' }), maxFileSize: 1, rateLimit: 1, version })
await app.ready()
const text = `${JSON.stringify((await app.inject('/openapi.json')).json(), null, 2)}\n`
const [file] = process.argv.slice(2)
if (file === undefined) process.stdout.write(text)
else writeFileSync(file, text)
await app.close()
