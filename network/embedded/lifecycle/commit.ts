import { lifecycle } from '../proto.js'
import { privateName } from './approve.js'
import { allOrgStates, type LifecycleContext, publicState } from './context.js'
import { type Definition, definitionStructure, parametersStructure, proposedDefinition, readSequence } from './definition.js'
import { LifecycleRefusal } from './refusal.js'
import { differences, NAMESPACES, writeStructure } from './state.js'
import { validateInput } from './validate-input.js'

/** Which organizations approved a definition that could be committed next, and in what the others' approvals differ. */
export async function checkReadiness (
  context: LifecycleContext, args: lifecycle.CheckCommitReadinessArgs
): Promise<lifecycle.CheckCommitReadinessResult> {
  const proposed = proposedDefinition(args)
  await requireNext(context, proposed)
  const result = new lifecycle.CheckCommitReadinessResult()
  for (const [mspId, differing] of await approvals(context, proposed)) {
    result.getApprovalsMap().set(mspId, differing.length === 0)
    if (differing.length === 0) continue
    const mismatches = new lifecycle.CheckCommitReadinessResult.Mismatches()
    mismatches.setItemsList(differing)
    result.getMismatchesMap().set(mspId, mismatches)
  }
  return result
}

/** Writes a definition into the public state, if the own organization approved it. Whether enough others did is the policy's to say. */
export async function commit (context: LifecycleContext, args: lifecycle.CommitChaincodeDefinitionArgs): Promise<void> {
  const proposed = proposedDefinition(args)
  await validateInput(context, proposed)
  await requireNext(context, proposed)
  const own = (await approvals(context, proposed)).get(context.org.mspId)
  await writeStructure(publicState(context), NAMESPACES, proposed.name, definitionStructure(proposed))
  if (own === undefined) {
    throw new LifecycleRefusal('impossibly, this peer\'s org is processing requests for a channel it is not a member of')
  }
  if (own.length > 0) throw new LifecycleRefusal(`chaincode definition not agreed to by this org (${context.org.mspId})`)
}

/** For each organization, in what its approval differs from the definition: nothing, where it approved this very one. */
export async function approvals (context: LifecycleContext, proposed: Definition): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const state of allOrgStates(context)) {
    found.set(state.mspId, await differences(state, NAMESPACES, privateName(proposed), parametersStructure(proposed)))
  }
  return found
}

async function requireNext (context: LifecycleContext, { name, sequence }: Definition): Promise<void> {
  const next = await readSequence(publicState(context), name) + 1
  if (sequence !== next) throw new LifecycleRefusal(`requested sequence is ${sequence}, but new definition must be sequence ${next}`)
}
