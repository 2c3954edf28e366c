/** Half of what nghttp2 takes at once, and what it takes a second: a client may be further than the count here. */
const BURST = 500
const PER_SECOND = 33

/**
 * Counts the calls of a server's clients against the number of reset streams that Node's HTTP/2 server takes of one connection: 1,000 at
 * once and 33 a second (nghttp2's guard against CVE-2023-44487, which Node 20 gives no way to set). The gRPC of fabric-network resets
 * every stream at its end, so that a busy client would lose its connection, and every call on it, by GOAWAY with INTERNAL_ERROR.
 * Fabric's server, in Go, has no such limit. `isSpent` is asked at each call; when it says so, clients are to be moved to new connections.
 */
export function createResetBudget (now: () => number = Date.now): { isSpent (): boolean } {
  let left = BURST
  let at = now()
  return {
    isSpent () {
      const time = now()
      left = Math.min(BURST, left + Math.max(0, time - at) * PER_SECOND / 1000) - 1
      at = time
      if (left > 0) return false
      left = BURST
      return true
    }
  }
}
