import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { StoreError, type StoreErrorCode } from './errors.js'
import { isLocked } from './lock.js'
import { damageIn } from './log-format.js'
import { liveLog } from './manifest.js'
import { locked } from './open-error.js'
import { unusable } from './unusable.js'

/** What is done about a damaged database in a data folder; the copy is for whoever knows more. */
function remedyFor (data: string): string {
  return `copy ${data}, then ${REPAIR} --data ${data}\` and \`steelyard fsck --data ${data}\`, which names what is lost; or restore a backup`
}

const REPAIR = '`steelyard rebuild-index --repair'

/**
 * Fails with `DAMAGED` when the database in a folder has lost something that LevelDB would go on without. Its log holds what is not in tables yet,
 * the last deposits among it. When LevelDB finds damage there it drops the rest of that block, says so in a file that nobody reads, and goes on. So
 * the logs are read here first. A log that breaks off is what a crash leaves; one with a record that does not fit its checksum, or one that is
 * not there, may have held something that was acknowledged. A service that has the database open changes its files while they are read here: then
 * it is `LOCKED`, and nothing is said of damage.
 */
export async function requireSoundLogs (folder: string): Promise<void> {
  try {
    await checkLogs(folder)
  } catch (error) {
    throw await isLocked(folder) ? locked(folder) : error
  }
}

async function checkLogs (folder: string): Promise<void> {
  const names = await readdir(folder)
  // It would begin an empty database in its place, and delete what is there.
  if (!names.includes('CURRENT') && names.some((name) => /\.(ldb|log)$/.test(name))) throw damaged(folder, 'CURRENT', 'is missing')
  const live = await liveLog(folder)
  if (live !== undefined && !names.includes(live)) {
    throw damaged(folder, live, 'is missing, and deposits that were acknowledged with it')
  }
  for (const name of names) {
    if (!name.endsWith('.log')) continue
    const at = damageIn(await readFile(join(folder, name)))
    if (at !== undefined) throw damaged(folder, name, `is damaged at byte ${at}, and deposits that were acknowledged may be lost with it`)
  }
}

/** Of errors that speak of damage, LevelDB's among them. */
const CODES: Readonly<Record<string, StoreErrorCode>> = {
  DAMAGED: 'DAMAGED', UNREADABLE: 'UNREADABLE', LEVEL_CORRUPTION: 'UNREADABLE', LEVEL_IO_ERROR: 'UNREADABLE'
}

/**
 * What keeps a service or a tool from the data folder, with what can be done about it: a repair only of what is damaged. Other errors as they are.
 */
export function withRemedy (error: unknown, data: string): unknown {
  const outside = unusable(error, data)
  if (outside !== undefined) return outside
  if (!(error instanceof Error) || !('code' in error) || error.message.includes(REPAIR)) return error
  const code = CODES[String(error.code)]
  return code === undefined ? error : new StoreError({ code, message: `${error.message}: ${remedyFor(data)}`, cause: error })
}

function damaged (folder: string, file: string, what: string): StoreError {
  return new StoreError({ code: 'DAMAGED', message: `${join(folder, file)} ${what}: ${remedyFor(dirname(folder))}` })
}
