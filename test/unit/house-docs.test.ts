/** The documents against the code: what they list exists, and what exists is listed. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { exitRows, SIGNALLED } from '../../src/cli/exit-codes.js'
import { run } from '../../src/cli/program.js'
import { configTable } from '../../src/config.js'

const readme = readFileSync('README.md', 'utf8')

/** What a call of the program prints, in this process. */
async function printed (t: Test, ...argv: string[]): Promise<string> {
  const { args, restore } = t.capture(process.stdout, 'write', () => true)
  await run(argv)
  restore()
  return args().map(([text]) => String(text)).join('')
}

/** The sub-commands that a help lists. */
function commandsIn (help: string): string[] {
  const list = /^Commands:\n((?: .*\n)+)/m.exec(help)?.[1] ?? ''
  return [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = '']) => name).filter((name) => name !== 'help')
}

t.test('the configuration table is the schema\'s', async (t) => {
  for (const { name, default: preset } of configTable()) {
    if (name.endsWith('FAULT_POINT')) continue // tests only
    t.ok(readme.includes(`| \`${name}\` | ${preset === '' ? '' : `\`${preset}\``} |`), `${name}, default ${preset}`)
  }
  for (const [name] of readme.matchAll(/`STEELYARD_[A-Z_]+(?==|`)/g)) {
    const known = configTable().some((row) => row.name === name.slice(1)) || ['STEELYARD_URL', 'STEELYARD_KEY'].includes(name.slice(1))
    t.ok(known, `${name} exists`)
  }
})

t.test('the API table lists every path, and no other', async (t) => {
  const api = JSON.parse(execFileSync(process.execPath, ['dist/scripts/openapi.js'], { encoding: 'utf8' })) as { openapi: string, paths: Record<string, unknown> }
  t.equal(api.openapi, '3.1.0')
  const short = (path: string): string => path.replace(/^\/v1\/(batches|tiles|evidence)\/.*?(?=\/(proof|receipt|content)$|$)/, '/v1/$1/')
  const listed = new Set([...readme.matchAll(/(?:\/v1\/|\/health\/)[\w/{}.-]*/g)].map(([path]) => short(path)))
  const isNamed = (path: string): boolean => [path, `...${path.slice(path.lastIndexOf('/'))}`].some((name) => readme.includes(`\`${name}\``))
  for (const path of Object.keys(api.paths)) {
    t.ok(path.includes('{') ? listed.has(short(path)) || isNamed(path) : new RegExp(`${path}(?![\\w/])`).test(readme), path)
  }
})

t.test('both READMEs name every command', async (t) => {
  const commands = commandsIn(await printed(t, '--help'))
  t.ok(commands.length > 10)
  for (const document of ['README.md', 'README.zh-CN.md']) {
    const text = readFileSync(document, 'utf8')
    for (const name of commands) t.match(text, new RegExp(`\\| .*\`${name}[ \`]`), `${document}: ${name}`)
  }
})

t.test('exit codes are the same everywhere: in the table of the document and at the end of every help', async (t) => {
  const operations = readFileSync('docs/operations.md', 'utf8')
  for (const row of exitRows()) t.ok(operations.includes(`\n${row}\n`), row)
  t.ok(operations.includes(SIGNALLED))
  t.ok((await printed(t, '--help')).includes(SIGNALLED))
  const codes = new Map<string, string>()
  const collect = async (...names: string[]): Promise<void> => {
    const help = await printed(t, ...names, '--help')
    const children = commandsIn(help)
    for (const child of children) await collect(...names, child)
    if (children.length === 0) codes.set(names.join(' '), /^Exit codes: (.*; 64 wrong usage\.)\n$/m.exec(help)?.[1] ?? '')
  }
  await collect()
  t.ok(codes.size > 20)
  for (const [name, text] of codes) {
    const own = exitRows().find((row) => row.startsWith(`| \`${name}\` |`)) ?? exitRows().at(-1) as string
    const [, ok = '', failed = '', unchecked = ''] = own.split(' | ').map((cell) => cell.replace(/ ?\|$/, ''))
    t.equal(text, [`0 ${ok}`, `1 ${failed}`, ...(unchecked === '' ? [] : [`2 ${unchecked}`]), '64 wrong usage.'].join('; '), `${name} --help`)
  }
  for (const row of exitRows()) {
    const name = /`(.*?)`/.exec(row)?.[1]
    t.ok(name === undefined || codes.has(name), `${row}: is a command`)
  }
})

t.test('links between documents lead somewhere', async (t) => {
  const documents = ['.', 'docs', 'docs/spec', 'docs/design', 'network'].flatMap((folder) => existsSync(folder)
    ? readdirSync(folder).filter((name) => name.endsWith('.md')).map((name) => join(folder, name))
    : [])
  t.ok(documents.length > 8)
  for (const document of documents) {
    for (const [, target = ''] of readFileSync(document, 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
      t.ok(existsSync(join(dirname(document), target)), `${document}: ${target}`)
    }
  }
})

t.test('npm scripts that the documents name exist', async (t) => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> }
  for (const document of ['README.md', 'CONTRIBUTING.md']) {
    for (const [, name = ''] of readFileSync(document, 'utf8').matchAll(/npm run ([\w:]+)/g)) t.ok(scripts[name], `${document}: ${name}`)
  }
  for (const name of ['build', 'typecheck', 'lint', 'test', 'test:unit', 'test:ledger', 'test:faults', 'test:long', 'bench', 'openapi']) t.ok(scripts[name], name)
})
