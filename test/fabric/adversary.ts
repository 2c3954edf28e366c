/**
 * An operator that turns on its depositors: it runs its own notary, unchanged, on the consortium, and has the notary's key and its client
 * of the ledger in its hands. It can hold back what the client sends, send it later, and ask any peer anything. Whatever needs more than
 * that takes keys from `keysOf`, and names whose.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSigner } from '../../network/embedded/crypto/sign.js'
import { serializeIdentity } from '../../network/embedded/crypto/identity.js'
import { common } from '../../network/embedded/proto.js'
import { layoutOf } from '../../network/native/layout.js'
import { nodeContext } from '../../network/native/network.js'
import { nodeProgram } from '../../network/native/nodes.js'
import { startProcess } from '../../network/native/processes.js'
import { organization } from '../../network/native/state.js'
import { fromHex } from '../../src/core/bytes.js'
import { type EndorserTransaction, parseEndorserTransaction } from '../../src/core/fabric/transaction.js'
import { type FabricBlock, parseProof, type Proof } from '../../src/core/proof.js'
import { ed25519PublicKey, receiptKeyId } from '../../src/core/receipt.js'
import type { Exhibit } from '../../src/core/verify/input.js'
import type { FabricClient } from '../../src/ledger/fabric/client.js'
import { transactionPayload } from '../../src/ledger/fabric/messages.js'
import { createWallet } from '../../src/ledger/identity/wallet.js'
import type { Ledger } from '../../src/ledger/ledger.js'
import { openLedger } from '../../src/ledger/open.js'
import type { TrustFacts } from '../../src/notary/bundle.js'
import type { Signer } from '../../src/notary/context.js'
import { createNotary, type Notary } from '../../src/notary/notary.js'
import { nodeCrypto } from '../../src/platform/node.js'
import type { ApiKey } from '../../src/store/api-keys.js'
import { openStore } from '../../src/store/store.js'
import { networkIn } from '../support/ordered-approvals.js'
import { ForgedNetwork, type Member } from '../unit/fabric-forge.js'
import type { Issued } from '../unit/fabric-pki.js'

export const CLIENT = process.env.STEELYARD_LEDGER_CLIENT === 'fabric-network' ? 'fabric-network' : 'fabric-gateway'
const BY: ApiKey = { id: '0011223344556677', organization: '8899aabbccddeeff', label: 'party', scopes: ['deposit', 'read'] }
const nothing = (): void => undefined

/** What the operator's notaries of one log share: its origin and the key of its receipts. */
export interface Operator {
  readonly origin: string
  readonly signer: Signer
  readonly wallet: string
  readonly facts: TrustFacts
}

/** `dir`: the consortium's folder. */
export function operatorOf (dir: string): Operator {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  const { kind, organizations } = JSON.parse(readFileSync(layoutOf(dir).facts, 'utf8')) as {
    kind: TrustFacts['kind'], organizations: Array<{ name: string, operator: boolean, mspId: string, ordererMspId: string }>
  }
  return {
    origin: `attacks.example/${randomBytes(8).toString('hex')}`,
    signer: {
      keyId: receiptKeyId(nodeCrypto, spki), spki, publicKey: ed25519PublicKey(spki) as Uint8Array, sign: (message) => sign(null, message, privateKey)
    },
    wallet: join(dir, 'wallet'),
    facts: { kind, entities: organizations.map(({ name, operator, mspId, ordererMspId }) => ({ name, operator, peers: [mspId], orderers: [ordererMspId] })) }
  }
}

export interface Deposit { readonly sequence: number, readonly exhibit: Exhibit }

/** What is held back: a transaction before it goes to the orderers, or the question of a read-back before it is asked. */
export type Held = 'broadcast' | 'readBatch'

/** A notary of the operator's, running. */
export interface Adversary {
  readonly notary: Notary
  /** The ledger and its client, once connected. */
  readonly ledger: () => Ledger
  readonly client: () => FabricClient
  /** Ids of the transactions handed over so far, held ones included. */
  readonly sent: readonly string[]
  /** Holds back from now on; `reached` resolves when there is something. */
  hold (what: Held): { readonly reached: Promise<void>, readonly release: () => void }
  deposit (): Promise<Deposit>
  /** Its proof, as far as there is one; waits until it is final unless told otherwise. */
  proof (deposit: Deposit, state?: 'sealed' | 'final'): Promise<Proof>
  close (): Promise<void>
}

/** Without a profile it never reaches a ledger. */
export async function openAdversary (operator: Operator, folder: string, profile?: string): Promise<Adversary> {
  const gates = new Map<Held, { reached: () => void, released: Promise<void> }>()
  const sent: string[] = []
  const pass = async (what: Held): Promise<void> => {
    const gate = gates.get(what)
    gate?.reached()
    await gate?.released
  }
  let client: FabricClient | undefined
  let ledger: Ledger | undefined
  const intercept = (real: FabricClient): FabricClient => {
    client = real
    return {
      ...real,
      propose: async (chaincode, args) => {
        if (args[0] === 'readBatch') await pass('readBatch')
        return await real.propose(chaincode, args)
      },
      broadcast: async (envelope) => {
        sent.push(envelope.txId)
        await pass('broadcast')
        await real.broadcast(envelope)
      }
    }
  }
  const log = { info: nothing, warn: nothing, error: nothing }
  const store = await openStore(folder, nothing, { log })
  await store.meta.settle() // who wants to fork a log does not wait for its ledger, as an honest service does in a copied folder
  const notary = await createNotary({
    context: {
      crypto: nodeCrypto,
      clock: Date.now,
      random: randomBytes,
      signer: operator.signer,
      checkpoint: nothing,
      log,
      origin: operator.origin,
      deadlineMs: 86_400_000
    },
    store,
    connect: async () => {
      if (profile === undefined) throw new Error('no ledger')
      ledger = await openLedger({
        client: CLIENT, profile, wallet: operator.wallet, log: operator.origin, crypto: nodeCrypto, clock: Date.now, intercept
      })
      return ledger
    },
    facts: () => operator.facts,
    skewMs: 30_000,
    sealAgeMs: 20,
    sealSize: 8192,
    queueLimit: 1000,
    uploads: { maxFileSize: 1000, expiryMs: 60_000, perKey: 1 },
    onBundle: nothing
  })
  const required = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('the ledger is not connected')
    return value
  }
  return {
    notary,
    ledger: () => required(ledger),
    client: () => required(client),
    sent,
    hold (what) {
      let release = nothing
      const released = new Promise<void>((resolve) => {
        release = () => {
          gates.delete(what)
          resolve()
        }
      })
      const reached = new Promise<void>((resolve) => { gates.set(what, { reached: resolve, released }) })
      return { reached, release: () => { release() } }
    },
    async deposit () {
      const digests = { sha256: randomBytes(32).toString('hex'), sm3: randomBytes(32).toString('hex') }
      const { sequence } = await notary.intake.digests(BY, { digests })
      return { sequence, exhibit: { sha256: fromHex(digests.sha256), sm3: fromHex(digests.sm3) } }
    },
    async proof ({ sequence }, state = 'final') {
      const reached = await notary.progress.reach(sequence, state, 60_000)
      if (state === 'final' && reached !== state) throw new Error(`deposit ${sequence} is ${reached}: ${JSON.stringify(notary.stages.map((stage) => stage.status()))}`)
      return parseProof(await notary.prover.prove({ sequence }))
    },
    async close () {
      for (const what of gates.keys()) gates.get(what)?.reached()
      await notary.close(0)
      await store.close()
    }
  }
}

/** The private keys that a consortium's four organizations have now, as a network that signs whatever it is told to. */
export function keysOf (dir: string): ForgedNetwork {
  const { layout, orgs } = networkIn(dir)
  return new ForgedNetwork(orgs.map(({ name, mspId, ordererMspId }) => {
    const paths = layout.org(name)
    const root = (part: string): Issued => issued(join(paths.folder, part, 'ca-cert.pem'), join(paths.folder, part, 'ca-key.pem'))
    return {
      mspId,
      ca: root('ca'),
      ordererCa: root('orderer-ca'),
      tlsCa: root('tls-ca'),
      peer: memberIn(mspId, paths.peer),
      client: memberIn(mspId, paths.admin),
      orderer: memberIn(ordererMspId, paths.orderer)
    }
  }), new Uint8Array(0))
}

function issued (certificate: string, key: string): Issued {
  const pem = readFileSync(certificate, 'utf8')
  const privateKey = createPrivateKey(readFileSync(key))
  return { privateKey, publicKey: createPublicKey(privateKey), pem, der: new X509Certificate(pem).raw, name: new Uint8Array(0) }
}

function memberIn (mspId: string, folder: string): Member {
  const certificate = join(folder, 'msp', 'signcerts', 'cert.pem')
  return {
    issued: issued(certificate, join(folder, 'msp', 'keystore', 'key.pem')),
    identity: serializeIdentity(mspId, readFileSync(certificate, 'utf8'))
  }
}

/** A transaction with some parts replaced, signed anew by the operator's own client. */
export async function resigned (
  operator: Operator, envelope: Uint8Array, change: (transaction: EndorserTransaction) => Partial<Pick<EndorserTransaction, 'endorsements'>> & { channelHeader?: Uint8Array }
): Promise<Uint8Array> {
  const transaction = parseEndorserTransaction(envelope)
  const { endorsements = transaction.endorsements, channelHeader = transaction.channelHeader.bytes } = change(transaction)
  const [first, ...others] = endorsements.map((endorsement) => ({ responsePayload: transaction.responsePayload, endorsement }))
  if (first === undefined) throw new Error('no endorsement')
  const payload = transactionPayload({
    txId: transaction.channelHeader.txId, channelHeader, signatureHeader: transaction.signatureHeader.bytes, payload: transaction.proposalPayload
  }, [first, ...others])
  const out = new common.Envelope()
  out.setPayload(payload)
  out.setSignature(await signedBy(operator, payload))
  return out.serializeBinary()
}

/** Signs as the operator's client does. */
export async function signedBy ({ wallet }: Operator, message: Uint8Array): Promise<Uint8Array> {
  return createSigner((await createWallet(wallet).get('service'))?.privateKeyPem ?? '')(message)
}

/** Where a transaction stands, and what the peers found of it. */
export interface Place { readonly block: Omit<FabricBlock, 'transaction'>, readonly index: number, readonly code: number }

export async function found (adversary: Adversary, txId: string): Promise<Place> {
  const place = await adversary.ledger().blockOf(txId)
  if (place === undefined) throw new Error(`no transaction ${txId}`)
  return { block: place.block.data, index: place.index, code: place.block.transactions[place.index]?.code ?? -1 }
}

/** Starts an organization's peer so that it answers and takes no block from anybody. */
export function startCutOff (dir: string, name: string): void {
  const network = networkIn(dir)
  const program = nodeProgram(nodeContext(network, organization(network.orgs, name)), 'peer')
  startProcess(network.layout, { ...program, env: { ...program.env, CORE_PEER_GOSSIP_ORGLEADER: 'false', CORE_PEER_GOSSIP_STATE_ENABLED: 'false' } })
}
