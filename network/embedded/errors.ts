/** What the embedded network refuses, apart from what Fabric itself would answer (see `OrderError`). */
export type EmbeddedErrorCode =
  | 'FOLDER_LOCKED' // another process runs on this data folder
  | 'FOLDER_DAMAGED' // files of the folder contradict each other or cannot be read
  | 'DESCRIPTION' // organizations, channel or chaincodes that cannot be
  | 'NETWORK_MISSING' // there is none in this folder, and a new one is not wanted
  | 'NOT_RUNNING' // no process runs on this data folder
  | 'START_FAILED' // the process died, or was not ready in time
  | 'CONTROL' // the running process refused a request
  | 'CHAINCODE' // a chaincode folder that cannot be started
  | 'SIMULATION' // a simulator used wrongly

/** An error of the embedded network. */
export class EmbeddedNetworkError extends Error {
  readonly code: EmbeddedErrorCode

  constructor (options: { code: EmbeddedErrorCode, message: string, cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'EmbeddedNetworkError'
    this.code = options.code
  }
}
