import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'

const PIECE = 64 * 1024
const FILLER = 'filler'

/** A disk of a few megabytes, which can really be full. */
export interface SmallDisk {
  /** Takes all room but so many bytes. */
  fill (left?: number): Promise<void>
  /** Gives back what `fill` took. */
  free (): Promise<void>
}

/** Why there can be no small disk here, or false. */
export const noSmallDisk: string | false = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
  ? false
  : 'to mount a small disk takes root'

/** Mounts one at a new folder, until the test is over. */
export function smallDisk (t: Pick<Test, 'teardown'>, folder: string, megabytes: number): SmallDisk {
  mkdirSync(folder, { recursive: true })
  run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'steelyard-test', folder)
  t.teardown(() => { run('umount', '-l', folder) })
  const filler = join(folder, FILLER)
  return {
    async fill (left = 0) {
      const file = await open(filler, 'a')
      try {
        for (const size of [PIECE, 1]) while (await file.write(Buffer.alloc(size)).then(() => true, () => false));
        const { size } = await file.stat()
        await file.truncate(Math.max(0, size - left))
      } finally {
        await file.close()
      }
    },
    free: async () => { await rm(filler, { force: true }) }
  }
}

function run (command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command}: ${stderr}`)
}
