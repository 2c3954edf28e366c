import { createHash } from 'node:crypto'
import { type Channel, OrderError } from '../channel.js'

/** Envelopes that are remembered after they were ordered. */
const REMEMBERED = 10_000

const pools = new WeakMap<Channel, Set<string>>()

/**
 * Orders an envelope once, however many orderers a client gives it to and however often: SmartBFT's orderers keep a pool of requests for
 * that, and answer the others in these words.
 * @throws OrderError
 */
export async function orderOnce (channel: Channel, envelope: Uint8Array): Promise<void> {
  const pool = pools.get(channel) ?? new Set()
  pools.set(channel, pool)
  const digest = createHash('sha256').update(envelope).digest('base64')
  if (pool.has(digest)) throw new OrderError(503, 'failed to submit request: request already exists')
  pool.add(digest)
  try {
    await channel.order(envelope)
  } catch (error) {
    pool.delete(digest)
    throw error
  }
  const [oldest] = pool
  if (pool.size > REMEMBERED && oldest !== undefined) pool.delete(oldest)
}
