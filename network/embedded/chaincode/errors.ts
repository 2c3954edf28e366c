/** Why a chaincode did not answer a proposal. An answer with an error status is not one of these: it is a response. */
export type ChaincodeErrorCode =
  | 'UNAVAILABLE' // no process answers at the chaincode's address, or it does not speak the protocol
  | 'TERMINATED' // the stream died while the transaction was executing
  | 'TIMEOUT' // the execution timeout passed
  | 'DUPLICATE' // this transaction is being executed on this peer already
  | 'FAILED' // the chaincode's runtime refused the transaction

/** An error of the peer's side of chaincode-as-a-service. */
export class ChaincodeError extends Error {
  readonly code: ChaincodeErrorCode

  constructor (options: { code: ChaincodeErrorCode, message: string, cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ChaincodeError'
    this.code = options.code
  }
}
