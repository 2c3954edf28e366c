import { homedir } from 'node:os'
import { join } from 'node:path'
import { readFile } from 'node:fs/promises'
import { EvidenceError } from '../core/errors.js'
import { logOrigin } from '../core/record.js'
import { hex, type Infer, list, object, text } from '../core/strict.js'
import { normalizeFingerprint, type Pin } from '../core/trust.js'
import { parseTrustBundle } from '../core/trust-bundle.js'
import { CliError } from './errors.js'
import { writeWhole } from './files.js'

/** Most characters of a note on where a fingerprint is known from. */
export const MOST_SOURCE = 256
const storedPin = object({ fingerprint: hex(32), log: logOrigin, pinnedOn: text(10) }, { from: text(MOST_SOURCE) })
const pinFile = object({ pins: list(storedPin, 4096) })
/** A fingerprint that this person took from elsewhere and decided to rely on, and for which log. */
export type StoredPin = Infer<typeof storedPin>

/** The user's configuration folder (XDG). */
export function configFolder (): string {
  const { XDG_CONFIG_HOME: xdg } = process.env
  return join(xdg === undefined || xdg === '' ? join(homedir(), '.config') : xdg, 'steelyard')
}

/** It holds no secret, but whoever may change it decides whom to believe. */
export function pinsPath (): string {
  return join(configFolder(), 'pins.json')
}

export async function readPins (): Promise<readonly StoredPin[]> {
  let content: string
  try {
    content = await readFile(pinsPath(), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw new CliError({ code: 'TRUST', message: `cannot read ${pinsPath()}`, cause: error })
  }
  try {
    return pinFile(JSON.parse(content), 'pins').pins
  } catch (cause) {
    throw new CliError({ code: 'TRUST', message: `${pinsPath()} is damaged; correct or remove it`, cause })
  }
}

/** Adds a pin; the same fingerprint again replaces what was noted with it. Earlier pins of the log stay: a log may be pinned twice. */
export async function storePin (pin: StoredPin): Promise<void> {
  const others = (await readPins()).filter(({ fingerprint }) => fingerprint !== pin.fingerprint)
  await writeWhole(pinsPath(), `${JSON.stringify({ pins: [...others, pin] }, null, 2)}\n`, 0o600)
}

/**
 * The pins that decide about a bundle of `log`: the one of the command line alone, else the stored ones of the same log. Pins of other logs
 * say nothing about it.
 */
export async function pinsFor (log: string | undefined, given: string | undefined): Promise<readonly Pin[]> {
  if (given !== undefined) return [{ fingerprint: parseFingerprint(given) }]
  if (log === undefined) return []
  return (await readPins()).filter((pin) => pin.log === log)
    .map(({ fingerprint, pinnedOn, from }) => ({ fingerprint, pinnedOn, ...(from !== undefined && { from }) }))
}

/** Which log a bundle speaks of, to select the stored pins; an unreadable bundle is the verifier's finding, not ours. */
export function logOf (bundle: Uint8Array): string | undefined {
  try {
    return parseTrustBundle(bundle).identity.log
  } catch (error) {
    if (error instanceof EvidenceError) return undefined
    throw error
  }
}

export function parseFingerprint (typed: string): string {
  const fingerprint = normalizeFingerprint(typed)
  if (fingerprint === undefined) throw new CliError({ code: 'USAGE', message: 'a fingerprint is 64 hexadecimal digits, in any grouping' })
  return fingerprint
}

/** In groups of four, as it is read out and compared. */
export function groupFingerprint (fingerprint: string): string {
  return (fingerprint.match(/.{4}/g) ?? []).join(' ')
}
