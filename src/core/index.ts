/** What the chaincode takes from core: the log's state machine. */
export {
  findByRoot, getBatches, getConsistency, getHead, getInclusion, getKeys, readBatch, status
} from './log-answers.js'
export { registerKey, revokeKey } from './log-keys.js'
export type { LogCall, Outcome, Reading } from './log-process.js'
export { anchor, openLog } from './log.js'
