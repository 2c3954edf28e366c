/**
 * What LevelDB's repair says in its file LOG, and does not answer: whatever it cannot write it ignores, moves what it was made of out of the way and
 * goes on. Of a table that it cannot write again it says nothing at all, and on a full disk its LOG breaks off. So what is asked here is what it says
 * that it has saved: each log in a table, and each table as it was or written again as far as it can be read.
 */
export interface Unsaved {
  /** A file of the database, or a step. */
  readonly what: string
  /** LevelDB's words, where it has said any. */
  readonly why?: string
}

/** `files`: the names of the logs and tables that were there. Empty when all is saved that can be read. */
export function unsavedIn (log: string, files: readonly string[]): Unsaved[] {
  const lines = log.split('\n').map((line) => line.replace(/^\S+ [0-9a-f]+ /, ''))
  const said = (pattern: RegExp): RegExpExecArray[] => lines.map((line) => pattern.exec(line)).filter((found) => found !== null)
  const logs = new Map(said(/^Log #(\d+): (\d+) ops saved to Table #(\d+) (.+)$/).map(([, number, ops, table, status]) => [number, { ops, table, status }]))
  const tables = new Map(said(/^Table #(\d+): (\d+) entries (?!repaired$)(.+)$/).map(([, number, entries, status]) => [number, { entries, status }]))
  const repaired = new Set(said(/^Table #(\d+): \d+ entries repaired$/).map(([, number]) => number))

  const ofLog = (what: string, number: string): Unsaved[] => {
    const { ops, table, status } = logs.get(number) ?? {}
    if (status !== 'OK') return [unsaved(what, status)]
    return ops === '0' ? [] : ofTable(what, table as string)
  }
  const ofTable = (what: string, number: string): Unsaved[] => {
    const { entries, status } = tables.get(number) ?? {}
    if (status === undefined || isFailure(status)) return [unsaved(what, status)]
    return status === 'OK' || entries === '0' || repaired.has(number) ? [] : [{ what }]
  }
  return [
    ...said(/^Archiving (.+): (?!OK$)(.+)$/).map(([, what = '', why]) => unsaved(what, why)),
    ...said(/^Log #(\d+): dropping \d+ bytes; (.+)$/).filter(([, , why = '']) => isFailure(why)).map(([, number, why]) => unsaved(`log ${number}`, why)),
    ...files.flatMap((name) => (name.endsWith('.log') ? ofLog : ofTable)(name, String(Number.parseInt(name, 10)))),
    ...(said(/^\*{4} Repaired leveldb /).length > 0 ? [] : [{ what: 'LOG' }])
  ]
}

function unsaved (what: string, why: string | undefined): Unsaved {
  return why === undefined ? { what } : { what, why }
}

/** Of the system, not of what was read: LevelDB has the words `Invalid argument` for a table that ends before the part that it looks for. */
function isFailure (status: string): boolean {
  return status.startsWith('IO error') && !status.endsWith('Invalid argument')
}
