/**
 * The chaincode package that all organizations install and approve. It holds no code: the code runs as a service of each
 * organization. It names the digest of the code, so that approving the package is approving that digest.
 * @module
 */
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { privateFolder } from '../embedded/files.js'
import { NativeNetworkError } from './errors.js'
import type { Layout } from './layout.js'
import type { PackageState } from './state.js'
import { tarGz } from '../shared/tar.js'

const CONNECTION = {
  address: '{{.address}}',
  dial_timeout: '10s',
  tls_required: true,
  client_auth_required: true,
  root_cert: '{{.root_cert}}',
  client_cert: '{{.client_cert}}',
  client_key: '{{.client_key}}'
}

/** Makes the package of a chaincode folder and stores it. */
export function createPackage (
  layout: Layout, chaincode: { readonly name: string, readonly version: string, readonly sequence: number, readonly folder: string }
): PackageState {
  const digest = codeDigest(chaincode.folder)
  const label = `${chaincode.name}_${chaincode.version}`
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
  const code = tarGz([
    { name: 'connection.json', content: json(CONNECTION) },
    { name: 'code.json', content: json({ digest: { algorithm: 'SHA-256', value: digest } }) }
  ])
  const archive = tarGz([
    { name: 'metadata.json', content: json({ type: 'ccaas', label }) },
    { name: 'code.tar.gz', content: code }
  ])
  const packageId = `${label}:${createHash('sha256').update(archive).digest('hex')}`
  privateFolder(layout.packages)
  writeFileSync(packageFile(layout, chaincode), archive)
  return { version: chaincode.version, sequence: chaincode.sequence, packageId, folder: chaincode.folder, digest }
}

/** Where a package is stored. */
export function packageFile (layout: Layout, chaincode: { readonly version: string, readonly sequence: number }): string {
  return join(layout.packages, `${chaincode.sequence}-${chaincode.version}.tar.gz`)
}

/** SHA-256 over names and digests of the files of a chaincode folder, without what it only depends on. */
export function codeDigest (folder: string): string {
  if (!existsSync(join(folder, 'package.json'))) {
    throw new NativeNetworkError({ code: 'CHAINCODE', message: `${folder} is not a chaincode folder: it has no package.json` })
  }
  const total = createHash('sha256')
  for (const file of filesOf(folder, '')) {
    total.update(`${createHash('sha256').update(readFileSync(join(folder, file))).digest('hex')}  ${file}\n`)
  }
  return total.digest('hex')
}

function filesOf (folder: string, below: string): string[] {
  return readdirSync(join(folder, below), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (entry.name === 'node_modules' || entry.name.startsWith('.')) return []
      const path = below === '' ? entry.name : `${below}/${entry.name}`
      return entry.isDirectory() ? filesOf(folder, path) : entry.isFile() ? [path] : []
    })
}

/** Writes the three executables that the peers call (see ccaas-builder.ts). */
export function ensureBuilder (layout: Layout): void {
  const bin = privateFolder(join(layout.builder, 'bin'))
  const main = fileURLToPath(new URL('./ccaas-builder-main.js', import.meta.url))
  for (const step of ['detect', 'build', 'release']) {
    writeFileSync(join(bin, step), `#!/bin/sh\nexec ${quoted(process.execPath)} ${quoted(main)} ${step} "$@"\n`)
    chmodSync(join(bin, step), 0o700)
  }
}

function quoted (text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
