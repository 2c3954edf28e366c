import type { Crypto } from '../crypto.js'
import type { FabricReadback } from '../proof.js'
import { type ChaincodeDefinition, definitionBefore, LIFECYCLE, requireDefinition, writesAnything } from './definition.js'
import type { Endorser } from './endorsement.js'
import { attempt, FabricRefusal, type FabricResult } from './refusal.js'
import { equalVersions, type NsRwset, type Version } from './rwset.js'
import type { ConfigRange } from './verify-block.js'
import {
  decodeQuery, type IdentityLookup, type Question, rangesFrom, requireEndorsed, requireProposal, requireResponse
} from './verify-query.js'

/** What a read-back must have asked and read. */
export interface ReadbackQuestion extends Question {
  /** The one key that the function reads. */
  readonly key: string
  /** Where the key's value was written. Absent: it must exist, wherever it was written. */
  readonly version?: Version
  /** The block after which the query was endorsed: that of the value, or of the latest configuration known to precede it. */
  readonly after: bigint
}

/** A query that the organizations endorsed after the commit of what it read. */
export interface AttestedReadback {
  /** The bytes that the chaincode answered. */
  readonly payload: Uint8Array
  readonly endorsers: readonly Endorser[]
  readonly definition: ChaincodeDefinition
  /** Where the value was written. */
  readonly version: Version
  /** The configuration that the endorsers belong to. */
  readonly range: ConfigRange
  /** Whether the question itself was carried and verified (the full form). In the compact form only the answer says what was asked. */
  readonly full: boolean
}

/**
 * Validity (PROOF.md section 4b): peers endorsed, after the commit, that the key held at this version what the answer says. The caller
 * compares the answer with the value that the ordered transaction writes.
 */
export function verifyReadback (
  crypto: Crypto,
  ledger: { readonly ranges: readonly ConfigRange[], readonly definitions: readonly ChaincodeDefinition[] },
  question: ReadbackQuestion,
  data: FabricReadback,
  identities: IdentityLookup
): FabricResult<AttestedReadback> {
  return attempt(() => {
    const evidence = decodeQuery(crypto, data, identities)
    const response = requireResponse(evidence, question.chaincode)
    // First of all what was asked: the answer to another question may read what this ledger's bundle cannot know.
    if (evidence.proposal !== undefined) requireProposal(crypto, evidence.proposal, question, response)
    const version = requireOneRead(question, response.readWriteSets)
    // What is read at a version is read after it; the rest must be as new as the bundle.
    const inForce = question.version === undefined ? ledger.definitions.at(-1) : definitionBefore(ledger.definitions, question.version)
    const definition = requireDefinition(question.chaincode, ledger.definitions, inForce, response)
    const { endorsers, range } = requireEndorsed(crypto, rangesFrom(ledger.ranges, question.after), definition.policy, evidence)
    return {
      payload: response.action.response.payload, endorsers, definition, version, range, full: evidence.proposal !== undefined
    }
  })
}

/** Namespaces exactly the chaincode's and _lifecycle's, nothing but plain reads, and of the chaincode exactly the key. */
function requireOneRead (question: ReadbackQuestion, sets: readonly NsRwset[]): Version {
  const own = sets.find(({ namespace }) => namespace === question.chaincode)
  const [read, ...rest] = own?.reads ?? []
  if (read?.key !== question.key || rest.length > 0 || !onlyReads(question.chaincode, sets)) {
    throw new FabricRefusal('READ_WRITE_SET', 'the query did other things than to read its key')
  }
  if (read.version === undefined) throw new FabricRefusal('READ_VERSION', 'the key did not exist')
  if (question.version !== undefined && !equalVersions(read.version, question.version)) {
    throw new FabricRefusal('READ_VERSION', `read at ${read.version.block}:${read.version.tx}, another place than that of the transaction`)
  }
  return read.version
}

function onlyReads (chaincode: string, sets: readonly NsRwset[]): boolean {
  return sets.length === 2 && sets.every((set) => (set.namespace === chaincode || set.namespace === LIFECYCLE) && !writesAnything(set))
}
