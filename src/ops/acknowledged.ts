import type { View } from '../store/maintenance.js'
import type { Findings } from './report.js'
import { endOf } from './stored.js'

/** Deposits that were acknowledged from a data folder, by the mark beside its database, and that come after all that the database has. */
export async function checkAcknowledged (view: View, findings: Findings, acknowledged: number): Promise<void> {
  const here = await endOf(view, 'r')
  if (here >= acknowledged) return
  const says = `acknowledged from this folder, and its database ends at record ${here - 1}: it was set back to an older state, or its log was cut`
  findings.differs({ layer: 'record', object: `records ${here} to ${acknowledged - 1}`, code: 'RECORD_MISSING', says }, here)
}
