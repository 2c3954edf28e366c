import { common, type orderer } from '@hyperledger/fabric-protos'

/** Numbers of the first and of the last block to deliver; the last may be far in the future. */
export interface SeekRange {
  readonly start: number
  readonly stop: number
}

/**
 * What a seek request means at the current height, or the status that refuses it.
 * Numbers beyond 2^53 ("never stop" is 2^64 - 1) lose precision in JavaScript, which no comparison here minds.
 */
export function seekRange (info: orderer.SeekInfo, height: number): SeekRange | 400 | 404 {
  const from = info.getStart()
  const to = info.getStop()
  if (from === undefined || to === undefined) return common.Status.BAD_REQUEST
  const start = position(from, height)
  if (start > height) return common.Status.NOT_FOUND
  const stop = to.hasOldest() ? start : position(to, height)
  if (to.hasSpecified() && stop < start) return common.Status.BAD_REQUEST
  return { start, stop }
}

function position (seek: orderer.SeekPosition, height: number): number {
  if (seek.hasSpecified()) return seek.getSpecified()?.getNumber() ?? 0
  if (seek.hasOldest()) return 0
  return seek.hasNextCommit() ? height : height - 1
}
