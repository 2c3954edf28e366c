import type { Part } from '../store/content-read.js'

const SINGLE = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/

/**
 * The one range that a `Range` header asks for (RFC 9110 section 14.2); undefined for all of the content: without the header, with one that
 * is not understood, and with several ranges, which a server may answer as a whole. `unsatisfiable` when it lies outside.
 */
export function rangeOf (header: string | undefined, size: number): Part | 'unsatisfiable' | undefined {
  const [, from, to, suffix] = SINGLE.exec(header?.trim() ?? '') ?? []
  if (suffix !== undefined) return within({ first: Math.max(0, size - Number(suffix)), last: size - 1 }, size)
  if (from === undefined) return undefined
  const first = Number(from)
  const last = to === '' ? size - 1 : Number(to)
  return to !== '' && last < first ? undefined : within({ first, last: Math.min(last, size - 1) }, size) // a range backwards is ignored
}

function within ({ first, last }: Part, size: number): Part | 'unsatisfiable' {
  return first < size && first <= last ? { first, last } : 'unsatisfiable'
}

/** Whether an `If-None-Match` header (RFC 9110 section 13.1.2) names this entity tag. */
export function namesTag (header: string | undefined, tag: string): boolean {
  const tags = header?.split(',').map((each) => each.trim().replace(/^W\//, '')) ?? []
  return tags.includes(tag) || tags.includes('*')
}
