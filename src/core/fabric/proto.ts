/**
 * The only place that imports Fabric's generated messages: by deep path, since the package's index pulls gRPC in. They are
 * CommonJS whose names a lexer cannot see, hence the default imports and the re-exports by name.
 * @module
 */
import common from '@hyperledger/fabric-protos/lib/common/common_pb.js'
import configtx from '@hyperledger/fabric-protos/lib/common/configtx_pb.js'
import configuration from '@hyperledger/fabric-protos/lib/common/configuration_pb.js'
import ledger from '@hyperledger/fabric-protos/lib/common/ledger_pb.js'
import policies from '@hyperledger/fabric-protos/lib/common/policies_pb.js'
import rwset from '@hyperledger/fabric-protos/lib/ledger/rwset/rwset_pb.js'
import kvrwset from '@hyperledger/fabric-protos/lib/ledger/rwset/kvrwset/kv_rwset_pb.js'
import identities from '@hyperledger/fabric-protos/lib/msp/identities_pb.js'
import mspConfig from '@hyperledger/fabric-protos/lib/msp/msp_config_pb.js'
import mspPrincipal from '@hyperledger/fabric-protos/lib/msp/msp_principal_pb.js'
import orderer from '@hyperledger/fabric-protos/lib/orderer/configuration_pb.js'
import chaincode from '@hyperledger/fabric-protos/lib/peer/chaincode_pb.js'
import chaincodeEvent from '@hyperledger/fabric-protos/lib/peer/chaincode_event_pb.js'
import applicationPolicy from '@hyperledger/fabric-protos/lib/peer/policy_pb.js'
import collection from '@hyperledger/fabric-protos/lib/peer/collection_pb.js'
import proposal from '@hyperledger/fabric-protos/lib/peer/proposal_pb.js'
import proposalResponse from '@hyperledger/fabric-protos/lib/peer/proposal_response_pb.js'
import transaction from '@hyperledger/fabric-protos/lib/peer/transaction_pb.js'
import definition from '@hyperledger/fabric-protos/lib/peer/lifecycle/chaincode_definition_pb.js'
import lifecycleDb from '@hyperledger/fabric-protos/lib/peer/lifecycle/db_pb.js'
import lifecycle from '@hyperledger/fabric-protos/lib/peer/lifecycle/lifecycle_pb.js'
import { equalBytes } from '../bytes.js'
import { EvidenceError } from '../errors.js'
import { type MessageShape, withoutExplicitDefaults } from './explicit-defaults.js'

export {
  common, configtx, configuration, ledger, policies, rwset, kvrwset, identities, mspConfig, mspPrincipal, orderer, chaincode,
  chaincodeEvent, collection, applicationPolicy, proposal, proposalResponse, transaction, definition, lifecycleDb, lifecycle
}

interface Message {
  serializeBinary (): Uint8Array
}

interface MessageClass<M extends Message> {
  deserializeBinary (bytes: Uint8Array): M
}

/**
 * Decodes a message and requires that it encodes to the very same bytes again. Without that, a doubled field reads differently
 * in JavaScript and in Go, and an unknown field hides bytes: the time that was endorsed and the time that is verified could
 * differ. Integers beyond 2^53 do not survive the round trip, so they are refused here as well.
 */
export function decodeExact<M extends Message> (type: MessageClass<M>, bytes: Uint8Array): M {
  const { message, encoded } = roundTrip(type, bytes)
  if (!equalBytes(encoded, bytes)) {
    throw new EvidenceError({ code: 'PROTOBUF', message: 'the message does not encode to its own bytes again' })
  }
  return message
}

/** Decodes a message that nothing hangs on but what is read from it here, as Fabric itself does. */
export function decodeAny<M extends Message> (type: MessageClass<M>, bytes: Uint8Array): M {
  return orRefuse(() => type.deserializeBinary(bytes))
}

/**
 * For configuration messages only: their maps are written in any order, so that just the length must be the same again. That
 * still refuses doubled and unknown fields, because the decoder drops them.
 */
export function decodeUnordered<M extends Message> (type: MessageClass<M>, bytes: Uint8Array): M {
  const { message, encoded } = roundTrip(type, bytes)
  if (encoded.length !== bytes.length) {
    throw new EvidenceError({ code: 'PROTOBUF', message: 'the message has doubled or unknown fields' })
  }
  return message
}

/**
 * For a message that fabric-network encodes with explicit defaults (ChaincodeInvocationSpec): without those it must encode
 * exactly. What it says is the same with and without them, in every language.
 */
export function decodeDefaulted<M extends Message> (type: MessageClass<M>, bytes: Uint8Array, shape: MessageShape): M {
  return decodeExact(type, withoutExplicitDefaults(bytes, shape))
}

function roundTrip<M extends Message> (type: MessageClass<M>, bytes: Uint8Array): { message: M, encoded: Uint8Array } {
  return orRefuse(() => {
    const message = type.deserializeBinary(bytes)
    return { message, encoded: message.serializeBinary() } // the writer, too, throws on numbers out of range
  })
}

function orRefuse<T> (work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw new EvidenceError({ code: 'PROTOBUF', message: 'the bytes are not the protobuf message expected', cause })
  }
}
