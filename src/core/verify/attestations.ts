import { EvidenceError } from '../errors.js'
import type { Remark } from '../findings.js'
import { type Attestation, type FabricBlock, fabricBlock, type FabricReadback, fabricReadback, type Proof } from '../proof.js'
import type { Parser } from '../strict.js'
import { unusedIdentity } from './facts.js'
import { type Problem, problem, remark } from './result.js'

/** The attestations of a proof that this version knows, at most one of each. */
export interface Attestations {
  readonly block?: FabricBlock
  readonly readback?: FabricReadback
  readonly qscc?: FabricReadback
  readonly remarks: readonly Remark[]
  readonly problem?: Problem
}

const PARSERS: Readonly<Record<string, Parser<FabricBlock | FabricReadback>>> = {
  'fabric-block/v1': fabricBlock, 'fabric-readback/v1': fabricReadback, 'fabric-qscc/v1': fabricReadback
}

/**
 * Sorts a proof's attestations. Known types are strict inside, said of the batch, each once and in ascending order, so that there is
 * one way to write them; an unknown one could not be checked, and the rest goes on. Identities must be used,
 * unless an unknown attestation may be what uses them.
 */
export function readAttestations (proof: Proof): Attestations {
  const known = new Map<string, FabricBlock | FabricReadback>()
  const remarks: Remark[] = []
  for (const attestation of proof.attestations ?? []) {
    const { type } = attestation
    if (!Object.hasOwn(PARSERS, type)) {
      remarks.push(remark('ATTESTATION_UNKNOWN', { type }))
      continue
    }
    if (attestation.target !== 'batch' || [...known.keys()].some((before) => before >= type)) {
      return { remarks, problem: problem('ATTESTATION_MISPLACED', { type }) }
    }
    const data = parse(attestation)
    if (data === undefined) return { remarks, problem: problem('ATTESTATION_MALFORMED', { type }) }
    known.set(type, data)
  }
  const attestations = byName(known)
  const unused = remarks.length > 0 ? undefined : unusedIdentity(proof.identities ?? {}, signedQueries(attestations))
  return { ...attestations, remarks, ...(unused === undefined ? {} : { problem: problem('IDENTITY_UNUSED', { identity: unused }) }) }
}

function parse ({ type, data }: Attestation): FabricBlock | FabricReadback | undefined {
  try {
    return PARSERS[type]?.(data, type)
  } catch (error) {
    if (error instanceof EvidenceError) return undefined
    throw error
  }
}

function byName (known: ReadonlyMap<string, FabricBlock | FabricReadback>): Omit<Attestations, 'remarks' | 'problem'> {
  const block = known.get('fabric-block/v1') as FabricBlock | undefined
  const readback = known.get('fabric-readback/v1') as FabricReadback | undefined
  const qscc = known.get('fabric-qscc/v1') as FabricReadback | undefined
  return {
    ...(block === undefined ? {} : { block }), ...(readback === undefined ? {} : { readback }), ...(qscc === undefined ? {} : { qscc })
  }
}

function signedQueries ({ readback, qscc }: Omit<Attestations, 'remarks'>): FabricReadback[] {
  return [readback, qscc].filter((query) => query !== undefined)
}
