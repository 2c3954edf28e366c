import { ledger, peer } from '@hyperledger/fabric-protos'
import { systemChaincodes } from './context.js'

/** The chaincodes whose endorsement policies a transaction needs: every namespace that it read or wrote, except the system's. */
export function touchedChaincodes (results: Uint8Array): peer.ChaincodeInterest {
  const interest = new peer.ChaincodeInterest()
  for (const set of ledger.rwset.TxReadWriteSet.deserializeBinary(results).getNsRwsetList()) {
    const name = set.getNamespace()
    if (systemChaincodes.has(name) || name === legacyLifecycle) continue
    const call = new peer.ChaincodeCall()
    call.setName(name)
    interest.addChaincodes(call)
  }
  return interest
}

/** Fabric's lifecycle before version 2: nothing calls it here, but the one of today looks for what it may have defined. */
const legacyLifecycle = 'lscc'
