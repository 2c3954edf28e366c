/** What an identity may do to others, by its reserved attributes. */
import { authorizationFailure } from './errors.js'
import { attributeValue, type CaAttribute, type CaIdentity } from './identity.js'

const roles = 'hf.Registrar.Roles'
const delegateRoles = 'hf.Registrar.DelegateRoles'
const registrarAttributes = 'hf.Registrar.Attributes'
const booleans: ReadonlySet<string> = new Set(['hf.Revoker', 'hf.GenCRL', 'hf.IntermediateCA', 'hf.AffiliationMgr'])
const fixed: ReadonlySet<string> = new Set(['hf.EnrollmentID', 'hf.Type', 'hf.Affiliation'])

/** The types that a node OU exists for: what the network's own registrar may register. */
export const identityTypes: readonly string[] = ['client', 'peer', 'admin', 'orderer']

/** Attributes of the registrar that the network itself creates. */
export const registrarRights: readonly CaAttribute[] = [
  { name: roles, value: identityTypes.join(','), ecert: false },
  { name: delegateRoles, value: identityTypes.join(','), ecert: false },
  { name: registrarAttributes, value: '*', ecert: false },
  { name: 'hf.Revoker', value: 'true', ecert: false },
  { name: 'hf.GenCRL', value: 'true', ecert: false }
]

/** @throws CaError unless `caller` may act on identities of this type and affiliation */
export function requireAuthority (caller: CaIdentity, { type, affiliation }: Pick<CaIdentity, 'type' | 'affiliation'>): void {
  const types = attributeValue(caller, roles)
  if (types === undefined) throw authorizationFailure(`${caller.id} is not a registrar`)
  if (!isAmong(type, types)) throw authorizationFailure(`${caller.id} has no authority to act on type '${type}'`)
  const own = caller.affiliation
  if (own !== '' && affiliation !== own && !affiliation.startsWith(`${own}.`)) {
    throw authorizationFailure(`${caller.id} has no authority to act on affiliation '${affiliation}'`)
  }
}

/** @throws CaError unless `caller` has the boolean right */
export function requireRight (caller: CaIdentity, name: 'hf.Revoker' | 'hf.GenCRL'): void {
  if (attributeValue(caller, name) !== 'true') throw authorizationFailure(`${caller.id} does not have ${name}`)
}

export function isRegistrar (caller: CaIdentity): boolean {
  return attributeValue(caller, roles) !== undefined
}

/** @throws CaError unless `caller` may give all these attributes to a new identity */
export function requireAttributes (caller: CaIdentity, requested: readonly CaAttribute[]): void {
  if (requested.length === 0) return
  const allowed = list(attributeValue(caller, registrarAttributes) ?? '')
  for (const attribute of requested) {
    const problem = attributeProblem(caller, attribute, requested, allowed)
    if (problem !== undefined) throw authorizationFailure(`${caller.id} may not register '${attribute.name}': ${problem}`)
  }
}

function attributeProblem (
  caller: CaIdentity, attribute: CaAttribute, requested: readonly CaAttribute[], allowed: readonly string[]
): string | undefined {
  const { name, value } = attribute
  if (!matchesPattern(name, allowed)) return 'not among the attributes of the registrar'
  if (!name.startsWith('hf.')) return undefined
  if (fixed.has(name)) return 'its value is fixed'
  const own = attributeValue(caller, name)
  if (own === undefined) return 'the registrar does not have it'
  if (booleans.has(name)) return own === 'true' && /^(true|false)?$/.test(value) ? undefined : 'not a right of the registrar'
  return name === registrarAttributes ? registrarProblem(value, requested, allowed) : listProblem(attribute, own, requested)
}

function registrarProblem (value: string, requested: readonly CaAttribute[], allowed: readonly string[]): string | undefined {
  const has = (name: string): boolean => requested.some((attribute) => attribute.name === name)
  const refused = list(value).find((name) => !matchesPattern(name, allowed) || (name.startsWith('hf.') && !has(name)))
  return refused === undefined ? undefined : `'${refused}' cannot be passed on`
}

function listProblem ({ name, value }: CaAttribute, own: string, requested: readonly CaAttribute[]): string | undefined {
  if (name !== roles && name !== delegateRoles) return 'not a supported reserved attribute'
  const known = name === delegateRoles ? requested.find((other) => other.name === roles)?.value ?? '' : own
  const superset = list(value).find((item) => !isAmong(item, own) || !isAmong(item, known))
  return superset === undefined ? undefined : `'${superset}' is not among '${known}'`
}

function isAmong (item: string, commaSeparated: string): boolean {
  const items = list(commaSeparated)
  return items.includes('*') || items.some((other) => other.toLowerCase() === item.toLowerCase())
}

function matchesPattern (name: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern)
}

function list (commaSeparated: string): string[] {
  return commaSeparated.split(',').map((item) => item.trim()).filter((item) => item !== '')
}
