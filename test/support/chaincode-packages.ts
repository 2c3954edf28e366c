import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tarGz } from '../../network/shared/tar.js'

/** The package of a chaincode that runs as a service: `connection` says where. */
export function packageBytes (label: string, connection: object, type = 'ccaas'): { readonly archive: Buffer, readonly packageId: string } {
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
  const code = tarGz([{ name: 'connection.json', content: json(connection) }])
  const archive = tarGz([{ name: 'metadata.json', content: json({ type, label }) }, { name: 'code.tar.gz', content: code }])
  return { archive, packageId: `${label}:${createHash('sha256').update(archive).digest('hex')}` }
}

/** The same as a file of a folder. */
export function servicePackage (folder: string, label: string, connection: object): { readonly file: string, readonly packageId: string } {
  const { archive, packageId } = packageBytes(label, connection)
  const file = join(folder, `${label}.tar.gz`)
  writeFileSync(file, archive)
  return { file, packageId }
}
