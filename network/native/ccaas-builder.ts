/**
 * The external builder by which a peer uses a chaincode that runs as a service of its own: no Docker, nothing is compiled. The
 * peer runs it as `detect`, `build` and `release`. Packages may leave places open, `{{.name}}`, which each organization
 * fills from CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG, as with Fabric's own builder: so one package, with one id, serves all.
 * @module
 */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const CONNECTION = 'connection.json'

/** Exit status 0 exactly if the package is of type `ccaas`. */
function detect (metadata: string): number {
  const { type } = JSON.parse(readFileSync(join(metadata, 'metadata.json'), 'utf8')) as { type?: unknown }
  return type === 'ccaas' ? 0 : 1
}

function build (source: string, output: string, values: Readonly<Record<string, string>>): number {
  const template = JSON.parse(readFileSync(join(source, CONNECTION), 'utf8')) as Record<string, unknown>
  writeFileSync(join(output, CONNECTION), JSON.stringify(fillTemplate(template, values)), { mode: 0o600 })
  if (existsSync(join(source, 'META-INF'))) cpSync(join(source, 'META-INF'), join(output, 'META-INF'), { recursive: true })
  return 0
}

function release (built: string, output: string): number {
  const folder = join(output, 'chaincode', 'server')
  mkdirSync(folder, { recursive: true })
  cpSync(join(built, CONNECTION), join(folder, CONNECTION))
  const statedb = join(built, 'META-INF', 'statedb')
  if (existsSync(statedb)) cpSync(statedb, join(output, 'statedb'), { recursive: true })
  return 0
}

/**
 * Replaces `{{.name}}` in every text of an object.
 * @throws Error naming a place for which there is no value
 */
export function fillTemplate (
  template: Readonly<Record<string, unknown>>, values: Readonly<Record<string, string>>
): Record<string, unknown> {
  const fill = (text: string): string => text.replace(/\{\{\s*\.(\w+)\s*\}\}/g, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value === undefined) throw new Error(`no value for ${name}`)
    return value
  })
  return Object.fromEntries(Object.entries(template).map(([key, value]) => [key, typeof value === 'string' ? fill(value) : value]))
}

/** Runs one step with the arguments that the peer gives; returns the exit status. */
export function runBuilder (args: readonly string[], config: string | undefined): number {
  const [step, first = '', second = '', third = ''] = args
  if (step === 'detect') return detect(second)
  if (step === 'build') return build(first, third, JSON.parse(config ?? '{}') as Record<string, string>)
  if (step === 'release') return release(first, second)
  throw new Error('usage: detect SOURCE METADATA | build SOURCE METADATA OUTPUT | release BUILT OUTPUT')
}
