import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isInUse } from '../../store/lock.js'

/** What an archive is read into before it has the target's name, or lies in it. */
export function importFolder (target: string, pid: number, isInside: boolean): string {
  return `${target}${isInside ? '/' : ''}.importing-${pid}`
}

const LEFT = /\.importing-(\d+)$/
/** All that an import writes. */
export const PARTS = ['content', 'db']

/** Removes what imports left in a folder that were killed: folders of dead processes, whose database nobody has open. */
export async function sweepImports (parent: string): Promise<void> {
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
