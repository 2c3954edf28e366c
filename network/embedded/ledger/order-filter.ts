import { EvidenceError } from '../../../src/core/errors.js'
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import { evaluatePolicy } from '../../../src/core/fabric/policy.js'
import { FabricRefusal } from '../../../src/core/fabric/refusal.js'
import { parseEnvelope, type ParsedEnvelope } from '../../../src/core/fabric/transaction.js'
import { OrderError } from '../channel.js'
import { common } from '../proto.js'
import { verifySignature } from './envelope-checks.js'

const WRITERS = '/Channel/Writers'

/**
 * What an orderer asks of an envelope before it orders it: its channel, its size, and a signature by a writer. Whether it is a
 * valid transaction is for the peers.
 * @throws OrderError
 */
export function admit (config: ChannelConfig, envelope: Uint8Array, now: Date): void {
  if (envelope.length > config.batchSize.absoluteMaxBytes) throw new OrderError(400, 'message payload exceeds the maximum size')
  const { channelHeader, signatureHeader, payload, signature } = parsed(envelope)
  if (channelHeader.channelId !== config.channelId) throw new OrderError(404, `channel ${channelHeader.channelId} not found`)
  if (channelHeader.type !== common.HeaderType.ENDORSER_TRANSACTION) {
    throw new OrderError(400, 'only endorser transactions are ordered by this network')
  }
  const signer = verifySignature(config, signatureHeader.creator, payload, signature)
  const isWriter = signer !== undefined && evaluatePolicy(config.policies, WRITERS, [
    { mspId: signer.mspId, role: signer.role, roles: signer.roles, identity: signatureHeader.creator }
  ])
  if (!isWriter) throw new OrderError(403, 'implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1')
  if (new Date(signer.certificate.notAfter) < now) throw new OrderError(403, 'broadcast client identity expired')
}

function parsed (envelope: Uint8Array): ParsedEnvelope {
  try {
    return parseEnvelope(envelope)
  } catch (cause) {
    if (cause instanceof FabricRefusal || cause instanceof EvidenceError) throw new OrderError(400, 'malformed envelope', { cause })
    throw cause
  }
}
