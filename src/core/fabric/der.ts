import { concat, toHex } from '../bytes.js'
import { EvidenceError } from '../errors.js'

/**
 * ASN.1 DER (X.690), as little as Fabric's headers, ECDSA signatures and X.509 need. Own code because the rule is "one encoding
 * only": general decoders accept BER, and Go, whose verdict must be the same, does not.
 */
export interface Der {
  /** The identifier octet; tags from 31 on are not used by anything read here. */
  readonly tag: number
  readonly content: Uint8Array
  /** Identifier, length and content. */
  readonly bytes: Uint8Array
}

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31
} as const

/** The string types of a distinguished name: UTF8String, NumericString, PrintableString, TeletexString, IA5String. */
export const STRING_TAGS: ReadonlySet<number> = new Set([0x0c, 0x12, 0x13, 0x14, 0x16])

function refuse (message: string): EvidenceError {
  return new EvidenceError({ code: 'CERTIFICATE', message: `not DER: ${message}` })
}

/** Exactly one element, filling the bytes. */
export function readDer (bytes: Uint8Array): Der {
  const element = elementAt(bytes, 0)
  if (element.bytes.length !== bytes.length) throw refuse('bytes after the element')
  return element
}

/** The elements within a constructed one. */
export function childrenOf (parent: Der): Der[] {
  if ((parent.tag & 0x20) === 0) throw refuse('a primitive element where a constructed one belongs')
  const out: Der[] = []
  for (let at = 0; at < parent.content.length;) {
    const element = elementAt(parent.content, at)
    out.push(element)
    at += element.bytes.length
  }
  return out
}

function elementAt (bytes: Uint8Array, start: number): Der {
  const tag = bytes[start]
  if (tag === undefined || (tag & 0x1f) === 0x1f) throw refuse('a tag that is absent or of several bytes')
  const { length, size } = lengthAt(bytes, start + 1)
  const from = start + 1 + size
  if (from + length > bytes.length) throw refuse('an element longer than its bytes')
  return { tag, content: bytes.subarray(from, from + length), bytes: bytes.subarray(start, from + length) }
}

/** X.690 section 10.1: the definite form, in the fewest bytes. */
function lengthAt (bytes: Uint8Array, start: number): { length: number, size: number } {
  const first = bytes[start]
  if (first === undefined) throw refuse('no length')
  if (first < 0x80) return { length: first, size: 1 }
  const size = first & 0x7f
  if (size === 0 || size > 4 || bytes[start + 1] === 0) throw refuse('a length that is indefinite or not minimal')
  let length = 0
  for (let i = 1; i <= size; i++) length = length * 256 + (bytes[start + i] ?? 0)
  if (length < 0x80) throw refuse('a length that is not minimal')
  return { length, size: size + 1 }
}

/** The element, which must have this tag. */
export function expectTag (element: Der | undefined, tag: number, what: string): Der {
  if (element === undefined || element.tag !== tag) throw refuse(`${what} is absent or of another type`)
  return element
}

/** The content of a minimal INTEGER (two's complement, as encoded). */
export function integerBytes (element: Der | undefined, what: string): Uint8Array {
  const { content } = expectTag(element, TAG.integer, what)
  const [first, second] = content
  if (first === undefined) throw refuse(`${what} is empty`)
  if (second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))) {
    throw refuse(`${what} is not minimal`)
  }
  return content
}

/** A small INTEGER that is not negative. */
export function smallInteger (element: Der | undefined, what: string): number {
  const content = integerBytes(element, what)
  if ((content[0] ?? 0) >= 0x80 || content.length > 4) throw refuse(`${what} is out of range`)
  return content.reduce((value, byte) => value * 256 + byte, 0)
}

/** TRUE; DER omits a FALSE that is the default. */
export function isTrue (element: Der): boolean {
  const { content } = expectTag(element, TAG.boolean, 'boolean')
  if (content.length !== 1 || (content[0] !== 0xff && content[0] !== 0)) throw refuse('a boolean of another value')
  return content[0] === 0xff
}

/** The bytes of a BIT STRING, and how many bits of the last are unused. */
export function bitString (element: Der | undefined, what: string): { bytes: Uint8Array, unused: number } {
  const { content } = expectTag(element, TAG.bitString, what)
  const unused = content[0] ?? 8
  const last = content.at(-1) ?? 0
  if (unused > 7 || (content.length === 1 && unused !== 0) || (last & ((1 << unused) - 1)) !== 0) throw refuse(`${what} is malformed`)
  return { bytes: content.subarray(1), unused }
}

/** An OBJECT IDENTIFIER by the hexadecimal of its content: enough to compare, and unambiguous. */
export function oidHex (element: Der | undefined, what: string): string {
  return toHex(expectTag(element, TAG.oid, what).content)
}

function encode (tag: number, content: Uint8Array): Uint8Array {
  if (content.length < 0x80) return concat(Uint8Array.of(tag, content.length), content)
  const size: number[] = []
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) size.unshift(rest % 256)
  return concat(Uint8Array.of(tag, 0x80 | size.length, ...size), content)
}

/** SEQUENCE of elements that are already encoded. */
export function derSequence (...elements: Uint8Array[]): Uint8Array {
  return encode(TAG.sequence, concat(...elements))
}

export function derOctetString (content: Uint8Array): Uint8Array {
  return encode(TAG.octetString, content)
}

/** INTEGER of a value that is not negative. */
export function derInteger (value: bigint): Uint8Array {
  const digits = value.toString(16)
  const even = digits.length % 2 === 0 ? digits : `0${digits}`
  const bytes = Uint8Array.from({ length: even.length / 2 }, (_, i) => Number.parseInt(even.slice(2 * i, 2 * i + 2), 16))
  return encode(TAG.integer, (bytes[0] ?? 0) >= 0x80 ? concat(Uint8Array.of(0), bytes) : bytes)
}
