/**
 * One line of the result. `ratio` is always better when it is larger, and `met` says whether it reached `goal`: a rate against another
 * rate of the same run, or a limit against what was measured (1 is just at the limit).
 */
export interface Row {
  readonly name: string
  readonly ours: number
  readonly against: number
  readonly unit: string
  readonly ratio: number
  readonly goal: number
  readonly met: boolean
  /** What the two numbers are, for the table. */
  readonly what: string
}

/** A rate and the rate that bounds it, both measured in this run. */
export function atLeast (name: string, what: string, unit: string, ours: number, against: number, goal: number): Row {
  return row(name, what, unit, ours, against, ours / against, goal)
}

/** Something that must not exceed a limit; `against` is the limit. */
export function atMost (name: string, what: string, unit: string, ours: number, limit: number): Row {
  return row(name, what, unit, ours, limit, limit / ours, 1)
}

/** Two measurements that should be equal, within a share of the smaller one. */
export function flat (name: string, what: string, unit: string, early: number, late: number, within: number): Row {
  return row(name, what, unit, late, early, Math.min(early, late) / Math.max(early, late), 1 / (1 + within))
}

function row (name: string, what: string, unit: string, ours: number, against: number, ratio: number, goal: number): Row {
  return { name, ours: rounded(ours), against: rounded(against), unit, ratio: rounded(ratio), goal: rounded(goal), met: ratio >= goal, what }
}

function rounded (value: number): number {
  return Number(value.toPrecision(4))
}

export function table (rows: readonly Row[]): string {
  const cells = rows.map(({ name, ours, against, unit, ratio, goal, met, what }) =>
    [name, String(ours), String(against), unit, ratio.toFixed(2), `>= ${goal.toFixed(2)}`, met ? 'met' : 'NOT MET', what])
  const all = [['row', 'ours', 'against', 'unit', 'ratio', 'goal', '', 'ours / against'], ...cells]
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((line) => (line[column] ?? '').length)))
  return all.map((line) => line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ').trimEnd()).join('\n')
}
