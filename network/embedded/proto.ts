/**
 * Fabric's messages as this network uses them: core's set plus those that only nodes send.
 * @module
 */
import peerConfiguration from '@hyperledger/fabric-protos/lib/peer/configuration_pb.js'
import timestamp from 'google-protobuf/google/protobuf/timestamp_pb.js'

export * from '../shared/proto.js'
export { peerConfiguration, timestamp }
