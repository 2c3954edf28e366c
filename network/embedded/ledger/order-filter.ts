import { EvidenceError } from '../../../src/core/errors.js'
import { verifySignature } from '../../../src/core/fabric/commit/envelope.js'
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import { FabricRefusal } from '../../../src/core/fabric/refusal.js'
import { parseEnvelope, type ParsedEnvelope } from '../../../src/core/fabric/transaction.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { checkConsenters } from '../configtx/check-new.js'
import { proposeConfig } from '../configtx/propose.js'
import { ConfigRefusal } from '../configtx/refusal.js'
import { OrderError, type SigningIdentity } from '../channel.js'
import { common } from '../proto.js'
import { policyRefusal } from './policy-refusal.js'
import type { Admitted } from './sequencer.js'

const WRITERS = '/Channel/Writers'

/** By what an envelope is let in. */
export interface Gate {
  readonly config: ChannelConfig
  readonly now: Date
  /** Signs the configuration that an update makes. */
  readonly orderer: SigningIdentity
}

/**
 * What an orderer asks of an envelope before it orders it: its channel, its size, and a signature by a writer. Whether it is a
 * valid transaction is for the peers; whether an update may change the configuration is decided here.
 * @throws OrderError
 */
export function admit (gate: Gate, received: Uint8Array): Admitted {
  const { config } = gate
  const envelope = parsed(received)
  const { channelHeader } = envelope
  if (channelHeader.channelId !== config.channelId) throw new OrderError(400, 'channel does not exist') // as an orderer under BFT says it
  const { sequence } = config
  switch (channelHeader.type) {
    case common.HeaderType.ENDORSER_TRANSACTION:
      filter(gate, envelope, received)
      return { received, envelope: received, isConfig: false, sequence }
    case common.HeaderType.CONFIG_UPDATE:
      return { received, envelope: configured(gate, envelope, received), isConfig: true, sequence }
    case common.HeaderType.CONFIG:
      throw new OrderError(400, 'message is of type that cannot be processed directly')
    default:
      throw new OrderError(400, 'only endorser transactions and configuration updates are ordered by this network')
  }
}

function configured (gate: Gate, envelope: ParsedEnvelope, received: Uint8Array): Uint8Array {
  filter(gate, envelope, received, 'config update for existing channel did not pass initial checks: ')
  try {
    const proposed = proposeConfig(gate.config, received, gate.orderer)
    filter(gate, parsed(proposed.envelope), proposed.envelope, 'config update for existing channel did not pass final checks: ')
    const refusal = checkConsenters(proposed.config)
    if (refusal !== undefined) throw new OrderError(503, refusal) // it is the consensus that refuses this
    return proposed.envelope
  } catch (cause) {
    throw cause instanceof ConfigRefusal ? new OrderError(400, cause.message, { cause }) : cause
  }
}

function filter ({ config, now }: Gate, { signatureHeader, payload, signature }: ParsedEnvelope, bytes: Uint8Array, what = ''): void {
  const { absoluteMaxBytes } = config.batchSize
  if (bytes.length > absoluteMaxBytes) {
    throw new OrderError(400, `${what}message payload is ${bytes.length} bytes and exceeds maximum allowed ${absoluteMaxBytes} bytes`)
  }
  const signer = verifySignature(nodeCrypto, config, signatureHeader.creator, payload, signature)
  const signers = signer === undefined ? [] : [{ mspId: signer.mspId, role: signer.role, roles: signer.roles, identity: signatureHeader.creator }]
  const refusal = policyRefusal(config.policies, WRITERS, signers)
  if (refusal !== undefined) throw new OrderError(403, `${what}${refusal}: permission denied`)
  if (signer !== undefined && new Date(signer.certificate.notAfter) < now) throw new OrderError(400, `${what}broadcast client identity expired`)
}

function parsed (envelope: Uint8Array): ParsedEnvelope {
  try {
    return parseEnvelope(envelope)
  } catch (cause) {
    if (cause instanceof FabricRefusal || cause instanceof EvidenceError) throw new OrderError(400, 'malformed envelope', { cause })
    throw cause
  }
}
