/**
 * Changes of a channel's configuration: what differs between two configurations, in the form that Fabric's orderers check. An element
 * that changes has its version raised; a group is raised only when members come, go, or its policy for changes is another.
 * @module
 */
import { configtx } from './proto.js'

/** Reads and writes of one group. */
interface GroupDelta {
  readonly read: configtx.ConfigGroup
  readonly write: configtx.ConfigGroup
  readonly changed: boolean
}

/** A value or policy: an element without members. */
interface Leaf {
  serializeBinary (): Uint8Array
  getVersion (): number
  setVersion (version: number): void
  clone (): this
}

interface LeafMap<L extends Leaf> {
  keys (): { next (): { done: boolean, value: string } }
  get (name: string): L | undefined
  set (name: string, leaf: L): unknown
}

/**
 * The update that makes a change to the /Channel group, a serialized common.ConfigGroup. `change` leaves versions alone.
 * @throws RangeError if nothing differs
 */
export function configUpdate (
  channel: string, channelGroup: Uint8Array, change: (group: configtx.ConfigGroup) => void
): configtx.ConfigUpdate {
  const after = configtx.ConfigGroup.deserializeBinary(channelGroup)
  change(after)
  const { read, write, changed } = groupDelta(configtx.ConfigGroup.deserializeBinary(channelGroup), after)
  if (!changed) throw new RangeError('the configuration is the same')
  const update = new configtx.ConfigUpdate()
  update.setChannelId(channel)
  update.setReadSet(read)
  update.setWriteSet(write)
  return update
}

function groupDelta (before: configtx.ConfigGroup, after: configtx.ConfigGroup): GroupDelta {
  const read = groupStub(before)
  const write = groupStub(before)
  const raised = !sameMembers(before, after) || before.getModPolicy() !== after.getModPolicy()
  const changes = [
    leafDelta(before.getValuesMap(), after.getValuesMap(), read.getValuesMap(), write.getValuesMap(), raised, () => new configtx.ConfigValue()),
    leafDelta(
      before.getPoliciesMap(), after.getPoliciesMap(), read.getPoliciesMap(), write.getPoliciesMap(), raised, () => new configtx.ConfigPolicy()
    ),
    subGroupDelta(before, after, read, write, raised)
  ]
  if (raised) {
    write.setVersion(before.getVersion() + 1)
    write.setModPolicy(after.getModPolicy())
  }
  return { read, write, changed: raised || changes.includes(true) }
}

function subGroupDelta (
  before: configtx.ConfigGroup, after: configtx.ConfigGroup, read: configtx.ConfigGroup, write: configtx.ConfigGroup, whole: boolean
): boolean {
  let changed = false
  for (const name of names(after.getGroupsMap())) {
    const [old, now] = [before.getGroupsMap().get(name), after.getGroupsMap().get(name)]
    if (now === undefined) continue
    if (old === undefined) {
      write.getGroupsMap().set(name, now.clone())
      changed = true
      continue
    }
    const delta = groupDelta(old, now)
    changed ||= delta.changed
    if (!whole && !delta.changed) continue
    read.getGroupsMap().set(name, delta.read)
    write.getGroupsMap().set(name, delta.write)
  }
  return changed
}

/** Writes changed and new leaves; unchanged ones only where the whole group is written, and then just by their version. */
function leafDelta<L extends Leaf> (
  before: LeafMap<L>, after: LeafMap<L>, read: LeafMap<L>, write: LeafMap<L>, whole: boolean, stub: () => L
): boolean {
  let changed = false
  for (const name of names(after)) {
    const [old, now] = [before.get(name), after.get(name)]
    if (now === undefined) continue
    if (old !== undefined && sameBytes(old, now)) {
      if (!whole) continue
      const same = stub()
      same.setVersion(old.getVersion())
      read.set(name, same)
      write.set(name, same)
      continue
    }
    const next = now.clone()
    next.setVersion(old === undefined ? 0 : old.getVersion() + 1)
    write.set(name, next)
    changed = true
  }
  return changed
}

function sameMembers (before: configtx.ConfigGroup, after: configtx.ConfigGroup): boolean {
  const members = (group: configtx.ConfigGroup): string =>
    [group.getGroupsMap(), group.getValuesMap(), group.getPoliciesMap()].map((map) => names(map).sort().join('\n')).join('\n\n')
  return members(before) === members(after)
}

function groupStub (group: configtx.ConfigGroup): configtx.ConfigGroup {
  const stub = new configtx.ConfigGroup()
  stub.setVersion(group.getVersion())
  return stub
}

function sameBytes (a: Leaf, b: Leaf): boolean {
  return Buffer.from(a.serializeBinary()).equals(b.serializeBinary())
}

function names (map: { keys (): { next (): { done: boolean, value: string } } }): string[] {
  const found: string[] = []
  const keys = map.keys()
  for (let key = keys.next(); !key.done; key = keys.next()) found.push(key.value)
  return found
}
