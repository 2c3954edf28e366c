import { SteelyardContract } from './contract'

export { SteelyardContract }
/** What fabric-chaincode-node looks for. */
export const contracts = [SteelyardContract]
