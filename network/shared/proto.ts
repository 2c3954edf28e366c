/**
 * Fabric's generated messages, to write them and to change them: by deep path, since the package's index pulls gRPC in. They are
 * CommonJS whose names a lexer cannot see, hence the default imports and the re-exports by name. Evidence is read by core's own
 * descriptions (core/fabric/messages.ts), which accept one encoding only.
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

export {
  common, configtx, configuration, ledger, policies, rwset, kvrwset, identities, mspConfig, mspPrincipal, orderer, chaincode,
  chaincodeEvent, collection, applicationPolicy, proposal, proposalResponse, transaction, definition, lifecycleDb, lifecycle
}
