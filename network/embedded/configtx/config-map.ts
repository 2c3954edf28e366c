/**
 * A configuration as a flat map of its elements, as Fabric compares configurations: each under its kind and its path.
 * @module
 */
import { configtx } from '../proto.js'
import { ConfigRefusal } from './refusal.js'

/** A group, value or policy of a configuration, and where it is: the names of the groups above it, and its own. */
export type ConfigElement = { readonly path: readonly string[], readonly key: string } & (
  | { readonly kind: 'Group', readonly message: configtx.ConfigGroup }
  | { readonly kind: 'Value', readonly message: configtx.ConfigValue }
  | { readonly kind: 'Policy', readonly message: configtx.ConfigPolicy }
)

/** By name, such as `[Value]  /Channel/Orderer/BatchSize`. */
export type ConfigMap = ReadonlyMap<string, ConfigElement>

const ROOT = 'Channel'
const PREFIX = { Group: '[Group]  ', Value: '[Value]  ', Policy: '[Policy] ' } as const
const MOST_CHARACTERS = 249
/** What Fabric puts where a configuration of old leaves the policy for changes out. */
const DEFAULT_MOD_POLICY = 'Admins'

/** @throws ConfigRefusal when a name is none that Fabric takes */
export function mapConfig (root: configtx.ConfigGroup | undefined): Map<string, ConfigElement> {
  const found = new Map<string, ConfigElement>()
  if (root !== undefined) addGroup(found, [], ROOT, root)
  return found
}

function addGroup (found: Map<string, ConfigElement>, path: readonly string[], key: string, message: configtx.ConfigGroup): void {
  add(found, { kind: 'Group', path, key, message })
  const inside = [...path, key]
  message.getGroupsMap().forEach((group, name) => { addGroup(found, inside, name, group) })
  message.getValuesMap().forEach((value, name) => { add(found, { kind: 'Value', path: inside, key: name, message: value }) })
  message.getPoliciesMap().forEach((policy, name) => { add(found, { kind: 'Policy', path: inside, key: name, message: policy }) })
}

function add (found: Map<string, ConfigElement>, element: ConfigElement): void {
  const wrong = wrongName(element.key)
  if (wrong !== undefined) throw new ConfigRefusal(`illegal characters in key: ${PREFIX[element.kind]}: ${wrong}`)
  found.set(nameOf(element.kind, [...element.path, element.key]), element)
}

function nameOf (kind: ConfigElement['kind'], path: readonly string[]): string {
  return `${PREFIX[kind]}/${path.join('/')}`
}

/** What Fabric says of a name that it does not take. */
export function wrongName (name: string): string | undefined {
  if (name === '') return 'config ID illegal, cannot be empty'
  if (name.length > MOST_CHARACTERS) return `config ID illegal, cannot be longer than ${MOST_CHARACTERS}`
  if (name === '.' || name === '..') return `name '${name}' for config ID is not allowed`
  return /^[a-zA-Z0-9.-]+$/.test(name) ? undefined : `config ID '${name}' contains illegal characters`
}

/** The configuration that a map stands for. What a group does not list is not in it, even where the map has it. */
export function toConfig (map: ConfigMap): configtx.ConfigGroup {
  return toGroup(map, [ROOT])
}

function toGroup (map: ConfigMap, path: readonly string[]): configtx.ConfigGroup {
  const { message: listed } = elementOf(map, 'Group', path)
  const group = new configtx.ConfigGroup()
  group.setVersion(listed.getVersion())
  group.setModPolicy(orDefault(listed.getModPolicy()))
  listed.getGroupsMap().forEach((_, name) => { group.getGroupsMap().set(name, toGroup(map, [...path, name])) })
  listed.getValuesMap().forEach((_, name) => {
    const value = elementOf(map, 'Value', [...path, name]).message.clone()
    value.setModPolicy(orDefault(value.getModPolicy()))
    group.getValuesMap().set(name, value)
  })
  listed.getPoliciesMap().forEach((_, name) => {
    const policy = elementOf(map, 'Policy', [...path, name]).message.clone()
    policy.setModPolicy(orDefault(policy.getModPolicy()))
    group.getPoliciesMap().set(name, policy)
  })
  return group
}

function orDefault (modPolicy: string): string {
  return modPolicy === '' ? DEFAULT_MOD_POLICY : modPolicy
}

function elementOf<K extends ConfigElement['kind']> (map: ConfigMap, kind: K, path: readonly string[]): Extract<ConfigElement, { kind: K }> {
  const name = nameOf(kind, path)
  const element = map.get(name)
  if (element === undefined) throw new ConfigRefusal(`could not turn configMap back to channelGroup: missing ${kind.toLowerCase()} at path: ${name}`)
  return element as Extract<ConfigElement, { kind: K }>
}
