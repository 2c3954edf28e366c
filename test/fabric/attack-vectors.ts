import { writeFileSync } from 'node:fs'
import { toHex } from '../../src/core/bytes.js'
import type { Report } from '../../src/core/findings.js'
import { jcs, type Json } from '../../src/core/jcs.js'
import { type Proof, proofBytes } from '../../src/core/proof.js'
import type { Exhibit } from '../../src/core/verify/input.js'
import type { CurrentBundle } from '../../src/notary/bundle.js'
import { type Case, type Derived, diff, type Edit, type VerificationVectors } from '../support/vectors.js'

/** What was tried, and the report of it. */
export interface Verdict {
  readonly name: string
  readonly proof: Proof
  readonly exhibit: Exhibit
  readonly bundle: CurrentBundle
  readonly now: string
  readonly report: Report
}

/**
 * Writes what was tried as vectors to the file of STEELYARD_CAPTURE, if there is one. Of the bundles of the log that is attacked the last is
 * kept whole, and the earlier ones as edits of it; a proof is an edit of that one before it which it differs least from.
 */
export function capture (verdicts: readonly Verdict[]): void {
  const { STEELYARD_CAPTURE: file } = process.env
  const fingerprint = verdicts[0]?.bundle.fingerprint
  const own = verdicts.filter(({ bundle }) => bundle.fingerprint === fingerprint) // not the second channel's
  const last = own.reduce<CurrentBundle | undefined>((most, { bundle }) => most === undefined || bundle.bytes.length > most.bytes.length ? bundle : most, undefined)
  if (file === undefined || last === undefined) return
  const whole = JSON.parse(text(last.bytes)) as Json
  const documents: Record<string, string | Derived> = { bundle: jcs(whole) }
  const names = new Map([[jcs(whole), 'bundle']])
  const proofs: [string, Json][] = []
  const cases: Case[] = []
  for (const { name, proof, exhibit, bundle, now, report } of own) {
    const json = JSON.parse(text(bundle.bytes)) as Json
    const bundleName = names.get(jcs(json)) ?? `bundle ${names.size}`
    if (!names.has(jcs(json))) {
      names.set(jcs(json), bundleName)
      documents[bundleName] = { of: 'bundle', edits: diff(whole, json) }
    }
    const value = JSON.parse(text(proofBytes(proof))) as Json
    const [base, edits] = nearest(value, proofs) ?? [`proof ${proofs.length}`, []]
    if (documents[base] === undefined) {
      proofs.push([base, value])
      documents[base] = jcs(value)
    }
    cases.push({
      name,
      bundle: bundleName,
      pin: bundle.fingerprint,
      now,
      proof: base,
      ...(edits.length === 0 ? {} : { edits }),
      exhibit: { sha256: toHex(exhibit.sha256), ...(exhibit.sm3 === undefined ? {} : { sm3: toHex(exhibit.sm3) }) },
      expect: { exitCode: report.exitCode, findings: Object.fromEntries(report.findings.map((finding) => [finding.name, finding.code])) }
    })
  }
  const vectors: VerificationVectors = {
    about: 'Attacks carried out on a consortium of official Fabric binaries by test/fabric/attacks.test.ts, and the verdict on each. All keys were thrown away.',
    documents,
    cases
  }
  writeFileSync(file, `${JSON.stringify(vectors, null, 1)}\n`)
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
/** A proof that differs by less than half is an edit. */
const WORTH = 0.5

function nearest (whole: Json, known: readonly [string, Json][]): [string, Edit[]] | undefined {
  const size = (edits: readonly Edit[]): number => JSON.stringify(edits).length
  const [best] = known.map(([name, base]): [string, Edit[]] => [name, diff(base, whole)]).sort(([, a], [, b]) => size(a) - size(b))
  return best !== undefined && size(best[1]) < jcs(whole).length * WORTH ? best : undefined
}
