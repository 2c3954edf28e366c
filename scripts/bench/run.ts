import type { Row } from './row.js'
import type { Settings } from './settings.js'

/** One benchmark: measures in a folder of its own, which is removed afterwards. */
export type Bench = (run: Run) => Promise<Row[]>

export interface Run {
  readonly folder: string
  readonly settings: Settings
  /** Says something while it runs. */
  note (text: string): void
}
