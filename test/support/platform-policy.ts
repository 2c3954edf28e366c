import { applicationPolicy, mspPrincipal, policies } from '../../network/shared/proto.js'

const { MSPPrincipal, MSPRole } = mspPrincipal

type Classification = mspPrincipal.MSPPrincipal.ClassificationMap[keyof mspPrincipal.MSPPrincipal.ClassificationMap]

/** A chaincode's policy that one peer of the platform satisfies; with another classification its principal is not what it says. */
export function platformAlone (classification: Classification = MSPPrincipal.Classification.ROLE): applicationPolicy.ApplicationPolicy {
  const role = new MSPRole()
  role.setMspIdentifier('PlatformMSP')
  role.setRole(MSPRole.MSPRoleType.PEER)
  const principal = new MSPPrincipal()
  principal.setPrincipalClassification(classification)
  principal.setPrincipal(role.serializeBinary())
  const rule = new policies.SignaturePolicy()
  rule.setSignedBy(0)
  const envelope = new policies.SignaturePolicyEnvelope()
  envelope.setRule(rule)
  envelope.addIdentities(principal)
  const policy = new applicationPolicy.ApplicationPolicy()
  policy.setSignaturePolicy(envelope)
  return policy
}
