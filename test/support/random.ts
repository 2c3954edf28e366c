/** Repeatable randomness for tests that print their seed (mulberry32). */
export interface Random {
  below (limit: number): number
  pick<T> (list: readonly T[]): T
}

export function randomFrom (seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return (x ^ (x >>> 14)) >>> 0
  }
  return {
    below: (limit) => next() % limit,
    pick: (list) => list[next() % list.length] as never
  }
}
