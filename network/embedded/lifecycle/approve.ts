import type { lifecycle } from '../proto.js'
import { type LifecycleContext, orgState, publicState } from './context.js'
import {
  type Definition, difference, parametersStructure, proposedDefinition, readParameters, readSequence
} from './definition.js'
import { LifecycleRefusal } from './refusal.js'
import { fieldValue, NAMESPACES, readField, readMetadata, type ReadableState, SOURCES, writeStructure } from './state.js'
import { validateInput } from './validate-input.js'

/** Writes into the organization's collection that it approves a definition, and which package it will run for it. */
export async function approve (context: LifecycleContext, args: lifecycle.ApproveChaincodeDefinitionForMyOrgArgs): Promise<void> {
  const proposed = proposedDefinition(args)
  const packageId = args.getSource()?.getLocalPackage()?.getPackageId() ?? ''
  await validateInput(context, proposed)
  const [state, own] = [publicState(context), orgState(context)]
  const current = await readSequence(state, proposed.name)
  requireSequence(proposed.sequence, current)
  if (proposed.sequence === current) await requireSame(state, proposed)
  if (await hasApproved(own, proposed, packageId)) {
    throw new LifecycleRefusal(proposed.sequence === current
      ? `attempted to redefine the current committed sequence (${current}) for namespace ${proposed.name}`
      : `attempted to redefine uncommitted sequence (${proposed.sequence}) for namespace ${proposed.name} with unchanged content`)
  }
  const name = privateName(proposed)
  await writeStructure(own, NAMESPACES, name, parametersStructure(proposed))
  await writeStructure(own, SOURCES, name, { type: 'ChaincodeLocalPackage', fields: [['PackageID', fieldValue(packageId)]] })
}

/** Under what name an organization's collection has a definition's approval. */
export function privateName ({ name, sequence }: Pick<Definition, 'name' | 'sequence'>): string {
  return `${name}#${sequence}`
}

function requireSequence (requested: number, current: number): void {
  if (requested === 0 && current === 0) throw new LifecycleRefusal('requested sequence is 0, but first definable sequence number is 1')
  if (requested < current) {
    throw new LifecycleRefusal(`currently defined sequence ${current} is larger than requested sequence ${requested}`)
  }
  if (requested > current + 1) {
    throw new LifecycleRefusal(`requested sequence ${requested} is larger than the next available sequence number ${current + 1}`)
  }
}

/** What is committed can be approved later, but not as something else. */
async function requireSame (state: ReadableState, proposed: Definition): Promise<void> {
  const { name, sequence } = proposed
  if (await readMetadata(state, NAMESPACES, name) === undefined) {
    throw new LifecycleRefusal(`missing metadata for currently committed sequence number (${sequence})`)
  }
  await readField(state, NAMESPACES, name, 'Sequence')
  const differing = difference(await readParameters(state, name), proposed)
  if (differing === undefined) return
  throw new LifecycleRefusal(
    `attempted to redefine the current committed sequence (${sequence}) for namespace ${name} with different parameters: ${differing}`)
}

async function hasApproved (own: ReadableState, proposed: Definition, packageId: string): Promise<boolean> {
  const name = privateName(proposed)
  if (await readMetadata(own, NAMESPACES, name) === undefined) return false
  if (difference(await readParameters(own, name), proposed) !== undefined) return false
  if (await readMetadata(own, SOURCES, name) === undefined) return false
  return (await readField(own, SOURCES, name, 'PackageID')).getString() === packageId
}
