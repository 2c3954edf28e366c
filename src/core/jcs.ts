import { fromUtf8, utf8 } from './bytes.js'
import { EvidenceError } from './errors.js'

/** A JSON value as the formats use it. There is no null: what is absent is omitted (PROOF.md section 1). */
export type Json = string | number | boolean | Json[] | { [member: string]: Json }

/**
 * RFC 8785 canonical JSON, as a string. Strings must be well-formed Unicode and numbers safe integers (the formats carry
 * every larger quantity as a decimal string); undefined, null, -0 and anything that is not plain data is refused with
 * an `ARGUMENT` error instead of being dropped or changed.
 */
export function jcs (value: unknown): string {
  switch (typeof value) {
    case 'string': // RFC 8785 section 3.2.2.2: what JSON.stringify writes for well-formed strings
      if (!value.isWellFormed()) throw refused('a lone surrogate')
      return JSON.stringify(value)
    case 'number': // section 3.2.2.3; the safe integers are the part of it that the formats use
      if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw refused(`the number ${value}`)
      return String(value)
    case 'boolean':
      return String(value)
    case 'object':
      return Array.isArray(value) ? `[${value.map(jcs).join(',')}]` : jcsObject(value)
    default:
      throw refused(typeof value)
  }
}

function jcsObject (value: object | null): string {
  if (value === null) throw refused('null')
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw refused('an object that is not plain data')
  // Section 3.2.3: members in the order of their UTF-16 code units, which is what sort() does.
  const members = Object.keys(value).sort()
  return `{${members.map((name) => `${jcs(name)}:${jcs((value as Record<string, unknown>)[name])}`).join(',')}}`
}

/** The canonical bytes that are hashed, signed, stored and sent. */
export function jcsBytes (value: unknown): Uint8Array {
  return utf8(jcs(value))
}

export interface ParseLimits {
  /** Most bytes accepted. */
  readonly bytes: number
  /** Deepest nesting accepted; 1 is a bare scalar or an empty object. */
  readonly depth: number
}

/**
 * Parses bytes that must be exactly the JCS of what they say. That one comparison refuses white space, duplicate members,
 * escapes, a byte order mark and unsafe numbers at once. `NOT_CANONICAL` means that the same JSON was re-saved.
 */
export function parseCanonical (bytes: Uint8Array, limits: ParseLimits): Json {
  if (bytes.length > limits.bytes) {
    throw new EvidenceError({ code: 'TOO_LARGE', message: `more than ${limits.bytes} bytes` })
  }
  const text = fromUtf8(bytes)
  refuseDeep(text, limits.depth) // before JSON.parse and jcs, both of which recurse
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (cause) {
    // A byte order mark is the commonest way in which an editor spoils a file that is otherwise JSON.
    if (text.startsWith('\uFEFF') && isJson(text.slice(1))) throw reSaved(cause)
    throw new EvidenceError({ code: 'NOT_JSON', message: 'not JSON', cause })
  }
  if (isPlainlyCanonical(value, text)) return value
  let canonical: string
  try {
    canonical = jcs(value)
  } catch (cause) {
    throw new EvidenceError({ code: 'FORMAT', message: 'holds a value that these formats never contain', path: '', cause })
  }
  if (canonical !== text) throw reSaved()
  return value
}

/**
 * Whether a text is the JCS of the value that was parsed from it, for the usual case at a fraction of the price: what JSON.stringify
 * writes differs from JCS only in the order of members, in what JCS refuses, and in lone surrogates, which only an escape can have brought.
 * False says nothing.
 */
function isPlainlyCanonical (value: Json, text: string): boolean {
  return !text.includes('\\ud') && JSON.stringify(value) === text && isOrdered(value)
}

/** Only what JCS takes, with the members of every object in its order. */
function isOrdered (value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value) && !Object.is(value, -0)
  if (typeof value !== 'object') return true
  if (value === null) return false
  if (Array.isArray(value)) return value.every(isOrdered)
  let last: string | undefined
  for (const [name, member] of Object.entries(value)) {
    if ((last !== undefined && last >= name) || !isOrdered(member)) return false
    last = name
  }
  return true
}

function reSaved (cause?: unknown): EvidenceError {
  return new EvidenceError({ code: 'NOT_CANONICAL', message: 'the same JSON in other bytes: re-saved or pretty-printed', cause })
}

function isJson (text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const NESTING = new Map([['[', 1], ['{', 1], [']', -1], ['}', -1]])

/** Upper bound of the nesting by counting brackets outside strings, without recursion. */
function refuseDeep (text: string, most: number): void {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === '"') i = endOfString(text, i + 1)
    else depth += NESTING.get(char) ?? 0
    if (depth > most) throw new EvidenceError({ code: 'TOO_LARGE', message: `nested deeper than ${most}` })
  }
}

/** The index of the quotation mark that ends a string: one after an even number of backslashes. */
export function endOfString (text: string, start: number): number {
  for (let end = text.indexOf('"', start); end >= 0; end = text.indexOf('"', end + 1)) {
    let before = end
    while (before > start && text.charCodeAt(before - 1) === 0x5c) before--
    if ((end - before) % 2 === 0) return end
  }
  return text.length
}

function refused (what: string): EvidenceError {
  return new EvidenceError({ code: 'ARGUMENT', message: `canonical JSON cannot hold ${what}` })
}
