import { fromBase64url, toHex } from '../core/bytes.js'
import { unlessRefused } from '../core/errors.js'
import { dataHash, headerHash } from '../core/fabric/block.js'
import { LIFECYCLE, sequenceKey } from '../core/fabric/definition.js'
import { parseEndorserTransaction } from '../core/fabric/transaction.js'
import { type Entity, fingerprint, parseTrustBundle, type TrustBundle, trustBundleBytes, type TrustIdentity } from '../core/trust-bundle.js'
import { openTrust, type TrustRoot } from '../core/verify/trust-root.js'
import { LedgerError } from '../ledger/errors.js'
import type { Ledger, LedgerBlock } from '../ledger/ledger.js'
import type { Anchors, StoredBlock } from '../store/anchors.js'
import { type BundleState, type Meta, NOT_SCANNED } from '../store/meta.js'
import { StoreError, unlessDamaged } from '../store/errors.js'
import { attestClosedHeads } from './closed-heads.js'
import type { Context } from './context.js'
import { NotaryError } from './errors.js'
import type { Progress } from './progress.js'
import { createStage, type Stage } from './stage.js'

/** What no ledger says of itself: who the organizations are. From the network's description. */
export interface TrustFacts {
  readonly kind: TrustIdentity['kind']
  readonly entities: readonly Entity[]
}

export interface CurrentBundle {
  readonly bundle: TrustBundle
  readonly bytes: Uint8Array
  readonly fingerprint: string
  /** Sizes of the log at the closed heads, ascending. */
  readonly closedSizes: readonly number[]
}

/**
 * The trust bundle, assembled from the ledger: block 0, every configuration block after it, the blocks that committed our chaincode's
 * definition, attested reads of the receipt keys and of the log's heads at the ends of closed ranges. The scanner looks at each block once;
 * what it found, and the last bundle, are kept, so that the bundle is there while the ledger is not. It owns the bundle state and the
 * blocks it keeps.
 */
export interface Bundles extends Stage {
  /** The bundle, or BUNDLE_NOT_READY before the ledger was first reached. */
  current (): CurrentBundle
  readonly fingerprint: string | undefined
  /** Sizes of the log at the bundle's closed heads, ascending; the same array while the bundle is the same. */
  readonly closedSizes: readonly number[]
  /** SPKI of a receipt key that the ledger registers for the log, as far as the bundle knows. */
  receiptKey (keyId: string): Uint8Array | undefined
}

export interface BundleOptions {
  readonly context: Context
  readonly meta: Meta
  readonly anchors: Anchors
  readonly progress: Progress
  readonly ledger: () => Ledger | undefined
  readonly facts: () => TrustFacts
  readonly onChange: (current: CurrentBundle) => void
}

const CONFIGURATION = 1
const ENDORSER_TRANSACTION = 3
/** How often new blocks are looked for; a bundle is allowed to be older than a proof. */
const LOOK_MS = 5000
const PAGE = 64
const NOTHING_CLOSED: readonly number[] = []

export async function createBundles (options: BundleOptions): Promise<Bundles> {
  const { context, meta, anchors, progress, ledger, onChange } = options
  // What is not what was written is made anew, of the ledger's blocks.
  let state = await unlessDamaged(meta.bundle()) ?? NOT_SCANNED
  const saved = await meta.bundleFile()
  let current = saved === undefined ? undefined : unlessRefused(() => describe(context, saved))
  let keysFor: CurrentBundle | undefined // whose `keys` are; read when somebody asks, since the service's own key is known without
  let keys: TrustRoot['keys'] | undefined
  let isAttested = false // keys and heads are read once after each start, and when something changed
  let unsettled = 0 // when as many batches are final, all that stand before the last change are

  const scan = async (chosen: Ledger, height: number): Promise<boolean> => {
    const from = Number(state.scanned)
    const blocks = await readPage(chosen, from, Math.min(height, from + PAGE))
    const relevant = blocks.map((block) => ({ block, ...relevance(block, chosen.chaincode) }))
    let next: BundleState = { ...state, scanned: String(from + blocks.length) }
    for (const { block: { data }, isConfig, definition } of relevant) {
      if (isConfig || definition !== undefined) await anchors.keepBlock(data)
      if (isConfig && data.number !== '0') next = { ...next, configs: [...next.configs, data.number] }
      if (definition !== undefined) {
        next = { ...next, definitions: [...next.definitions, { block: data.number, transaction: String(definition) }] }
      }
    }
    const isNew = relevant.some(({ isConfig, definition }) => isConfig || definition !== undefined)
    if (isNew || blocks.length === PAGE) await meta.saveBundle(next)
    state = next
    return isNew
  }

  /** Whether every batch that stands before a block is final. Later ones would change the head that was published. */
  const isSettled = async (change: number): Promise<boolean> => {
    const { final, sealed } = progress
    return final.batches === sealed.batches || Number((await anchors.location(final.batches - 1))?.block ?? 0) > change
  }

  const assemble = async (chosen: Ledger, areSettled: boolean): Promise<void> => {
    const block = async (number: string): Promise<StoredBlock> => {
      const found = await anchors.block(number)
      if (found === undefined) throw new StoreError({ code: 'DAMAGED', message: `block ${number} is missing in the database` })
      return found
    }
    const genesis = await block('0')
    const { configs, definitions } = state
    const changes = [...configs, ...definitions.slice(1).map((at) => at.block)].map(Number)
    const settled: number[] = []
    for (const change of changes) if (areSettled || await isSettled(change)) settled.push(change)
    const closed = await attestClosedHeads(chosen, (batch) => anchors.location(batch), progress.final.batches, settled)
    const { attestation, identities } = await chosen.attestKeys()
    const data = genesis.data.map(fromBase64url)
    const hash = toHex(headerHash(context.crypto, { number: 0n, previousHash: new Uint8Array(0), dataHash: dataHash(context.crypto, data) }))
    if (current !== undefined && current.bundle.identity.genesis !== hash) {
      throw new StoreError({ code: 'DAMAGED', message: 'block 0 in the database is not the one of the trust bundle: another one would get another fingerprint' })
    }
    const { kind, entities } = options.facts()
    const bundle: TrustBundle = {
      type: 'steelyard/trust-bundle/v1',
      identity: {
        type: 'steelyard/trust-identity/v1',
        kind,
        log: context.origin,
        channel: chosen.channel,
        genesis: hash,
        chaincode: chosen.chaincode,
        entities
      },
      history: {
        genesis: { number: '0', data: genesis.data },
        configs: await Promise.all(configs.map(block)),
        definitions: await Promise.all(definitions.map(async (at) => ({ block: await block(at.block), transaction: at.transaction }))),
        keys: attestation,
        ...(closed.heads.length === 0 ? {} : { heads: closed.heads }),
        identities: { ...closed.identities, ...identities }
      }
    }
    const bytes = trustBundleBytes(bundle)
    await meta.saveBundleFile(bytes)
    current = describe(context, bytes)
    onChange(current)
  }

  const renew = async (chosen: Ledger, isNew: boolean, isSettling: boolean): Promise<void> => {
    isAttested = false
    const { sealed, final } = progress
    await assemble(chosen, isSettling && !isNew)
    unsettled = isNew && final.batches < sealed.batches ? sealed.batches : 0
    isAttested = true
  }

  const stage = createStage({
    name: 'trust-bundle',
    clock: context.clock,
    log: context.log,
    depth: () => 0,
    async step () {
      const chosen = ledger()
      if (chosen === undefined) return false
      const height = Number(await chosen.height())
      const isSettling = unsettled > 0 && progress.final.batches >= unsettled
      let isNew = !isAttested || current === undefined
      while (Number(state.scanned) < height) isNew = await scan(chosen, height) || isNew
      if (isNew || isSettling) await renew(chosen, isNew, isSettling)
      return LOOK_MS
    }
  })
  return {
    ...stage,
    get fingerprint () { return current?.fingerprint },
    get closedSizes () { return current?.closedSizes ?? NOTHING_CLOSED },
    receiptKey (keyId) {
      if (current === undefined) return undefined
      if (keysFor !== current) {
        keysFor = current
        keys = openTrust(context.crypto, { bundleSource: 'operator', trustAsGiven: true, bundle: current.bytes }).root?.keys
      }
      const spki = keys?.get(keyId)?.spki
      return spki === undefined ? undefined : fromBase64url(spki)
    },
    current () {
      if (current === undefined) {
        throw new NotaryError({ code: 'BUNDLE_NOT_READY', message: 'the ledger was not reached yet', retryAfter: 2 })
      }
      return current
    }
  }
}

async function readPage (ledger: Ledger, from: number, to: number): Promise<LedgerBlock[]> {
  const numbers = Array.from({ length: to - from }, (_, i) => String(from + i))
  const blocks = await Promise.all(numbers.map((number) => ledger.block(number)))
  if (blocks.some(({ data }, i) => data.number !== numbers[i])) {
    throw new LedgerError({ code: 'PROTOCOL', message: 'the ledger gave another block than was asked for' })
  }
  return blocks
}

/** Whether a block sets the configuration, and which of its transactions commits our chaincode's definition. */
function relevance ({ data, transactions }: LedgerBlock, chaincode: string): { isConfig: boolean, definition: number | undefined } {
  const index = transactions.findIndex(({ type, code }, i) => {
    return type === ENDORSER_TRANSACTION && code === 0 && commitsDefinition(fromBase64url(data.data[i] ?? ''), chaincode)
  })
  return { isConfig: transactions.some(({ type }) => type === CONFIGURATION), definition: index < 0 ? undefined : index }
}

function commitsDefinition (envelope: Uint8Array, chaincode: string): boolean {
  try {
    const { chaincodeName, readWriteSets } = parseEndorserTransaction(envelope)
    const written = readWriteSets.find(({ namespace }) => namespace === LIFECYCLE)?.writes ?? []
    return chaincodeName === LIFECYCLE && written.some(({ key }) => key === sequenceKey(chaincode))
  } catch {
    return false // another application's transaction, in a form that is no business of ours
  }
}

function describe (context: Context, bytes: Uint8Array): CurrentBundle {
  const bundle = parseTrustBundle(bytes)
  return {
    bundle,
    bytes,
    fingerprint: fingerprint(context.crypto, bundle.identity),
    closedSizes: (bundle.history.heads ?? []).map(({ batch }) => Number(batch) + 1)
  }
}
