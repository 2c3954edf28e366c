/** An attribute of an identity; `ecert` puts it into every enrollment certificate, not only where asked for. */
export interface CaAttribute {
  readonly name: string
  readonly value: string
  readonly ecert: boolean
}

/** Someone who may enroll. */
export interface CaIdentity {
  readonly id: string
  /** The node OU of its certificates. */
  readonly type: string
  /** Dotted path, '' for the root. */
  readonly affiliation: string
  readonly attributes: readonly CaAttribute[]
  /** -1: any number. */
  readonly maxEnrollments: number
  readonly enrollments: number
  readonly failedLogins: number
  readonly revoked: boolean
  /** scrypt, `salt:hash` in hexadecimal; absent for the registrar, whose secret lives in a file of its own. */
  readonly secretHash?: string
}

/** A certificate that was issued to an identity. */
export interface CaCertificate {
  readonly id: string
  /** Hexadecimal, lower case, without leading zeros. */
  readonly serial: string
  /** Authority key id in the same form. */
  readonly aki: string
  readonly pem: string
  /** RFC 3339. */
  readonly notAfter: string
  readonly revokedAt?: string
  /** Number of RFC 5280 section 5.3.1. */
  readonly reason?: number
}

/** The value of an attribute, or undefined if the identity does not have it. */
export function attributeValue (identity: CaIdentity, name: string): string | undefined {
  return identity.attributes.find((attribute) => attribute.name === name)?.value
}

/** Serial numbers and key ids as Fabric CA compares them. */
export function normalHex (text: string): string {
  return text.toLowerCase().replaceAll(':', '').replace(/^0+/, '')
}
