import { createRequire } from 'node:module'
import { webcrypto } from 'node:crypto'
import 'reflect-metadata'
import * as x509 from '@peculiar/x509'
import { utf8 } from '../../src/core/bytes.js'

const require = createRequire(import.meta.url)
const ATTRIBUTES = '1.2.3.4.5.6.7.8.1'

/** A client certificate with Fabric CA attributes, PEM. */
export async function certificateWith (attributes: Record<string, string>): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const keys = await webcrypto.subtle.generateKey(algorithm, false, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=service, OU=client',
    keys: keys as never,
    signingAlgorithm: algorithm,
    extensions: [new x509.Extension(ATTRIBUTES, false, utf8(JSON.stringify({ attrs: attributes })) as never)]
  }, webcrypto as never)
  return certificate.toString('pem')
}

export interface ContractAnswer {
  readonly status: number
  readonly message: string
  readonly payload: Uint8Array
}

export interface Parameter { readonly name: string, readonly schema: { readonly type: string } }

interface Dispatcher {
  Invoke (stub: unknown): Promise<{ status: number, message?: string, payload?: Uint8Array }>
  metadata: { contracts: Record<string, { transactions: Array<{ name: string, tag?: string[], parameters?: Parameter[] }> }> }
}

/**
 * The built contract behind fabric-shim's own dispatcher, on state in memory: arguments, metadata and answers go the way that they
 * go on a peer. Writes take effect when the call succeeds, as a commit would.
 */
export class ContractStub {
  readonly state = new Map<string, Uint8Array>()
  reads: string[] = []
  writes: Array<[string, Uint8Array]> = []
  event: { name: string, payload: Uint8Array } | undefined
  readonly #dispatcher: Dispatcher
  #now: number

  constructor (now: number) {
    this.#now = now
    process.env.CORE_CHAINCODE_LOGGING_LEVEL ??= 'critical' // refusals are expected here
    const { SteelyardContract } = require('../../../chaincode/dist/index.js') as {
      SteelyardContract: new (clock: () => number) => object
    }
    const clock = (): number => this.#now
    // The dispatcher makes its contracts without arguments.
    const Timed = class extends SteelyardContract { constructor () { super(clock) } }
    const FromContract = require('fabric-shim/lib/contract-spi/chaincodefromcontract.js') as
      new (contracts: unknown[], serializers: object) => Dispatcher
    const { JSONSerializer } = require('fabric-contract-api') as { JSONSerializer: unknown }
    this.#dispatcher = new FromContract([Timed], { transaction: 'json', serializers: { json: JSONSerializer } })
  }

  setClock (time: number): void {
    this.#now = time
  }

  get transactions (): Dispatcher['metadata']['contracts'][string]['transactions'] {
    return this.#dispatcher.metadata.contracts.steelyard?.transactions ?? []
  }

  async call (caller: { mspId: string, certificate: string }, time: number, ...args: string[]): Promise<ContractAnswer> {
    this.reads = []
    this.writes = []
    this.event = undefined
    const response = await this.#dispatcher.Invoke({
      getBufferArgs: () => args.map((arg) => Buffer.from(arg)),
      getTxID: () => 'f'.repeat(64),
      getChannelID: () => 'evidence',
      getTxTimestamp: () => ({ seconds: { toNumber: () => Math.floor(time / 1000) }, nanos: (time % 1000) * 1_000_000 + 999_999 }),
      getCreator: () => ({ mspid: caller.mspId, idBytes: Buffer.from(caller.certificate) }),
      getState: async (key: string) => {
        this.reads.push(key)
        return this.state.get(key) ?? new Uint8Array()
      },
      putState: async (key: string, value: Uint8Array) => { this.writes.push([key, value]) },
      deleteState: async () => { throw new Error('nothing is ever deleted') },
      setEvent: (name: string, payload: Uint8Array) => { this.event = { name, payload } }
    })
    if (response.status === 200) for (const [key, value] of this.writes) this.state.set(key, value)
    return { status: response.status, message: response.message ?? '', payload: response.payload ?? new Uint8Array() }
  }
}
