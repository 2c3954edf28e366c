/** Fabric CA's error codes, as far as this server answers them. */
export const caCode = {
  UNKNOWN: 0,
  METHOD_NOT_ALLOWED: 1,
  NO_AUTHORIZATION_HEADER: 2,
  EMPTY_BODY: 4,
  BAD_BODY: 5,
  CERTIFICATE_NOT_FOUND: 8,
  WRONG_OWNER: 9,
  IDENTITY_NOT_FOUND: 10,
  MISSING_REVOKE_ARGUMENTS: 15,
  CA_NOT_FOUND: 19,
  AUTHENTICATION_FAILURE: 20,
  BAD_CSR: 31,
  REMOVAL_DISABLED: 56,
  IDENTITY_UNKNOWN: 63,
  ALREADY_REVOKED: 66,
  CERTIFICATE_QUERY: 67,
  AUTHORIZATION_FAILURE: 71,
  PASSWORD_ATTEMPTS: 73,
  ALREADY_REGISTERED: 74,
  COMMON_NAME: 77,
  MAX_ENROLLMENTS: 82
} as const

/** One of Fabric CA's numbers. */
export type CaCode = (typeof caCode)[keyof typeof caCode]

/** A request that the CA refuses. `status` is HTTP's; `code` is Fabric CA's. */
export class CaError extends Error {
  readonly status: number
  readonly code: CaCode

  constructor (status: number, code: CaCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CaError'
    this.status = status
    this.code = code
  }
}

/** How Fabric CA's database says that it knows nobody by a name. */
export const NO_SUCH_USER = 'Failed to get User: sql: no rows in result set'

/** A path that no Fabric CA has: answered as Go's HTTP server does, in plain text. */
export class UnknownPathError extends Error {
  override readonly name = 'UnknownPathError'
}

/** Why authentication failed is for the server's log only. */
export function authenticationFailure (cause: string): CaError {
  return new CaError(401, caCode.AUTHENTICATION_FAILURE, 'Authentication failure', { cause })
}

/** Which right is missing is for the server's log only. */
export function authorizationFailure (cause: string): CaError {
  return new CaError(403, caCode.AUTHORIZATION_FAILURE, 'Authorization failure', { cause })
}
