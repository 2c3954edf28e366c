import { concat } from '../bytes.js'
import { EvidenceError } from '../errors.js'

/**
 * The fields of a message that are messages themselves, by number, and those that are repeated: what is needed to tell an
 * explicit default, which says nothing, from an element of a list, which does.
 */
export interface MessageShape {
  readonly messages?: ReadonlyMap<number, MessageShape>
  readonly repeated?: ReadonlySet<number>
}

const VARINT = 0
const LENGTH_DELIMITED = 2

/**
 * The encoding without singular fields that hold their default. fabric-network writes such fields (an empty path, `is_init` false),
 * protobuf's own encoders do not. What is left must still encode exactly, so nothing else is tolerated: a field that is doubled
 * with two values, or unknown, stays and is refused there.
 */
export function withoutExplicitDefaults (bytes: Uint8Array, shape: MessageShape): Uint8Array {
  const kept: Uint8Array[] = []
  const seen = new Set<number>()
  for (let at = 0; at < bytes.length;) {
    const tag = readVarint(bytes, at)
    const field = readField(bytes, tag.value % 8, tag.next)
    requireOnce(Math.floor(tag.value / 8), seen, shape)
    if (!isDefault(field, tag.value, shape)) kept.push(rewritten(bytes.subarray(at, field.next), tag.value, field, shape))
    at = field.next
  }
  return concat(...kept)
}

/** A default after a value would take the value back in every decoder, and must not be dropped here as if it said nothing. */
function requireOnce (number: number, seen: Set<number>, shape: MessageShape): void {
  if (shape.repeated?.has(number) !== true && seen.has(number)) throw refuse()
  seen.add(number)
}

interface Field { readonly content: Uint8Array, readonly next: number }

function isDefault (field: Field, tag: number, shape: MessageShape): boolean {
  const number = Math.floor(tag / 8)
  if (shape.repeated?.has(number) === true || shape.messages?.has(number) === true) return false
  return tag % 8 === VARINT ? field.content.every((byte) => byte === 0) : field.content.length === 0
}

function rewritten (whole: Uint8Array, tag: number, field: Field, shape: MessageShape): Uint8Array {
  const inner = tag % 8 === LENGTH_DELIMITED ? shape.messages?.get(Math.floor(tag / 8)) : undefined
  if (inner === undefined) return whole
  const content = withoutExplicitDefaults(field.content, inner)
  return concat(varint(tag), varint(content.length), content)
}

function readField (bytes: Uint8Array, wireType: number, at: number): Field {
  if (wireType === VARINT) {
    const { next } = readVarint(bytes, at)
    return { content: bytes.subarray(at, next), next }
  }
  if (wireType !== LENGTH_DELIMITED) throw refuse()
  const length = readVarint(bytes, at)
  const next = length.next + length.value
  if (next > bytes.length) throw refuse()
  return { content: bytes.subarray(length.next, next), next }
}

/** A minimal varint of at most 32 bits or so: tags, lengths; of values only the extent is used. */
function readVarint (bytes: Uint8Array, at: number): { value: number, next: number } {
  let value = 0
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) throw refuse()
    value += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { value, next: at + i + 1 }
  }
  throw refuse()
}

function varint (value: number): Uint8Array {
  const out: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...out, rest])
    out.push((rest % 128) | 0x80)
  }
}

function refuse (): EvidenceError {
  return new EvidenceError({ code: 'PROTOBUF', message: 'the bytes are not the protobuf message expected' })
}
