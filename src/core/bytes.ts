import { EvidenceError } from './errors.js'

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
// By character code; 255 is no character of the alphabet.
const SEXTET = sextets(ALPHABET)
const SEXTET_PADDED = sextets(ALPHABET.replace('-_', '+/'))

const BASE64URL = /^[A-Za-z0-9_-]*$/
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

const encoder = new TextEncoder()
// ignoreBOM: a byte order mark is content here, so that a file which starts with one is refused, not silently cut.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 bytes of a string. A lone surrogate is an `ARGUMENT` error, never U+FFFD. */
export function utf8 (text: string): Uint8Array {
  if (!text.isWellFormed()) {
    throw new EvidenceError({ code: 'ARGUMENT', message: 'text has a lone surrogate' })
  }
  return encoder.encode(text)
}

/** The string of UTF-8 bytes; anything else is a `NOT_UTF8` error. */
export function fromUtf8 (bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new EvidenceError({ code: 'NOT_UTF8', message: 'bytes are not valid UTF-8', cause })
  }
}

/** Lower-case hexadecimal. */
export function toHex (bytes: Uint8Array): string {
  let out = ''
  for (const byte of bytes) out += HEX[byte] ?? ''
  return out
}

/** Bytes of lower-case hexadecimal of even length; upper case is refused, as the formats do. */
export function fromHex (text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) {
    throw new EvidenceError({ code: 'ARGUMENT', message: 'not lower-case hexadecimal' })
  }
  const out = new Uint8Array(text.length / 2)
  for (let i = 0; i < out.length; i++) out[i] = (nibble(text.charCodeAt(2 * i)) << 4) | nibble(text.charCodeAt(2 * i + 1))
  return out
}

function nibble (char: number): number {
  return char <= 0x39 ? char - 0x30 : char - 0x57
}

/** RFC 4648 section 5, without padding. */
export function toBase64url (bytes: Uint8Array): string {
  let out = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const chunk = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    const chars = Math.min(3, bytes.length - i) + 1
    for (let k = 0; k < chars; k++) out += ALPHABET.charAt((chunk >> (18 - 6 * k)) & 63)
  }
  return out
}

/** How many bytes canonical unpadded base64url stands for; undefined for junk, padding and trailing bits that are not zero. */
export function base64urlLength (text: string): number | undefined {
  return BASE64URL.test(text) ? decodedLength(SEXTET, text, text.length) : undefined
}

/** Bytes of unpadded base64url. Canonical only: junk, padding and non-zero trailing bits are refused. */
export function fromBase64url (text: string): Uint8Array {
  const length = base64urlLength(text)
  if (length === undefined) throw new EvidenceError({ code: 'ARGUMENT', message: 'not canonical unpadded base64url' })
  return decoded(SEXTET, text, length)
}

function sextets (alphabet: string): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, code) => alphabet.indexOf(String.fromCharCode(code)))
}

/** Of the first `end` characters, all of the alphabet. */
function decodedLength (sextet: Uint8Array, text: string, end: number): number | undefined {
  const rest = end % 4
  if (rest === 1) return undefined
  const unused = rest === 0 ? 0 : rest === 2 ? 0x0f : 0x03
  const last = end === 0 ? 0 : sextet[text.charCodeAt(end - 1)] ?? 0
  return (last & unused) === 0 ? Math.floor((end * 3) / 4) : undefined
}

function decoded (sextet: Uint8Array, text: string, length: number): Uint8Array {
  // Characters as bytes, to whole groups of four: reading them is much cheaper than charCodeAt while nothing is compiled yet.
  const codes = new Uint8Array(Math.ceil(text.length / 4) * 4)
  encoder.encodeInto(text, codes)
  const out = new Uint8Array(length)
  for (let i = 0, at = 0; at < length; i += 4, at += 3) {
    const group = (sextet[codes[i] as number] as number) << 18 | (sextet[codes[i + 1] as number] as number) << 12 |
      (sextet[codes[i + 2] as number] as number) << 6 | (sextet[codes[i + 3] as number] as number)
    out[at] = group >> 16
    out[at + 1] = group >> 8 // what the last group does not fill lies beyond the end, where nothing is written
    out[at + 2] = group
  }
  return out
}

/** RFC 4648 section 4, padded: only where another standard asks for it (signed notes, PEM). */
export function toBase64 (bytes: Uint8Array): string {
  const text = toBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/')
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=')
}

/** Bytes of canonical, padded base64. */
export function fromBase64 (text: string): Uint8Array {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const length = text.length % 4 === 0 && BASE64.test(text) ? decodedLength(SEXTET_PADDED, text, text.length - padding) : undefined
  if (length === undefined) throw new EvidenceError({ code: 'ARGUMENT', message: 'not canonical padded base64' })
  return decoded(SEXTET_PADDED, text, length)
}

export function concat (...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** Equality of public bytes. Not constant-time: never use it on secrets. */
export function equalBytes (a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false
  }
  return true
}

/** Lexicographic order of bytes, the order in which Fabric sorts keys. */
export function compareBytes (a: Uint8Array, b: Uint8Array): number {
  const common = Math.min(a.length, b.length)
  for (let i = 0; i < common; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** Guard at an edge: bytes of exactly `length`. */
export function abytes (value: Uint8Array, length: number, title: string): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== length) {
    throw new EvidenceError({ code: 'ARGUMENT', message: `${title} must be ${length} bytes` })
  }
  return value
}
