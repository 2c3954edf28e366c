import { EvidenceError } from './errors.js'

/**
 * Evidence numbers: 17 random characters of Crockford's base 32 (85 bits) and 3 check characters, a Reed-Solomon code over GF(32) of
 * distance 4. Any single wrong character is located, any two are detected, and a swap of two characters is never taken for one
 * wrong character. A correction is proposed to a person, never looked up.
 */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const VALUE = new Map([...ALPHABET].map((char, value) => [char, value]))
/** What people write for a digit, and what they type around the characters. */
const READ_AS = new Map([['I', '1'], ['L', '1'], ['O', '0']])
const SEPARATORS = /[\s\-‐-―−_.·]/gu

const RANDOM = 17
const CHECKS = 3
const LENGTH = RANDOM + CHECKS

/** Bytes of randomness that a number takes. */
export const NUMBER_RANDOMNESS = RANDOM

// GF(32) by the primitive polynomial x^5 + x^2 + 1: EXP[i] = a^i.
const EXP: number[] = []
for (let i = 0, x = 1; i < 62; i++) {
  EXP.push(x)
  x <<= 1
  if (x > 31) x ^= 0b100101
}
const LOG = new Map(EXP.slice(0, 31).map((value, exponent) => [value, exponent]))

function multiply (a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : power(logOf(a) + logOf(b))
}

function power (exponent: number): number {
  return EXP[exponent % 31] as number
}

function logOf (a: number): number {
  return LOG.get(a) as number
}

// (x + a^0)(x + a^1)(x + a^2), highest power first, without the leading 1. The root a^0 is what keeps swaps from being mislocated.
const GENERATOR = Array.from({ length: CHECKS }, (_, i) => power(i)).reduce<number[]>((poly, root) => {
  const shifted = [...poly, 0]
  return shifted.map((coefficient, i) => coefficient ^ (i === 0 ? 0 : multiply(poly[i - 1] as number, root)))
}, [1]).slice(1)

function checksOf (random: readonly number[]): number[] {
  let rest = new Array<number>(CHECKS).fill(0)
  for (const value of random) {
    const feedback = value ^ (rest[0] as number)
    rest = GENERATOR.map((g, i) => (rest[i + 1] ?? 0) ^ multiply(feedback, g))
  }
  return rest
}

// The code is linear: the checks of a number are the XOR of those of each of its characters, which are packed here, five bits a check.
const CHECKS_AT = Array.from({ length: RANDOM }, (_, position) => Array.from({ length: 32 }, (_, value) =>
  checksOf(Array.from({ length: RANDOM }, (_, i) => i === position ? value : 0)).reduce((packed, check) => packed << 5 | check, 0)))

/** Values of the received word at the generator's roots; all zero for a number. */
function syndromesOf (word: readonly number[]): [number, number, number] {
  const at = (root: number): number => word.reduce((sum, value) => multiply(sum, root) ^ value, 0)
  return [at(power(0)), at(power(1)), at(power(2))]
}

function toText (values: readonly number[]): string {
  return values.map((value) => ALPHABET.charAt(value)).join('')
}

/** The canonical evidence number (20 characters, upper case) made of 17 random bytes, of each of which 5 bits are used. */
export function formatEvidenceNumber (random: Uint8Array): string {
  if (random.length !== RANDOM) throw new EvidenceError({ code: 'ARGUMENT', message: `an evidence number takes ${RANDOM} random bytes` })
  let text = ''
  let checks = 0
  for (let i = 0; i < RANDOM; i++) {
    const value = (random[i] as number) & 31
    text += ALPHABET.charAt(value)
    checks ^= (CHECKS_AT[i] as number[])[value] as number
  }
  return text + ALPHABET.charAt(checks >> 10) + ALPHABET.charAt(checks >> 5 & 31) + ALPHABET.charAt(checks & 31)
}

/** A canonical number as people read it: XXXX-XXXX-XXXX-XXXX-XXXX. */
export function printEvidenceNumber (number: string): string {
  return (number.match(/.{1,4}/g) ?? []).join('-')
}

/** What a typed number is. `position` counts from 1 among the 20 characters; `proposal` is canonical. */
export type EvidenceNumberReading =
  | { readonly kind: 'ok', readonly number: string }
  | { readonly kind: 'typo', readonly position: number, readonly proposal: string }
  | { readonly kind: 'malformed', readonly reason: 'length' | 'characters' | 'check' }

/** Reads what a person typed: case and separators are ignored, I and L are read as 1, O as 0. */
export function parseEvidenceNumber (typed: string): EvidenceNumberReading {
  const chars = [...typed.normalize('NFKC').replace(SEPARATORS, '').toUpperCase()].map((char) => READ_AS.get(char) ?? char)
  if (chars.length !== LENGTH) return { kind: 'malformed', reason: 'length' }
  const foreign = chars.flatMap((char, i) => VALUE.has(char) ? [] : [i])
  if (foreign.length > 1) return { kind: 'malformed', reason: 'characters' }
  // A character outside the alphabet stands for an unknown one at a known place.
  const word = chars.map((char) => VALUE.get(char) ?? 0)
  const [erased] = foreign
  const error = locate(word)
  if (error === 'several' || (erased !== undefined && error !== undefined && error.index !== erased)) {
    return { kind: 'malformed', reason: 'check' }
  }
  const at = erased ?? error?.index
  if (at === undefined) return { kind: 'ok', number: toText(word) }
  const corrected = word.map((value, i) => i === error?.index ? value ^ error.magnitude : value)
  return { kind: 'typo', position: at + 1, proposal: toText(corrected) }
}

/** The one wrong character of a word, undefined when none is wrong. */
function locate (word: readonly number[]): { index: number, magnitude: number } | undefined | 'several' {
  const [s0, s1, s2] = syndromesOf(word)
  if (s0 === 0 && s1 === 0 && s2 === 0) return undefined
  if (s0 === 0 || s1 === 0 || multiply(s1, s1) !== multiply(s0, s2)) return 'several'
  const exponent = (logOf(s1) - logOf(s0) + 31) % 31
  const index = LENGTH - 1 - exponent
  return index < 0 ? 'several' : { index, magnitude: s0 }
}

/** The canonical form of a typed number, or a `NUMBER_TYPO` or `NUMBER_MALFORMED` error. */
export function canonicalEvidenceNumber (typed: string): string {
  const reading = parseEvidenceNumber(typed)
  if (reading.kind === 'ok') return reading.number
  throw reading.kind === 'typo'
    ? new EvidenceError({ code: 'NUMBER_TYPO', message: `character ${reading.position} of the evidence number is wrong`, path: String(reading.position) })
    : new EvidenceError({ code: 'NUMBER_MALFORMED', message: `not an evidence number (${reading.reason})` })
}
