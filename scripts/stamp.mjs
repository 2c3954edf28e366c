// Content stamps: `check` prints which of install and build are out of date; `write install|build` records that one was done.
// A stamp is a hash of every input's name and bytes, so that neither a checkout nor a touched file causes work.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const MANIFESTS = ['package.json', 'package-lock.json', 'chaincode/package.json']
const SOURCES = ['src', 'network', 'chaincode']
const SKIPPED = new Set(['node_modules', 'dist', 'vectors', '.tap'])

const stamps = {
  // Inside what they vouch for: removing the folder removes its stamp. npm ci itself refuses a lock file that differs from the manifests.
  install: { file: 'node_modules/.steelyard-stamp', inputs: () => ['package-lock.json'] },
  build: { file: 'dist/.stamp', inputs: () => [...MANIFESTS, 'tsconfig.json', 'tsconfig.build.json', ...SOURCES.flatMap(filesBelow)] }
}

function filesBelow (folder) {
  let entries
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true })
  } catch {
    return []
  }
  return entries.filter(({ name }) => !SKIPPED.has(name)).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : []
  }).sort()
}

function digest (kind) {
  const hash = createHash('sha256').update(`${kind} ${process.platform} ${process.arch} ${process.versions.modules}\n`)
  for (const path of stamps[kind].inputs()) {
    const bytes = readFileSync(join(root, path))
    hash.update(`${path} ${bytes.length}\n`).update(bytes)
  }
  return hash.digest('hex')
}

function isFresh (kind) {
  try {
    return readFileSync(join(root, stamps[kind].file), 'utf8') === digest(kind)
  } catch {
    return false
  }
}

const [verb, kind] = process.argv.slice(2)
if (verb === 'check') {
  console.log(Object.keys(stamps).filter((each) => !isFresh(each)).join(' '))
} else if (verb === 'write' && Object.hasOwn(stamps, kind)) {
  const file = join(root, stamps[kind].file)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, digest(kind))
} else {
  console.error('usage: node scripts/stamp.mjs check | write install|build')
  process.exitCode = 64
}
