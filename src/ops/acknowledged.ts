import type { HighWaterMark } from '../store/high-water.js'
import type { View } from '../store/maintenance.js'
import type { Findings } from './report.js'
import { endOf } from './stored.js'

/** Deposits that were acknowledged from a data folder, by the mark beside its database, and that come after all that the database has. */
export async function checkAcknowledged (view: View, findings: Findings, { acknowledged, unreadable }: HighWaterMark): Promise<void> {
  if (unreadable !== undefined) findings.couldNotCheck('what was acknowledged from this folder', `its mark cannot be read (high-water): ${unreadable}`)
  const here = await endOf(view, 'r')
  if (acknowledged === undefined) {
    if (unreadable === undefined && here > 0) findings.note('the folder has no mark of what was acknowledged from it (high-water): nothing here says whether its end is lost')
    return
  }
  if (here >= acknowledged) return
  const says = `acknowledged from this folder, and its database ends at record ${here - 1}: it was set back to an older state, or its log was cut`
  findings.differs({ layer: 'record', object: `records ${here} to ${acknowledged - 1}`, code: 'RECORD_MISSING', says }, here)
}
