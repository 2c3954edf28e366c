import { fromUtf8 } from '../bytes.js'
import { EvidenceError } from '../errors.js'
import type { ChannelConfig } from '../fabric/config.js'
import { validateIdentity } from '../fabric/commit/envelope.js'
import type { Write } from '../fabric/rwset.js'
import type { EndorserTransaction } from '../fabric/transaction.js'
import type { LogCall } from '../log-process.js'

/** A valid transaction as the log's state machine is told of it. */
export interface LogTransaction {
  /** What was called; undefined when it was another chaincode, or neither its arguments nor its time can be read. */
  readonly called: { readonly name: string, readonly args: readonly string[] } | undefined
  readonly call: LogCall
  /** What it wrote in the namespace of the log's chaincode. */
  readonly writes: readonly Write[]
  readonly answer: Uint8Array
}

/** The attribute without which the contract lets nobody write. */
const ATTRIBUTE = 'steelyard.anchor'
/** The last millisecond that a date has (ECMA-262, section 21.4.1.1). */
const LATEST = 8_640_000_000_000_000

/** What a transaction has to do with a chaincode's state; undefined: it wrote nothing there. */
export function logTransaction (chaincode: string, config: ChannelConfig, transaction: EndorserTransaction): LogTransaction | undefined {
  const { channelHeader, action, creator } = transaction
  const writes = transaction.readWriteSets.find(({ namespace }) => namespace === chaincode)?.writes ?? []
  if (writes.length === 0) return undefined
  const { seconds, nanos } = channelHeader.timestamp
  const time = Number(seconds) * 1000 + Math.floor(nanos / 1_000_000)
  const member = validateIdentity(config, creator)
  return {
    called: transaction.chaincodeName === chaincode && Math.abs(time) <= LATEST ? calledIn(transaction.args) : undefined,
    // The endorsers' clocks are not in the blocks: that they found the time in the window is what they endorsed.
    call: {
      channel: config.channelId,
      time,
      now: time,
      mspId: member.ok ? member.mspId : '',
      mayWrite: member.ok && attributeOf(member.certificate.attributes, ATTRIBUTE) === 'true'
    },
    writes,
    answer: action.response.payload
  }
}

function calledIn (args: readonly Uint8Array[]): LogTransaction['called'] {
  try {
    const [name = '', ...rest] = args.map(fromUtf8)
    return { name: name.slice(name.indexOf(':') + 1), args: rest } // contract:function, where the contract is named
  } catch (error) {
    if (error instanceof EvidenceError) return undefined
    throw error
  }
}

/** The value of an attribute that a Fabric CA certified. */
function attributeOf (attributes: Uint8Array | undefined, name: string): string | undefined {
  if (attributes === undefined) return undefined
  try {
    const { attrs } = JSON.parse(fromUtf8(attributes)) as { attrs?: Record<string, unknown> }
    const value = attrs !== undefined && Object.hasOwn(attrs, name) ? attrs[name] : undefined
    return typeof value === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
