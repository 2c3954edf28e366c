import { ledger, peer } from '@hyperledger/fabric-protos'

/** The chaincodes whose endorsement policies a transaction needs: every namespace that it read or wrote, except the system's. */
export function touchedChaincodes (results: Uint8Array, systemNamespace: string): peer.ChaincodeInterest {
  const interest = new peer.ChaincodeInterest()
  for (const set of ledger.rwset.TxReadWriteSet.deserializeBinary(results).getNsRwsetList()) {
    if (set.getNamespace() === systemNamespace) continue
    const call = new peer.ChaincodeCall()
    call.setName(set.getNamespace())
    interest.addChaincodes(call)
  }
  return interest
}
