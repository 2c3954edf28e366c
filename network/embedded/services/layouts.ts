/** Up to here every subset is looked at; above, only those that a rotation of the list leads to. */
const exhaustiveUpTo = 10

/** Do the peers of these organizations together satisfy the policy? */
type Satisfies = (set: readonly string[]) => boolean

/** The minimal sets of `mspIds` that satisfy, smaller sets first. Empty when not even all of them do. */
export function minimalEndorsers (satisfies: Satisfies, mspIds: readonly string[]): string[][] {
  if (!satisfies(mspIds)) return []
  return mspIds.length <= exhaustiveUpTo ? allMinimal(mspIds, satisfies) : rotatedMinimal(mspIds, satisfies)
}

function allMinimal (mspIds: readonly string[], satisfies: Satisfies): string[][] {
  const minimal: number[] = []
  for (const mask of masksBySize(mspIds.length)) {
    const containsOne = minimal.some((smaller) => (mask & smaller) === smaller)
    if (!containsOne && satisfies(members(mspIds, mask))) minimal.push(mask)
  }
  return minimal.map((mask) => members(mspIds, mask))
}

function masksBySize (count: number): number[] {
  const masks = Array.from({ length: 2 ** count }, (_, mask) => mask)
  return masks.sort((a, b) => bits(a) - bits(b))
}

function bits (mask: number): number {
  let count = 0
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++
  return count
}

function members (mspIds: readonly string[], mask: number): string[] {
  return mspIds.filter((_, index) => (mask & (1 << index)) !== 0)
}

/** From each rotation, drops organizations from the end while the rest still satisfies. */
function rotatedMinimal (mspIds: readonly string[], satisfies: Satisfies): string[][] {
  const found = new Map<string, string[]>()
  for (let first = 0; first < mspIds.length; first++) {
    let kept = [...mspIds.slice(first), ...mspIds.slice(0, first)]
    for (const candidate of [...kept].reverse()) {
      const without = kept.filter((mspId) => mspId !== candidate)
      if (satisfies(without)) kept = without
    }
    found.set([...kept].sort().join(), kept)
  }
  return [...found.values()]
}
