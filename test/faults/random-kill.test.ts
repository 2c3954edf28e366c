import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { readRuntime } from '../../network/embedded/runtime.js'
import { createPromises } from '../support/promises.js'
import { dataFolder, type RunningService, startService, until } from '../support/service.js'

/** `npm run test:long` sets 200. */
const KILLS = Number(process.env.STEELYARD_TEST_KILLS ?? 10)
/** Longest life of anything, in milliseconds. */
const LIFE = 1500
/** Depositors at work at any moment. */
const DEPOSITORS = 4
const VICTIMS = ['service', 'network', 'both'] as const

const data = dataFolder(t)
const promises = createPromises(data)
t.setTimeout(280_000 + 10_000 * KILLS)

t.test(`${KILLS} kills of the service, its network or both at any moment, under load`, async (t) => {
  const killed = { service: 0, network: 0, both: 0 }
  let service: RunningService | undefined
  for (let i = 0; i < KILLS; i++) {
    service ??= await startService(data)
    await depositFor(service, randomInt(LIFE))
    const victim = VICTIMS[randomInt(VICTIMS.length)] as typeof VICTIMS[number]
    if (victim !== 'service') await killNetwork()
    if (victim !== 'network') {
      await service.kill()
      service = undefined
    }
    killed[victim]++
  }
  t.comment(`killed: ${JSON.stringify(killed)}`)
  service ??= await startService(data)
  await promises.deposit(service)
  await promises.check(t, service)
  t.equal(await service.stop(), 0, 'stops by itself')
})

async function depositFor (service: RunningService, ms: number): Promise<void> {
  const end = Date.now() + ms
  await Promise.all(Array.from({ length: DEPOSITORS }, async () => {
    do await promises.deposit(service)
    while (Date.now() < end)
  }))
}

/** Waits for the network's process if it is being started again, and kills it. */
async function killNetwork (): Promise<void> {
  await until(async () => {
    const pid = readRuntime(join(data, 'network'))?.pid
    return pid !== undefined && await isOurs(pid) && process.kill(pid, 'SIGKILL')
  })
}

/** A killed process leaves its id in the folder, and somebody else may have that id by now. */
async function isOurs (pid: number): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(data)
  } catch {
    return false
  }
}
