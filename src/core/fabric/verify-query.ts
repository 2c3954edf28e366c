import { equalBytes, fromBase64url, fromHex, utf8 } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import type { FabricReadback } from '../proof.js'
import type { EndorsementPolicy } from './policy.js'
import { type Endorser, requireEndorsements, requirePolicy, UnknownEndorser } from './endorsement.js'
import { FabricRefusal } from './refusal.js'
import {
  type EndorsedResponse, type Endorsement, parseChannelHeader, parseProposalPayload, parseResponsePayload, parseSignatureHeader,
  proposalHash, transactionId
} from './transaction.js'
import type { ConfigRange } from './verify-block.js'

/** An endorsed query as evidence carries it, decoded from its document. */
export interface QueryEvidence {
  readonly proposal?: { readonly channelHeader: Uint8Array, readonly signatureHeader: Uint8Array, readonly payload: Uint8Array }
  readonly responsePayload: Uint8Array
  readonly endorsements: readonly Endorsement[]
}

/** What was asked, as the verifier knows it from elsewhere. Text arguments are UTF-8. */
export interface Question {
  readonly channel: string
  readonly chaincode: string
  /** The function and its arguments. */
  readonly args: readonly string[]
}

/** Finds a serialized identity by the lower-case hex of its SHA-256. */
export type IdentityLookup = (digest: string) => Uint8Array | undefined

/** The lookup in a document's `identities`. Base64url is canonical there, its parser saw to that. */
export function lookupIn (identities: Readonly<Record<string, string>>): IdentityLookup {
  return (digest) => {
    const encoded = Object.hasOwn(identities, digest) ? identities[digest] : undefined
    return encoded === undefined ? undefined : fromBase64url(encoded)
  }
}

/** Decodes the data of an attestation; identities must be there and be what their digests say. */
export function decodeQuery (crypto: Crypto, data: FabricReadback, identities: IdentityLookup): QueryEvidence {
  const { proposal } = data
  return {
    responsePayload: fromBase64url(data.responsePayload),
    endorsements: data.endorsements.map(({ identity, signature }) => ({
      endorser: requireIdentity(crypto, identity, identities), signature: fromBase64url(signature)
    })),
    ...(proposal === undefined
      ? {}
      : {
          proposal: {
            channelHeader: fromBase64url(proposal.channelHeader),
            signatureHeader: fromBase64url(proposal.signatureHeader),
            payload: fromBase64url(proposal.payload)
          }
        })
  }
}

function requireIdentity (crypto: Crypto, digest: string, identities: IdentityLookup): Uint8Array {
  const identity = identities(digest)
  if (identity === undefined) throw new FabricRefusal('IDENTITY', `no identity ${digest}`)
  if (!equalBytes(crypto.sha256(identity), fromHex(digest))) throw new FabricRefusal('IDENTITY', `the identity ${digest} is another`)
  return identity
}

/**
 * The proposal is a query of exactly this, and the one that the endorsers answered. Its own signature is not carried: who asked
 * does not matter.
 */
export function requireProposal (
  crypto: Crypto, proposal: NonNullable<QueryEvidence['proposal']>, question: Question, response: EndorsedResponse
): void {
  const channelHeader = parseChannelHeader(proposal.channelHeader)
  const signatureHeader = parseSignatureHeader(proposal.signatureHeader)
  if (channelHeader.channelId !== question.channel) throw new FabricRefusal('CHANNEL', 'a query of another channel')
  if (channelHeader.type !== 3) throw new FabricRefusal('PROPOSAL', 'not an endorser transaction proposal')
  if (channelHeader.txId !== transactionId(crypto, signatureHeader)) {
    throw new FabricRefusal('TRANSACTION_ID', 'the transaction id is not that of nonce and creator')
  }
  const { chaincodeName, args } = parseProposalPayload(proposal.payload)
  const asked = args.length === question.args.length && question.args.every((text, i) => equalBytes(utf8(text), args[i] as Uint8Array))
  if (chaincodeName !== question.chaincode || !asked) throw new FabricRefusal('PROPOSAL', 'the proposal asks something else')
  const hash = proposalHash(crypto, proposal.channelHeader, proposal.signatureHeader, proposal.payload)
  if (!equalBytes(hash, response.proposalHash)) throw new FabricRefusal('PROPOSAL_HASH', 'the endorsers answered another proposal')
}

/** The response, status 200, of the chaincode that was asked. */
export function requireResponse (evidence: QueryEvidence, chaincode: string): EndorsedResponse {
  const response = parseResponsePayload(evidence.responsePayload)
  if (response.action.chaincodeId.name !== chaincode) {
    throw new FabricRefusal('CHAINCODE', `endorsed for the chaincode ${response.action.chaincodeId.name}`)
  }
  const { status } = response.action.response
  if (status !== 200) throw new FabricRefusal('RESPONSE_STATUS', `status ${status}`)
  if (response.action.events.length > 0) throw new FabricRefusal('READ_WRITE_SET', 'a query with an event')
  return response
}

/** Endorsers, and the configuration that they belong to. */
export interface EndorsedUnder {
  readonly endorsers: readonly Endorser[]
  readonly range: ConfigRange
}

/**
 * A query is endorsed after the commit that it reads, under the configuration of then or under a later one; it does not say which.
 * So each is tried in turn. Endorsers that no configuration knows may belong to one after the bundle's last.
 */
export function requireEndorsed (
  crypto: Crypto, ranges: readonly ConfigRange[], policy: EndorsementPolicy, evidence: QueryEvidence
): EndorsedUnder {
  let refusal: FabricRefusal | undefined
  for (const range of ranges) {
    try {
      const endorsers = requireEndorsements(crypto, range.config, evidence.responsePayload, evidence.endorsements)
      requirePolicy(range.config, policy, endorsers)
      return { endorsers, range }
    } catch (error) {
      if (!(error instanceof FabricRefusal)) throw error
      refusal = error
    }
  }
  if (refusal === undefined || refusal instanceof UnknownEndorser) {
    throw new FabricRefusal('BUNDLE_OLDER', 'endorsed by organizations or CAs that the trust bundle does not know', refusal)
  }
  throw refusal
}

/** The configurations under which something after block `after` can have been endorsed. */
export function rangesFrom (ranges: readonly ConfigRange[], after: bigint): ConfigRange[] {
  return ranges.filter(({ until }) => until === undefined || until >= after)
}
