import { base64urlLength } from './bytes.js'
import { formatError } from './errors.js'
import type { Json } from './jcs.js'

/**
 * Combinators for the strict parsers of the formats. A parser takes a value that came out of `parseCanonical` and its path,
 * and returns it typed, or throws a `FORMAT` error that names the member. Everything is attacker-controlled: unknown members
 * are refused, every string has a form, every list a bound. One definition gives the parser and the TypeScript type.
 */
export type Parser<T> = (value: unknown, path: string) => T
export type Infer<P> = P extends Parser<infer T> ? T : never

type Shape = Record<string, Parser<unknown>>
type Required_<S extends Shape> = { readonly [K in keyof S]: Infer<S[K]> }
type Optional_<S extends Shape> = { readonly [K in keyof S]?: Infer<S[K]> }

/** An object with exactly these members; the optional ones may be absent, never null. */
// eslint-disable-next-line @typescript-eslint/no-generated-empty-object-type -- no optional members
export function object<R extends Shape, O extends Shape = Record<never, never>> (
  required: R, optional?: O
): Parser<Required_<R> & Optional_<O>> {
  const all: Shape = { ...required, ...optional }
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw formatError(path, 'must be an object')
    const source = value as Record<string, unknown>
    for (const name of Object.keys(source)) {
      if (!Object.hasOwn(all, name)) throw formatError(`${path}.${name}`, 'is not a member of this format')
    }
    const out: Record<string, unknown> = {}
    for (const [name, parser] of Object.entries(all)) {
      if (Object.hasOwn(source, name)) out[name] = parser(source[name], `${path}.${name}`)
      else if (Object.hasOwn(required, name)) throw formatError(`${path}.${name}`, 'is missing')
    }
    return out as Required_<R> & Optional_<O>
  }
}

/** A list of at most `most` and at least `least` elements. */
export function list<T> (item: Parser<T>, most: number, least = 0): Parser<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw formatError(path, 'must be a list')
    if (value.length < least || value.length > most) throw formatError(path, `must have ${least} to ${most} elements`)
    return value.map((element, i) => item(element, `${path}[${i}]`))
  }
}

/** An object used as a map: names matching `name`, at most `most`. */
export function map<T> (name: RegExp, item: Parser<T>, most: number): Parser<Readonly<Record<string, T>>> {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw formatError(path, 'must be an object')
    const entries = Object.entries(value)
    if (entries.length > most) throw formatError(path, `must have at most ${most} members`)
    return Object.fromEntries(entries.map(([key, element]) => {
      if (!name.test(key)) throw formatError(path, 'has a malformed member name')
      return [key, item(element, `${path}.${key}`)]
    }))
  }
}

/** Exactly this string. */
export function literal<const T extends string> (expected: T): Parser<T> {
  return oneOf(expected)
}

/** One of these strings. */
export function oneOf<const T extends string> (...allowed: readonly T[]): Parser<T> {
  return (value, path) => {
    const found = allowed.find((candidate) => candidate === value)
    if (found === undefined) throw formatError(path, `must be ${allowed.join(' or ')}`)
    return found
  }
}

/** A string that matches `form` wholly (write the anchors into it). */
export function matching (form: RegExp, what: string): Parser<string> {
  return (value, path) => {
    if (typeof value !== 'string' || !form.test(value)) throw formatError(path, `must be ${what}`)
    return value
  }
}

/** Text of 1 to `most` UTF-16 code units. */
export function text (most: number): Parser<string> {
  return (value, path) => {
    if (typeof value !== 'string' || value.length === 0 || value.length > most) throw formatError(path, `must be text of 1 to ${most} characters`)
    return value
  }
}

/** Lower-case hexadecimal of exactly `bytes` bytes. */
export function hex (bytes: number): Parser<string> {
  return matching(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `${bytes} bytes in lower-case hexadecimal`)
}

const DECIMAL = /^(0|[1-9][0-9]{0,15})$/

/** A sequence number, batch number or size: a decimal string from 0 to 2^53 - 1 without leading zeros. */
export const decimal: Parser<string> = (value, path) => {
  if (typeof value !== 'string' || !DECIMAL.test(value) || !Number.isSafeInteger(Number(value))) {
    throw formatError(path, 'must be a decimal string from 0 without leading zeros')
  }
  return value
}

/** Canonical unpadded base64url of `least` to `most` bytes. */
export function base64url (least: number, most: number): Parser<string> {
  return (value, path) => {
    if (typeof value !== 'string' || value.length > Math.ceil((most * 4) / 3)) throw formatError(path, 'must be base64url')
    const bytes = base64urlLength(value)
    if (bytes === undefined) throw formatError(path, 'must be canonical base64url, unpadded')
    if (bytes < least || bytes > most) throw formatError(path, `must be ${least} to ${most} bytes`)
    return value
  }
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/

/** RFC 3339 UTC with three decimals and Z, and a moment that exists. */
export const time: Parser<string> = (value, path) => {
  if (typeof value !== 'string' || !TIME.test(value) || Number.isNaN(Date.parse(value)) || new Date(value).toISOString() !== value) {
    throw formatError(path, 'must be an RFC 3339 UTC time with milliseconds')
  }
  return value
}

/** A whole number from `least` to `most`. */
export function integer (least: number, most: number): Parser<number> {
  return (value, path) => {
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) {
      throw formatError(path, `must be a whole number from ${least} to ${most}`)
    }
    return value
  }
}

export const boolean: Parser<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw formatError(path, 'must be true or false')
  return value
}

/** Any JSON: what a depositor chose to say. Its bounds are those of the file that holds it. */
export const json: Parser<Json> = (value) => value as Json
