import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { batchHeaderBytes, batchLeaf } from '../../src/core/batch.js'
import { toBase64url, toHex } from '../../src/core/bytes.js'
import { parseConfigBlock } from '../../src/core/fabric/config.js'
import { anchorArgument } from '../../src/core/log.js'
import { appendLeaf, type CompactRange, emptyRange, rangeRoot } from '../../src/core/merkle.js'
import { askEveryone, Disagreement } from '../../src/ledger/fabric/agreement.js'
import { createBlockReader } from '../../src/ledger/fabric/blocks.js'
import type { FabricClient } from '../../src/ledger/fabric/client.js'
import { FabricFailure } from '../../src/ledger/fabric/failure.js'
import { transactionPayload } from '../../src/ledger/fabric/messages.js'
import { ensureIdentity } from '../../src/ledger/identity/enrolment.js'
import { ecdsaSigner } from '../../src/ledger/identity/signer.js'
import { createWallet } from '../../src/ledger/identity/wallet.js'
import type { LedgerClient } from '../../src/ledger/open.js'
import { readProfile } from '../../src/ledger/profile.js'
import { nodeCrypto } from '../../src/platform/node.js'

const LOOK_MS = 20
/** For each transaction in flight. */
const LOGS = 4

export interface NaiveOptions {
  readonly client: LedgerClient
  readonly profile: string
  readonly wallet: string
  /** Transactions in flight. */
  readonly inFlight: number
  readonly seconds: number
  readonly spki: Uint8Array
}

/**
 * What this project does not do: a transaction for each deposit. It is made as cheap as it can be: no read-back, one look at each
 * block for all that are in flight, and each of them in a log of its own, so that no two conflict. There are more logs than transactions in
 * flight: a log is used again when the slower peers have its last one too. Transactions committed a second.
 */
export async function oneTransactionEach (options: NaiveOptions): Promise<number> {
  const profile = await readProfile(options.profile)
  const { identity } = await ensureIdentity({ profile, wallet: createWallet(options.wallet), label: 'naive', now: Date.now() })
  const given = { profile, identity, requestMs: 30_000 }
  const client = options.client === 'fabric-gateway'
    ? (await import('../../src/ledger/fabric-gateway/client.js')).createFabricGatewayClient(given)
    : (await import('../../src/ledger/fabric-network/client.js')).createFabricNetworkClient({ ...given, asLocalhost: false })
  const following = new AbortController()
  try {
    const config = parseConfigBlock(nodeCrypto, await client.evaluate('cscc', ['GetConfigBlock', profile.channel]))
    const organizations = [...config.applicationMsps.keys()].slice(0, Math.floor(config.applicationMsps.size / 2) + 1)
    const commits = watchCommits(client, profile.channel, following.signal)
    const sign = ecdsaSigner(identity.privateKeyPem)
    const submit = async (args: readonly [string, ...string[]]): Promise<void> => {
      const proposal = await client.propose(profile.chaincode, args)
      const answers = await askEveryone(proposal, organizations, { graceMs: 10_000, answerMs: 30_000 })
      const payload = transactionPayload(proposal, answers)
      const committed = commits.wait(proposal.txId)
      await client.broadcast({ txId: proposal.txId, payload, signature: sign(payload) })
      if (await committed !== 0) throw new Error('a transaction of the comparison was not valid')
    }
    const spki = toBase64url(options.spki)
    const logs = Array.from({ length: LOGS * options.inFlight }, () => ({ log: `naive.example/${randomBytes(8).toString('hex')}`, range: emptyRange() }))
    const parts = Array.from({ length: options.inFlight }, (_, i) => logs.filter((_, j) => j % options.inFlight === i))
    await Promise.all(parts.map(async (part) => {
      for (const { log } of part) await submit(['openLog', log, '30000', '86400000', spki])
    }))
    let done = 0
    const began = performance.now()
    const until = began + options.seconds * 1000
    await Promise.all(parts.map(async () => {
      for (let used = logs.shift(); used !== undefined && performance.now() < until; used = logs.shift(), done++) {
        const { log, range } = used
        const next = header(log, range)
        await whenSettled(async () => { await submit(['anchor', log, anchorArgument([batchHeaderBytes(next)])]) })
        logs.push({ log, range: appendLeaf(nodeCrypto, range, batchLeaf(nodeCrypto, next)) })
      }
    }))
    return done / ((performance.now() - began) / 1000)
  } finally {
    following.abort()
    await client.close()
  }
}

/** Again, when a peer was asked that is still behind. */
async function whenSettled (run: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await run()
      return
    } catch (error) {
      const behind = error instanceof Disagreement || (error instanceof FabricFailure && error.message.startsWith('GAP: '))
      if (!behind) throw error
      await sleep(LOOK_MS)
    }
  }
}

function header (log: string, range: CompactRange): Parameters<typeof batchHeaderBytes>[0] {
  return {
    type: 'steelyard/batch/v1',
    hash: 'sha256',
    log,
    number: String(range.size),
    first: String(range.size),
    size: '1',
    root: randomBytes(32).toString('hex'),
    sealedAt: new Date().toISOString(),
    previousHead: toHex(rangeRoot(nodeCrypto, range))
  }
}

/** Validation codes of transactions, from the blocks as they come. */
function watchCommits (client: FabricClient, channel: string, signal: AbortSignal): { wait (txId: string): Promise<number> } {
  const reader = createBlockReader(client, channel)
  const waiting = new Map<string, (code: number) => void>()
  const run = async (): Promise<void> => {
    let next = Number(await reader.height())
    while (!signal.aborted) {
      const block = await reader.block(String(next))
      if (block === undefined) await sleep(LOOK_MS)
      else {
        for (const { txId, code } of block.transactions) waiting.get(txId)?.(code)
        next++
      }
    }
  }
  run().catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
  return { wait: async (txId) => await new Promise((resolve) => { waiting.set(txId, resolve) }) }
}
