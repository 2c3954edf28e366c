import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isInUse } from '../../store/lock.js'

/** What an archive is read into before it has the target's name. */
export function importFolder (target: string, pid: number): string {
  return `${target}.importing-${pid}`
}

const LEFT = /\.importing-(\d+)$/
/** All that an import writes. */
const PARTS = ['content', 'db']

/** Removes what imports into the same parent folder left that were killed: folders of dead processes, whose database nobody has open. */
export async function sweepImports (target: string): Promise<void> {
  const parent = dirname(target)
  for (const name of await readdir(parent).catch(() => [])) {
    const pid = LEFT.exec(name)?.[1]
    if (pid === undefined || isAlive(Number(pid))) continue
    const folder = join(parent, name)
    const parts = await readdir(folder).catch(() => undefined)
    if (parts?.every((part) => PARTS.includes(part)) === true && !await isInUse(folder)) await rm(folder, { recursive: true, force: true })
  }
}

/** A process in another container is not seen, and may have the number of this one: its lock on the database is seen. */
function isAlive (pid: number): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
