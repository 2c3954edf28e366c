import { cpus } from 'node:os'

/** What a run may be told by its environment; every number bounds it in count or in time. */
export interface Settings {
  /** Seconds of each measured stretch. */
  readonly seconds: number
  /** Stretches of each side, taken in turn; the medians are compared. */
  readonly rounds: number
  readonly uploadBytes: number
  /** Deposits at the end of the growth run. */
  readonly deposits: number
}

export function readSettings (env: Readonly<Record<string, string | undefined>>): Settings {
  const number = (name: string, preset: number): number => {
    const value = Number(env[name] ?? preset)
    if (!Number.isFinite(value) || value <= 0) throw new RangeError(`${name} must be a number above 0`)
    return value
  }
  return {
    seconds: number('BENCH_SECONDS', 3),
    rounds: number('BENCH_ROUNDS', 5),
    uploadBytes: number('BENCH_UPLOAD_BYTES', 256 * 1024 ** 2),
    deposits: number('BENCH_DEPOSITS', 1_000_000)
  }
}

export function machine (): string {
  const all = cpus()
  return `${all.length} x ${all[0]?.model.trim() ?? 'unknown'}, Node ${process.versions.node}, ${process.platform} ${process.arch}`
}
