import { concat, fromUtf8 } from '../bytes.js'
import { EvidenceError } from '../errors.js'

/** Wire types of the protobuf encoding (https://protobuf.dev/programming-guides/encoding/). Fixed-size numbers occur in no message of Fabric's. */
export const VARINT = 0
export const LENGTH_DELIMITED = 2
const FIXED64 = 1
const GROUP_START = 3
const GROUP_END = 4
const FIXED32 = 5

export function refuse (what: string): EvidenceError {
  return new EvidenceError({ code: 'PROTOBUF', message: `the bytes are not the one encoding of the message expected: ${what}` })
}

/**
 * Reads the values of the wire format one after the other. With `exact`, every value must be in its one encoding: varints without
 * needless bytes, integers of the width of their type. Without, they are read as all decoders read them.
 */
export class Cursor {
  readonly bytes: Uint8Array
  readonly exact: boolean
  at = 0
  /** Where the message that is being read ends. */
  end: number
  /** Messages within messages at this place. */
  depth = 0
  /** The last varint, its lower and its upper half, as signed 32-bit integers. */
  #low = 0
  #high = 0

  constructor (bytes: Uint8Array, exact: boolean) {
    this.bytes = bytes
    this.end = bytes.length
    this.exact = exact
  }

  /** The next field's number and wire type as they are written: number * 8 + type. */
  tag (): number {
    this.#varint()
    if (this.#high !== 0) throw refuse('a field number out of range')
    return this.#low >>> 0
  }

  /** uint32 is at most 2^32 - 1; the decoders cut longer ones off. */
  uint32 (): number {
    this.#varint()
    if (this.exact && this.#high !== 0) throw refuse('an integer beyond 32 bits')
    return this.#low >>> 0
  }

  /** int32, and enumerations: negative ones are written with the sign extended to 64 bits. */
  int32 (): number {
    this.#varint()
    if (this.exact && this.#high !== this.#low >> 31) throw refuse('an integer beyond 32 bits')
    return this.#low
  }

  /** uint64, up to 2^53 - 1: what JavaScript's numbers tell apart. */
  uint64 (): number {
    this.#varint()
    return this.#safe((this.#high >>> 0) * 2 ** 32 + (this.#low >>> 0))
  }

  /** int64 of at most 2^53 - 1 either way. */
  int64 (): number {
    this.#varint()
    return this.#safe(this.#high * 2 ** 32 + (this.#low >>> 0))
  }

  bool (): boolean {
    this.#varint()
    if (this.exact && (this.#high !== 0 || this.#low >>> 0 > 1)) throw refuse('a truth value that is neither 0 nor 1')
    return (this.#high | this.#low) !== 0
  }

  /** A view of the bytes, not a copy. */
  view (): Uint8Array {
    const end = this.endOfLength()
    const view = this.bytes.subarray(this.at, end)
    this.at = end
    return view
  }

  text (): string {
    return fromUtf8(this.view())
  }

  /** Reads a length, and returns where what has it ends. */
  endOfLength (): number {
    this.#varint()
    const end = this.at + (this.#low >>> 0)
    if (this.#high !== 0 || end > this.end) throw refuse('a length beyond the end')
    return end
  }

  /** Skips the value of a field that is not known, with everything within it. */
  skip (tag: number): void {
    const open: number[] = []
    for (let next = tag; ; next = this.tag()) {
      if ((next & 7) === GROUP_START) open.push(next >>> 3)
      else if ((next & 7) !== GROUP_END) this.#skipValue(next & 7)
      else if (open.pop() !== next >>> 3) throw refuse('a group that ends without having begun')
      if (open.length === 0) return
    }
  }

  #safe (value: number): number {
    if (this.exact && !Number.isSafeInteger(value)) throw refuse('an integer beyond 53 bits')
    return value
  }

  #skipValue (wireType: number): void {
    if (wireType === VARINT) this.#varint()
    else if (wireType === LENGTH_DELIMITED) this.at = this.endOfLength()
    else if (wireType === FIXED64 || wireType === FIXED32) this.at += wireType === FIXED64 ? 8 : 4
    else throw refuse('an unknown wire type')
    if (this.at > this.end) throw refuse('a value beyond the end')
  }

  #byte (): number {
    if (this.at >= this.end) throw refuse('a number beyond the end')
    return this.bytes[this.at++] as number
  }

  /** Seven bits a byte, the lowest first, at most 64 of them. */
  #varint (): void {
    let byte = this.#byte()
    let low = byte & 0x7f
    let high = 0
    let shift = 7
    for (; byte >= 0x80; shift += 7) {
      byte = this.#byte()
      if (shift > 56 && byte > 1) throw refuse('a number beyond 64 bits')
      const bits = byte & 0x7f
      if (shift < 32) low |= bits << shift
      if (shift > 28) high |= bits << (shift - 32)
      else if (shift === 28) high = bits >>> 4
    }
    if (this.exact && byte === 0 && shift > 7) throw refuse('a number with needless bytes')
    this.#low = low
    this.#high = high
  }
}

/** A field of bytes or text: nothing when it is empty. */
export function encodeField (number: number, content: Uint8Array): Uint8Array {
  return content.length === 0 ? content : encodeMessage(number, content)
}

/** A message within a message: also when it is empty. */
export function encodeMessage (number: number, content: Uint8Array): Uint8Array {
  return concat(frame(number, content.length), content)
}

/** What stands before the `length` bytes of a field. */
export function frame (number: number, length: number): Uint8Array {
  return Uint8Array.from([...varint(number * 8 + LENGTH_DELIMITED), ...varint(length)])
}

/** An unsigned number of at most 2^53 - 1: nothing when it is 0. */
export function encodeNumber (number: number, value: number): Uint8Array {
  return Uint8Array.from(value === 0 ? [] : [...varint(number * 8 + VARINT), ...varint(value)])
}

function varint (value: number): number[] {
  return value < 0x80 ? [value] : [(value % 0x80) | 0x80, ...varint(Math.floor(value / 0x80))]
}
