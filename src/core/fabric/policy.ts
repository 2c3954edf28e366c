import { equalBytes, toHex } from '../bytes.js'
import { EvidenceError } from '../errors.js'
import { decodeExact } from './message.js'
import * as messages from './messages.js'
import { type MspRole, parseSerializedIdentity } from './msp.js'
import { pemToDer } from './pem.js'

/** Who one signature came from: an identity that its MSP found valid, whose signature was verified. */
export interface PolicySigner {
  readonly mspId: string
  readonly role: MspRole
  /** Further roles, of an administrator by list; default: `role` and member. */
  readonly roles?: readonly MspRole[]
  /** The SerializedIdentity. */
  readonly identity: Uint8Array
}

export type Principal =
  | { readonly kind: 'role', readonly mspId: string, readonly role: MspRole }
  | { readonly kind: 'identity', readonly mspId: string, readonly certificate: Uint8Array }
  | { readonly kind: 'unsupported' }

export type SignatureRule =
  | { readonly kind: 'signed-by', readonly principal: Principal }
  | { readonly kind: 'n-out-of', readonly n: number, readonly rules: readonly SignatureRule[] }

export type MetaRule = 'ANY' | 'ALL' | 'MAJORITY'

export type Policy =
  | { readonly kind: 'signature', readonly rule: SignatureRule }
  | { readonly kind: 'implicit-meta', readonly subPolicy: string, readonly rule: MetaRule }
  | { readonly kind: 'unsupported' }

/** The policies of a configuration group, and its groups. The root of a tree is /Channel. */
export interface PolicyTree {
  readonly policies: ReadonlyMap<string, Policy>
  readonly groups: ReadonlyMap<string, PolicyTree>
}

const ROLES: readonly MspRole[] = ['member', 'admin', 'client', 'peer', 'orderer']
const META_RULES: readonly MetaRule[] = ['ANY', 'ALL', 'MAJORITY']
const SIGNATURE = 1
const IMPLICIT_META = 3
// MSPPrincipal.Classification
const CLASS_ROLE = 0
const CLASS_IDENTITY = 2

/** The policies of a configuration, from its /Channel group. */
export function readPolicyTree (group: messages.ConfigGroup): PolicyTree {
  const found = new Map<string, Policy>()
  const groups = new Map<string, PolicyTree>()
  for (const [name, { policy }] of group.policies) {
    if (policy !== undefined) found.set(name, readPolicy(policy.type, policy.value))
  }
  for (const [name, sub] of group.groups) groups.set(name, readPolicyTree(sub))
  return { policies: found, groups }
}

function readPolicy (type: number, value: Uint8Array): Policy {
  if (type === SIGNATURE) return { kind: 'signature', rule: readSignaturePolicy(decodeExact(messages.signaturePolicyEnvelope, value)) }
  if (type !== IMPLICIT_META) return { kind: 'unsupported' }
  const meta = decodeExact(messages.implicitMetaPolicy, value)
  const rule = META_RULES[meta.rule]
  return rule === undefined ? { kind: 'unsupported' } : { kind: 'implicit-meta', subPolicy: meta.subPolicy, rule }
}

/** The rule of a SignaturePolicyEnvelope, principals resolved. */
export function readSignaturePolicy ({ version, rule, identities }: messages.SignaturePolicyEnvelope): SignatureRule {
  if (version !== 0) throw new EvidenceError({ code: 'UNSUPPORTED_TYPE', message: 'a signature policy of another version' })
  const principals = identities.map(readPrincipal)
  if (rule === undefined) throw new EvidenceError({ code: 'PROTOBUF', message: 'a signature policy without a rule' })
  return readRule(rule, principals)
}

function readRule ({ nOutOf, signedBy }: messages.SignaturePolicy, principals: readonly Principal[]): SignatureRule {
  if (nOutOf !== undefined) return { kind: 'n-out-of', n: nOutOf.n, rules: nOutOf.rules.map((sub) => readRule(sub, principals)) }
  const principal = signedBy === undefined ? undefined : principals[signedBy]
  if (principal === undefined) throw new EvidenceError({ code: 'PROTOBUF', message: 'a signature policy with a rule of no principal' })
  return { kind: 'signed-by', principal }
}

function readPrincipal ({ classification, principal }: messages.MspPrincipal): Principal {
  switch (classification) {
    case CLASS_ROLE: {
      const { mspIdentifier, role } = decodeExact(messages.mspRole, principal)
      const name = ROLES[role]
      return name === undefined ? { kind: 'unsupported' } : { kind: 'role', mspId: mspIdentifier, role: name }
    }
    case CLASS_IDENTITY: {
      const { mspId, pem } = parseSerializedIdentity(principal)
      return { kind: 'identity', mspId, certificate: pemToDer(pem) }
    }
    default:
      return { kind: 'unsupported' }
  }
}

/**
 * Evaluates a policy of the configuration, as Fabric does, for signers whose identities and signatures were verified. A signer
 * given twice (the same certificate, in whatever bytes) counts once, and within a signature policy each is used for one
 * principal. A policy that is absent is never satisfied.
 */
export function evaluatePolicy (tree: PolicyTree, path: string, signers: readonly PolicySigner[]): boolean {
  const { group, name } = locate(tree, path)
  return group !== undefined && evaluate(group, name, distinct(signers))
}

/** Evaluates a signature policy that stands alone, such as a chaincode definition's own. */
export function evaluateSignatureRule (rule: SignatureRule, signers: readonly PolicySigner[]): boolean {
  const people = distinct(signers)
  return satisfied(rule, people, people.map(() => false))
}

/** Whether every part of a policy is of a kind that `evaluatePolicy` reads; where not, its `false` settles nothing. */
export function isSupportedPolicy (tree: PolicyTree, path: string): boolean {
  const { group, name } = locate(tree, path)
  return group === undefined || supported(group, name)
}

/** Whether a signature policy has only principals that are read here. */
export function isSupportedRule (rule: SignatureRule): boolean {
  return rule.kind === 'signed-by' ? rule.principal.kind !== 'unsupported' : rule.rules.every(isSupportedRule)
}

/** The policy at a path, and the group that it is in. */
export function policyAt (tree: PolicyTree, path: string): { group: PolicyTree | undefined, policy: Policy | undefined } {
  const { group, name } = locate(tree, path)
  return { group, policy: group?.policies.get(name) }
}

function locate (tree: PolicyTree, path: string): { group: PolicyTree | undefined, name: string } {
  const [empty, root, ...rest] = path.split('/')
  const name = rest.pop() ?? ''
  let group: PolicyTree | undefined = empty === '' && root === 'Channel' ? tree : undefined
  for (const step of rest) group = group?.groups.get(step)
  return { group, name }
}

function supported (group: PolicyTree, name: string): boolean {
  const policy = group.policies.get(name)
  if (policy === undefined) return true
  if (policy.kind === 'signature') return isSupportedRule(policy.rule)
  return policy.kind === 'implicit-meta' && [...group.groups.values()].every((sub) => supported(sub, policy.subPolicy))
}

/** A signer with what tells it apart: one certificate can be written in several ways, so its DER decides. */
interface Person { readonly signer: PolicySigner, readonly certificate: Uint8Array }

function distinct (signers: readonly PolicySigner[]): Person[] {
  const people = new Map<string, Person>()
  for (const signer of signers) {
    const certificate = pemToDer(parseSerializedIdentity(signer.identity).pem)
    people.set(`${signer.mspId} ${toHex(certificate)}`, { signer, certificate })
  }
  return [...people.values()]
}

function evaluate (group: PolicyTree, name: string, people: readonly Person[]): boolean {
  const policy = group.policies.get(name)
  if (policy === undefined || policy.kind === 'unsupported') return false
  if (policy.kind === 'signature') return satisfied(policy.rule, people, people.map(() => false))
  const subs = [...group.groups.values()]
  const accepting = subs.filter((sub) => evaluate(sub, policy.subPolicy, people)).length
  return accepting >= subPoliciesNeeded(policy.rule, subs.length)
}

/** How many of `of` sub-policies a rule needs. */
export function subPoliciesNeeded (rule: MetaRule, of: number): number {
  if (of === 0) return 0 // as Fabric: nobody to ask
  if (rule === 'ANY') return 1
  return rule === 'ALL' ? of : Math.floor(of / 2) + 1
}

/** Fabric's evaluation, greedy in the order of rules and signers; `used` is changed only by a rule that is satisfied. */
function satisfied (rule: SignatureRule, people: readonly Person[], used: boolean[]): boolean {
  if (rule.kind === 'signed-by') {
    const at = people.findIndex((person, i) => used[i] === false && fulfils(person, rule.principal))
    if (at >= 0) used[at] = true
    return at >= 0
  }
  let count = 0
  for (const sub of rule.rules) {
    const attemptUsed = [...used]
    if (satisfied(sub, people, attemptUsed)) {
      count++
      attemptUsed.forEach((value, i) => { used[i] = value })
    }
  }
  return count >= rule.n
}

function fulfils (person: Person, principal: Principal): boolean {
  if (principal.kind === 'unsupported' || person.signer.mspId !== principal.mspId) return false
  if (principal.kind === 'identity') return equalBytes(person.certificate, principal.certificate)
  const roles = person.signer.roles ?? [person.signer.role]
  return principal.role === 'member' || roles.includes(principal.role)
}

/** Where a chaincode definition's endorsement policy is: in the configuration, or its own. */
export type EndorsementPolicy =
  | { readonly kind: 'reference', readonly path: string }
  | { readonly kind: 'signature', readonly rule: SignatureRule }

/** The policy of a chaincode or a collection. */
export function readEndorsementPolicy ({ signaturePolicy, channelConfigPolicyReference }: messages.ApplicationPolicy): EndorsementPolicy {
  return signaturePolicy === undefined
    ? { kind: 'reference', path: channelConfigPolicyReference ?? '' }
    : { kind: 'signature', rule: readSignaturePolicy(signaturePolicy) }
}
