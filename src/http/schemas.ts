import { type TSchema, Type } from 'typebox'

/** Named parts of the API's schemas: validation, types and OpenAPI follow from them. Documents of the formats are objects of their `type`. */
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256, lower-case hexadecimal' })
export const Sm3 = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SM3 (GB/T 32905), lower-case hexadecimal' })
/** Digests as people give them, from whichever program: either case. They are kept and answered in lower case. */
export const GivenSha256 = Type.String({ pattern: '^[0-9a-fA-F]{64}$', description: 'SHA-256, hexadecimal of either case' })
export const GivenSm3 = Type.String({ pattern: '^[0-9a-fA-F]{64}$', description: 'SM3 (GB/T 32905), hexadecimal of either case' })
export const Decimal = Type.String({ pattern: '^(0|[1-9][0-9]{0,15})$', description: 'number from 0 as a decimal string' })
export const Time = Type.String({ format: 'date-time' })
export const Digests = Type.Object({ sha256: Sha256, sm3: Type.Optional(Sm3) })
export const State = Type.Union([Type.Literal('received'), Type.Literal('sealed'), Type.Literal('anchored'), Type.Literal('final')])
export const Metadata = Type.Record(Type.String({ minLength: 1, maxLength: 128 }), Type.Unknown(), {
  description: 'fields that the record commits to one by one, so that each can be disclosed alone'
})
export const Claim = Type.Object({
  text: Type.String({ minLength: 1, maxLength: 1024, description: 'has a line "sha256: <hex>" that names the content' }),
  address: Type.String({ pattern: '^0x[0-9a-fA-F]{40}$' }),
  signature: Type.String({ pattern: '^0x[0-9a-f]{130}$', description: 'ERC-191 personal signature over the text' })
}, { additionalProperties: false, description: 'the depositor\'s own statement, signed with its wallet' })
export const NumberParams = Type.Object({
  number: Type.String({ minLength: 1, maxLength: 64, description: 'evidence number; case and separators are ignored' })
})
export const Document = (type: string): TSchema => Type.Object({ type: Type.Literal(type) }, { additionalProperties: true })

export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String({ description: 'stable' }),
  detail: Type.Optional(Type.String()),
  instance: Type.String(),
  position: Type.Optional(Type.Integer()),
  proposal: Type.Optional(Type.String())
}, { description: 'RFC 9457' })

/** Given digests as the formats have them. */
export function lowerCase ({ sha256, sm3 }: { sha256: string, sm3?: string }): { sha256: string, sm3?: string } {
  return sm3 === undefined ? { sha256: sha256.toLowerCase() } : { sha256: sha256.toLowerCase(), sm3: sm3.toLowerCase() }
}

/** Answers of a route: the good ones, and a problem for every other status. */
export function answers (good: Record<number, TSchema>): Record<string, TSchema> {
  return { ...good, '4xx': Problem, '5xx': Problem }
}

export const Deposited = Type.Object({
  number: Type.String({ description: 'evidence number' }),
  sequence: Decimal,
  state: State,
  receivedAt: Time,
  digests: Digests,
  receipt: Document('steelyard/receipt/v1'),
  secret: Type.String({ description: 'base64url; opens the metadata fields, keep it' })
})
