import { createPrivateKey } from 'node:crypto'
import '../fabric/quiet.js' // before the library, which makes its logger when it is loaded
import type { Channel, Committer, Discoverer, Endorser, IdentityContext, ServiceEndpoint } from 'fabric-common'
import { Gateway } from 'fabric-network'
import type { FabricClient, PeerAnswer, SignedEnvelope } from '../fabric/client.js'
import { FabricFailure } from '../fabric/failure.js'
import { proposalParts } from '../fabric/messages.js'
import type { StoredIdentity } from '../identity/wallet.js'
import { type LedgerProfile, rawWithoutOwnPeers } from '../profile.js'
import { signingProvider } from './signing-provider.js'

export interface FabricNetworkOptions {
  readonly profile: LedgerProfile
  readonly identity: StoredIdentity
  /** Whether discovered peers are reached at localhost, as with port-mapped containers. */
  readonly asLocalhost: boolean
  readonly requestMs: number
}

/** What the library answers for a proposal (fabric-protos, by protobufjs). */
interface ProposalResponse {
  readonly response: { readonly status: number, readonly message: string, readonly payload: Buffer }
  readonly payload: Buffer
  readonly endorsement?: { readonly endorser: Buffer, readonly signature: Buffer } | null
}

interface Session {
  readonly gateway: Gateway
  readonly channel: Channel
  readonly context: IdentityContext
}

/** For a connection to a peer or orderer to become ready. */
const CONNECT_MS = 1000
const UNAVAILABLE = 14
/** An orderer's answers after which it certainly has not taken the transaction. */
const REFUSALS = ['FORBIDDEN', 'BAD_REQUEST', 'NOT_FOUND']

/**
 * fabric-network behind the adapters' port: one long-lived gateway, which finds peers and orderers by discovery and holds their
 * connections. Its submit and its commit events are not used: it asks the peers of a plan made at connect time, sends to one
 * orderer, which may be the one that the others have left behind, and without an event peer it reports a commit that it never saw.
 */
export function createFabricNetworkClient (options: FabricNetworkOptions): FabricClient {
  const { profile, identity, requestMs } = options
  // The library's options object has its own idea of both: milliseconds under two spellings.
  const connection = { 'grpc-wait-for-ready-timeout': CONNECT_MS, requestTimeout: requestMs, 'request-timeout': requestMs }
  let session: Promise<Session> | undefined
  let discovering = false
  let closed = false

  /** The library asks peers of the own organization alone where the others are. While these are away, it gets a profile without them. */
  async function connect (): Promise<Session> {
    try {
      return await connectBy(profile.raw)
    } catch (error) {
      const others = kindOf(error) === 'unreachable' ? rawWithoutOwnPeers(profile) : undefined
      if (others === undefined) throw error
      return await connectBy(others)
    }
  }

  async function connectBy (raw: LedgerProfile['raw']): Promise<Session> {
    const gateway = new Gateway()
    const { identity: named, identityProvider } = signingProvider(identity)
    await gateway.connect(raw, {
      identity: named,
      identityProvider,
      // Without this the library makes a key by jsrsasign. Peers that ask for no client certificate ignore it.
      tlsInfo: { certificate: identity.certificatePem, key: pkcs8(identity) },
      discovery: { enabled: true, asLocalhost: options.asLocalhost },
      'connection-options': connection
    })
    try {
      const channel = (await gateway.getNetwork(profile.channel)).getChannel()
      const context = gateway.identityContext
      if (context === undefined) throw new Error('the gateway has no identity')
      return { gateway, channel, context }
    } catch (error) {
      gateway.disconnect()
      throw error
    }
  }

  /** The session; a failed connect is tried again by the next call. */
  async function open (): Promise<Session> {
    if (closed) throw new FabricFailure('unreachable', 'the ledger connection is closed')
    session ??= connect()
    const current = session
    try {
      return await current
    } catch (error) {
      if (session === current) session = undefined
      throw new FabricFailure(kindOf(error), `no connection to the network: ${messageOf(error)}`, error)
    }
  }

  /**
   * Looks for nodes that were absent at the last discovery, through any peer that answers. In the background and one at a time: it waits
   * for each dead node that it is told of.
   */
  function rediscover ({ channel, context }: Session): void {
    if (discovering) return
    discovering = true
    const service = channel.newDiscoveryService(`${channel.name}-again`)
    const targets = channel.getEndorsers().map((endorser) => discovererAt(channel, endorser))
    service.build(context)
    service.sign(context)
    service.send({ asLocalhost: options.asLocalhost, requestTimeout: requestMs, targets })
      .catch(() => undefined) // the next absence asks again
      .finally(() => {
        for (const target of targets) target.disconnect()
        discovering = false
      })
  }

  function build ({ channel, context }: Session, chaincode: string, [fcn, ...args]: readonly [string, ...string[]]): BuiltProposal {
    const endorsement = channel.newEndorsement(chaincode)
    endorsement.build(context.calculateTransactionId(), { fcn, args, generateTransactionId: false })
    endorsement.sign(context)
    return endorsement.getSignedProposal() as BuiltProposal
  }

  async function askOrganization (current: Session, organization: string, signed: BuiltProposal): Promise<PeerAnswer> {
    const endorsers = current.channel.getEndorsers(organization)
    let failure = new FabricFailure('unreachable', `no peer of ${organization} is known`)
    for (const endorser of endorsers) {
      try {
        return endorsed(await ask(endorser, signed, requestMs), endorser.name)
      } catch (error) {
        failure = asFailure(error)
        if (failure.kind === 'contract') throw failure
      }
    }
    rediscover(current)
    throw failure
  }

  return {
    async evaluate (chaincode, args) {
      const current = await open()
      const signed = build(current, chaincode, args)
      const own = current.channel.getEndorsers(identity.mspId)
      const others = current.channel.getEndorsers().filter((endorser) => !own.includes(endorser))
      let failure = new FabricFailure('unreachable', 'no peer is known')
      for (const endorser of [...own, ...others]) {
        try {
          const answer = await ask(endorser, signed, requestMs)
          return new Uint8Array(answer.response.payload)
        } catch (error) {
          failure = asFailure(error)
          if (failure.kind === 'contract') throw failure
        }
      }
      rediscover(current)
      throw failure
    },
    async propose (chaincode, args) {
      const current = await open()
      const signed = build(current, chaincode, args)
      return {
        ...proposalParts(signed.proposal_bytes),
        ask: async (organization) => await askOrganization(current, organization, signed)
      }
    },
    async broadcast (transaction) {
      const current = await open()
      await broadcastToAll(current.channel.getCommitters(), transaction, requestMs)
    },
    async close () {
      closed = true
      const current = await session?.catch(() => undefined)
      current?.gateway.disconnect()
    }
  }
}

/** The library's types leave the member out. */
function isConnected (endpoint: ServiceEndpoint): boolean {
  return (endpoint as ServiceEndpoint & { connected: boolean }).connected
}

interface BuiltProposal { readonly signature: Buffer, readonly proposal_bytes: Buffer }

function pkcs8 ({ privateKeyPem }: StoredIdentity): string {
  return createPrivateKey(privateKeyPem).export({ format: 'pem', type: 'pkcs8' }).toString()
}

function discovererAt (channel: Channel, endorser: Endorser): Discoverer {
  const discoverer = channel.client.newDiscoverer(endorser.name, endorser.mspid)
  discoverer.setEndpoint(endorser.endpoint)
  return discoverer
}

/** One peer's answer, endorsed or not; an error of its chaincode is a `contract` failure. */
async function ask (endorser: Endorser, signed: BuiltProposal, timeoutMs: number): Promise<ProposalResponse> {
  if (!isConnected(endorser) && !await endorser.checkConnection()) {
    throw new FabricFailure('unreachable', `${endorser.name} cannot be reached`)
  }
  let answer: ProposalResponse
  try {
    answer = await endorser.sendProposal(signed as never, timeoutMs) as ProposalResponse
  } catch (error) {
    // A fresh connection next time: the old one may wait long before it tries again.
    if (codeOf(error) === UNAVAILABLE) endorser.disconnect()
    throw new FabricFailure(kindOf(error), `${endorser.name}: ${messageOf(error)}`, error)
  }
  const { status, message } = answer.response
  if (status >= 400) {
    // A peer's own errors come without a payload; those of the contract with one.
    const own = answer.payload.length === 0 && !isSystemError(message)
    throw new FabricFailure(own ? 'unreachable' : 'contract', message)
  }
  return answer
}

/** qscc's and cscc's refusals come without a payload too. */
function isSystemError (message: string): boolean {
  return message.startsWith('Failed to get ') || message.startsWith('Unknown channel')
}

function endorsed (answer: ProposalResponse, peer: string): PeerAnswer {
  const { payload, endorsement } = answer
  if (endorsement === undefined || endorsement === null) {
    throw new FabricFailure('unreachable', `${peer} answered without an endorsement`)
  }
  return {
    responsePayload: new Uint8Array(payload),
    endorsement: { endorser: new Uint8Array(endorsement.endorser), signature: new Uint8Array(endorsement.signature) }
  }
}

/**
 * To all orderers at once, as Fabric's own gateway does where they agree by SmartBFT: those that have a request complain when nobody
 * orders it, and so find another leader. One orderer alone may be waiting for a change of leader that the others do not see, and then
 * what only it was given is never ordered. Enough is when one that is not faulty must be among those who accepted.
 */
async function broadcastToAll (
  committers: readonly Committer[], { payload, signature }: SignedEnvelope, timeoutMs: number
): Promise<void> {
  const envelope = { payload: Buffer.from(payload), signature: Buffer.from(signature) }
  const needed = Math.floor((committers.length - 1) / 3) + 1
  const failures: FabricFailure[] = []
  let accepted = 0
  await new Promise<void>((resolve) => {
    if (committers.length === 0) resolve()
    for (const committer of committers) {
      void broadcast(committer, envelope, timeoutMs).then((failure) => {
        if (failure === undefined) accepted++
        else failures.push(failure)
        if (accepted >= needed || accepted + failures.length === committers.length) resolve()
      })
    }
  })
  if (accepted > 0) return
  // One that may have taken it outweighs all that did not.
  const kind = (['unclear', 'denied'] as const).find((worse) => failures.some((failure) => failure.kind === worse)) ?? 'unreachable'
  throw new FabricFailure(kind, `no orderer accepted the transaction: ${failures.map(messageOf).join('; ')}`)
}

/** Never rejects; undefined when the orderer has the transaction now. */
async function broadcast (committer: Committer, envelope: object, timeoutMs: number): Promise<FabricFailure | undefined> {
  try {
    if (!isConnected(committer) && !await committer.checkConnection()) {
      return new FabricFailure('unreachable', `${committer.name} cannot be reached`)
    }
    const { status, info } = await committer.sendBroadcast(envelope as never, timeoutMs) as { status: string, info?: string }
    if (status === 'SUCCESS' || /request already (exists|processed)/.test(info ?? '')) return undefined
    return new FabricFailure(REFUSALS.includes(status) ? 'denied' : 'unclear', `${committer.name}: ${status} ${info ?? ''}`)
  } catch (error) {
    committer.disconnect() // a fresh connection next time
    return new FabricFailure('unclear', `${committer.name}: ${messageOf(error)}`, error)
  }
}

function asFailure (error: unknown): FabricFailure {
  return error instanceof FabricFailure ? error : new FabricFailure('unreachable', messageOf(error), error)
}

/** Peers and discovery say in words only that they refuse an identity or its signature. */
function kindOf (error: unknown): 'denied' | 'unreachable' {
  return /access denied|creator|signature/i.test(messageOf(error)) ? 'denied' : 'unreachable'
}

function codeOf (error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
