import { parseRecord } from '../core/record.js'
import { numberKey, readNumber } from '../store/keys.js'
import type { View } from '../store/maintenance.js'
import type { Findings } from './report.js'
import { endOf, readable, readHeader } from './stored.js'

/**
 * Whether the end of the log is where its last key says: from the last record that is sealed on, each has to be there and say that it is the one of
 * its key. A key that changed on the disk would be the end otherwise, and the mark of what was acknowledged would be begun at it. What is sealed
 * is held to the headers, so that a log of any length costs no more than what waits to be sealed.
 */
export async function checkEnd (view: View, findings: Findings): Promise<void> {
  const sealed = await sealedEnd(view)
  let next = Math.max(sealed - 1, 0)
  for await (const [key, bytes] of view.entries('r', numberKey('r', next))) {
    if (key.length !== 9 || readNumber(key, 1) !== next) {
      missing(findings, next, `the database goes on with something under the key ${key.toString('hex')}`)
      return
    }
    const says = readable(() => parseRecord(bytes))?.sequence ?? 'none'
    if (says !== String(next)) {
      const position = `at the end of the log, and what lies under its key says that it is record ${says}`
      findings.differs({ layer: 'record', object: `record ${next}`, code: 'RECORD_POSITION', says: position }, next)
      return
    }
    next++
  }
  if (next < sealed) missing(findings, next, 'its batch was sealed')
}

function missing (findings: Findings, sequence: number, why: string): void {
  const says = `there is no such record, and ${why}: where the log ends cannot be told`
  findings.differs({ layer: 'record', object: `record ${sequence}`, code: 'RECORD_MISSING', says }, sequence)
}

/** By the last header; the log's beginning where that cannot be read. */
async function sealedEnd (view: View): Promise<number> {
  const batches = await endOf(view, 'h')
  const last = batches === 0 ? undefined : await readHeader(view, batches - 1)
  return last === undefined ? 0 : Number(last.header.first) + Number(last.header.size)
}
