/**
 * Preloaded into a process (`node --import`), it shifts the system's clock as that process sees it: by as many milliseconds as the file says that
 * SHIFTED_CLOCK names, at any moment. SHIFTED_CLOCK_OF: a part of the path of the program that is meant, else it is let alone.
 */
import { readFileSync } from 'node:fs'

const { SHIFTED_CLOCK: file = '', SHIFTED_CLOCK_OF: meant = '' } = process.env
const LOOK_MS = 10

if (process.argv[1]?.includes(meant) === true) {
  const RealDate = Date
  let offset = 0
  const look = (): void => { offset = Number(readFileSync(file, 'utf8')) }
  look()
  setInterval(look, LOOK_MS).unref()
  globalThis.Date = class extends RealDate {
    constructor (...given: unknown[]) {
      if (given.length === 0) super(RealDate.now() + offset)
      else super(...given as [number])
    }

    static override now (): number {
      return RealDate.now() + offset
    }
  } as DateConstructor
}
