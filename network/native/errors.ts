/** What the tool for a network of official binaries refuses or cannot do. */
export type NativeNetworkErrorCode =
  | 'BINARIES' // Fabric's programs or its configuration folder are missing
  | 'VERSION' // found, but of another release
  | 'DESCRIPTION' // consortium.yaml cannot be read or contradicts itself
  | 'FOLDER_DAMAGED' // files of the data folder contradict each other or the description
  | 'FOLDER_LOCKED' // another command works on this folder
  | 'NO_NETWORK' // nothing was made in this folder
  | 'UNKNOWN_NODE' // no such organization or node
  | 'PORT_TAKEN' // a port that is fixed in the channel's configuration is used by somebody else
  | 'START_FAILED' // a node died or did not become healthy in time
  | 'COMMAND' // one of Fabric's programs refused
  | 'CHAINCODE' // a chaincode folder that cannot be run
  | 'NOT_READY' // everything runs, but an anchor would not succeed

/** An error of the native network. */
export class NativeNetworkError extends Error {
  readonly code: NativeNetworkErrorCode

  constructor (options: { code: NativeNetworkErrorCode, message: string, cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'NativeNetworkError'
    this.code = options.code
  }
}
