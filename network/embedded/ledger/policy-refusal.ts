import { evaluatePolicy, type PolicySigner, type PolicyTree, policyAt, subPoliciesNeeded } from '../../../src/core/fabric/policy.js'

/** Why signers do not satisfy a policy of the configuration, in the words of an official node; undefined when they do. */
export function policyRefusal (tree: PolicyTree, path: string, signers: readonly PolicySigner[]): string | undefined {
  if (evaluatePolicy(tree, path, signers)) return undefined
  const { group, policy } = policyAt(tree, path)
  if (group === undefined || policy?.kind !== 'implicit-meta') return 'signature set did not satisfy policy'
  const { subPolicy, rule } = policy
  const above = path.slice(0, path.lastIndexOf('/'))
  const satisfied = [...group.groups.keys()].filter((name) => evaluatePolicy(tree, `${above}/${name}/${subPolicy}`, signers)).length
  return `implicit policy evaluation failed - ${satisfied} sub-policies were satisfied, but this policy requires ` +
    `${subPoliciesNeeded(rule, group.groups.size)} of the '${subPolicy}' sub-policies to be satisfied`
}
