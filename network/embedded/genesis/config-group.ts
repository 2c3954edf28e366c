/**
 * The building blocks of a channel configuration: values, policies and groups as configtx wants them.
 * @module
 */
import { common, configtx, configuration, mspPrincipal, policies } from '../../shared/proto.js'

/** A message that serializes itself. */
export interface Serializable {
  serializeBinary (): Uint8Array
}

/** Who a signature policy names: an MSP's role, or one exact identity. */
export type Principal =
  | { readonly mspId: string, readonly role: 'MEMBER' | 'ADMIN' | 'CLIENT' | 'PEER' | 'ORDERER' }
  | { readonly identity: Uint8Array }

const MOD_POLICY = 'Admins'

/** An empty group that its administrators may modify. */
export function configGroup (): configtx.ConfigGroup {
  const group = new configtx.ConfigGroup()
  group.setModPolicy(MOD_POLICY)
  return group
}

/** Sets a value of a group. */
export function setValue (group: configtx.ConfigGroup, name: string, message: Serializable): void {
  const value = new configtx.ConfigValue()
  value.setValue(message.serializeBinary())
  value.setModPolicy(MOD_POLICY)
  group.getValuesMap().set(name, value)
}

/** Sets the capabilities of a group. */
export function setCapability (group: configtx.ConfigGroup, capability: string): void {
  const capabilities = new configuration.Capabilities()
  capabilities.getCapabilitiesMap().set(capability, new configuration.Capability())
  setValue(group, 'Capabilities', capabilities)
}

/** Sets a policy that counts the sub-groups' policies of the same kind. */
export function setImplicitMeta (
  group: configtx.ConfigGroup, name: string, rule: 'ANY' | 'ALL' | 'MAJORITY', subPolicy: string
): void {
  const meta = new policies.ImplicitMetaPolicy()
  meta.setSubPolicy(subPolicy)
  meta.setRule(policies.ImplicitMetaPolicy.Rule[rule])
  setPolicy(group, name, policies.Policy.PolicyType.IMPLICIT_META, meta)
}

/** Sets a policy that wants signatures of `needed` of these principals. */
export function setSignaturePolicy (
  group: configtx.ConfigGroup, name: string, needed: number, principals: readonly Principal[]
): void {
  setPolicy(group, name, policies.Policy.PolicyType.SIGNATURE, signaturePolicy(needed, principals))
}

function signaturePolicy (needed: number, principals: readonly Principal[]): policies.SignaturePolicyEnvelope {
  const outOf = new policies.SignaturePolicy.NOutOf()
  outOf.setN(needed)
  outOf.setRulesList(principals.map((_, index) => {
    const signed = new policies.SignaturePolicy()
    signed.setSignedBy(index)
    return signed
  }))
  const rule = new policies.SignaturePolicy()
  rule.setNOutOf(outOf)
  const envelope = new policies.SignaturePolicyEnvelope()
  envelope.setRule(rule)
  envelope.setIdentitiesList(principals.map(principalMessage))
  return envelope
}

function principalMessage (principal: Principal): mspPrincipal.MSPPrincipal {
  const classes = mspPrincipal.MSPPrincipal.Classification
  const message = new mspPrincipal.MSPPrincipal()
  if ('identity' in principal) {
    message.setPrincipalClassification(classes.IDENTITY)
    message.setPrincipal(principal.identity)
    return message
  }
  const role = new mspPrincipal.MSPRole()
  role.setMspIdentifier(principal.mspId)
  role.setRole(mspPrincipal.MSPRole.MSPRoleType[principal.role])
  message.setPrincipalClassification(classes.ROLE)
  message.setPrincipal(role.serializeBinary())
  return message
}

function setPolicy (group: configtx.ConfigGroup, name: string, type: number, message: Serializable): void {
  const policy = new policies.Policy()
  policy.setType(type)
  policy.setValue(message.serializeBinary())
  const value = new configtx.ConfigPolicy()
  value.setPolicy(policy)
  value.setModPolicy(MOD_POLICY)
  group.getPoliciesMap().set(name, value)
}

/** Header of an envelope of the channel. */
export function channelHeader (
  type: number, channel: string, txId: string, timestamp: Parameters<common.ChannelHeader['setTimestamp']>[0]
): common.ChannelHeader {
  const header = new common.ChannelHeader()
  header.setType(type)
  header.setChannelId(channel)
  header.setTxId(txId)
  header.setTimestamp(timestamp)
  return header
}
