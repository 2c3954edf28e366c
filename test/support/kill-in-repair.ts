/**
 * Loaded before the command line (`node --import`): ends the process, by SIGKILL unless KILL_BY is another signal, at a step of
 * `rebuild-index --repair`, which KILL_AT names.
 */
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { Level } from 'level'

const at = process.env.KILL_AT
const die = (): void => { process.kill(process.pid, process.env.KILL_BY ?? 'SIGKILL') }
const level = Level as unknown as { repair (folder: string): Promise<void> }
const { repair } = level
level.repair = async (folder) => {
  if (at === 'before-repair') die()
  await repair.call(level, folder)
  if (at === 'after-repair') die()
}
const { rename } = fs
fs.rename = async (from, to) => {
  await rename(from, to)
  if (at === 'between-renames' && String(to).includes('.damaged-')) die()
  if (at === 'after-renames' && String(to).endsWith('/db')) die()
}
syncBuiltinESMExports()
const prototype = Level.prototype as unknown as { batch (...operations: unknown[]): unknown }
const { batch } = prototype
prototype.batch = function (...operations) {
  if (at === 'before-write') die()
  return batch.apply(this, operations)
}
