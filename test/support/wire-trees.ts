import { concat, utf8 } from '../../src/core/bytes.js'
import { fieldsOf, type GeneratedClass, type GeneratedField } from './generated-messages.js'
import type { Random } from './random.js'

/** Protobuf messages as trees of fields, to be made at random and changed in ways that a decoder may or may not forgive. */
export interface Tree {
  /** Undefined for an entry of a map. */
  readonly type: GeneratedClass | undefined
  readonly elements: readonly Element[]
}

export interface Element {
  readonly number: number
  /** Of the known field, if it is one. */
  readonly field?: GeneratedField | undefined
  /** A varint, or what is length-delimited. */
  readonly value: bigint | Uint8Array | Tree
  /** Needless bytes in the tag, and in the length or the number. */
  readonly tagPad?: number
  readonly pad?: number
}

const isTree = (value: Element['value']): value is Tree => typeof value === 'object' && 'elements' in value

function varint (value: bigint, pad = 0): Uint8Array {
  const out: number[] = []
  let rest = BigInt.asUintN(64, value)
  for (; rest >= 0x80n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
  out.push(Number(rest))
  for (let i = 0; i < pad; i++) {
    out[out.length - 1] = (out.at(-1) ?? 0) | 0x80
    out.push(0)
  }
  return Uint8Array.from(out)
}

export function serialize ({ elements }: Tree): Uint8Array {
  return concat(...elements.flatMap(({ number, value, tagPad, pad }) => {
    if (typeof value === 'bigint') return [varint(BigInt(number * 8), tagPad), varint(value, pad)]
    const content = isTree(value) ? serialize(value) : value
    return [varint(BigInt(number * 8 + 2), tagPad), varint(BigInt(content.length), pad), content]
  }))
}

const INTEGERS = {
  uint32: [1n, 127n, 128n, 2n ** 32n - 1n],
  int32: [1n, 300n, 2n ** 31n - 1n, -1n, -(2n ** 31n)],
  enum: [1n, 2n, 77n, -1n],
  uint64: [1n, 2n ** 32n, 2n ** 53n - 1n],
  int64: [1n, 2n ** 40n, 2n ** 53n - 1n, -1n, -(2n ** 53n) + 1n],
  bool: [1n]
} as const
const TEXTS = ['a', 'b', 'ab', '/Channel', '存证', '\u{1f4dc}', '\u0000']
const KEYS = ['', 'a', 'ab', 'b', 'z', '存']

function randomBytes (random: Random): Uint8Array {
  return Uint8Array.from({ length: 1 + random.below(9) }, () => random.below(256))
}

function randomValue (random: Random, { kind, type }: GeneratedField, depth: number): Element['value'] {
  switch (kind) {
    case 'message': return randomTree(random, type as GeneratedClass, depth + 1)
    case 'string': return utf8(random.pick(TEXTS))
    case 'bytes': return randomBytes(random)
    default: return random.pick(INTEGERS[kind])
  }
}

function defaultOf ({ kind }: GeneratedField): Element['value'] {
  return kind === 'message' ? { type: undefined, elements: [] } : kind === 'string' || kind === 'bytes' ? new Uint8Array(0) : 0n
}

const MESSAGES_WITHIN = 4

/** A message in its one encoding, with a random choice of its fields. */
export function randomTree (random: Random, type: GeneratedClass, depth = 0): Tree {
  const groups = ((type as unknown as { oneofGroups_?: readonly (readonly number[])[] }).oneofGroups_ ?? []).map((numbers) => ({ numbers, chosen: random.pick(numbers) }))
  const fields = fieldsOf(type).filter(({ number, kind, map }) =>
    random.below(2) === 0 && groups.every(({ numbers, chosen }) => !numbers.includes(number) || number === chosen) &&
    ((kind !== 'message' && !map) || depth < MESSAGES_WITHIN))
  return { type, elements: fields.flatMap((field) => elementsOf(random, field, depth)) }
}

function elementsOf (random: Random, field: GeneratedField, depth: number): Element[] {
  const { number } = field
  const filled = (): Element['value'] =>
    (field.repeated || field.explicit) && random.below(4) === 0 ? defaultOf(field) : randomValue(random, field, depth)
  if (!field.repeated) return [{ number, field, value: filled() }]
  if (!field.map) return Array.from({ length: 1 + random.below(3) }, () => ({ number, field, value: filled() }))
  const keys = KEYS.filter(() => random.below(3) === 0)
  return keys.map((key) => ({
    number, field, value: { type: undefined, elements: [{ number: 1, value: utf8(key) }, { number: 2, value: filled() }] }
  }))
}

function treesOf (tree: Tree): Tree[] {
  return [tree, ...tree.elements.flatMap(({ value }) => isTree(value) ? treesOf(value) : [])]
}

function replaced (tree: Tree, old: Tree, by: Tree): Tree {
  if (tree === old) return by
  return { ...tree, elements: tree.elements.map((one) => isTree(one.value) ? { ...one, value: replaced(one.value, old, by) } : one) }
}

/** A tree with one change somewhere within it. Not every change makes another encoding of the same: some leave a good message. */
export function mutate (random: Random, tree: Tree): Tree {
  const at = random.pick(treesOf(tree))
  return replaced(tree, at, { ...at, elements: changed(random, at) })
}

function changed (random: Random, { type, elements }: Tree): Element[] {
  const out = [...elements]
  const i = random.below(Math.max(out.length, 1))
  const one = out[i]
  const known = type === undefined ? [] : fieldsOf(type)
  const field = known.length === 0 ? undefined : random.pick(known)
  const place = (number: number): number => out.filter((before) => before.number <= number).length
  switch (random.below(12)) {
    case 0: if (one !== undefined) { out.splice(i, 1); out.splice(random.below(out.length + 1), 0, one) } break
    case 1: if (one !== undefined) out.splice(random.below(out.length + 1), 0, one); break
    case 2: if (field !== undefined) out.splice(place(field.number), 0, { number: field.number, field, value: defaultOf(field) }); break
    case 3: if (field !== undefined) out.splice(place(field.number), 0, { number: field.number, field, value: randomValue(random, field, MESSAGES_WITHIN) }); break
    case 4: out.splice(random.below(out.length + 1), 0, { number: random.pick([12, 99, 3000]), value: random.pick([0n, 7n, new Uint8Array(0), randomBytes(random)]) }); break
    case 5: if (one !== undefined) out[i] = { ...one, tagPad: 1 + random.below(2) }; break
    case 6: if (one !== undefined) out[i] = { ...one, pad: 1 + random.below(2) }; break
    case 7: if (typeof one?.value === 'bigint') out[i] = { ...one, value: random.pick([0n, 2n, 2n ** 31n, 2n ** 32n, 2n ** 63n, -1n, -(2n ** 40n)]) }; break
    case 8: if (one !== undefined) out[i] = { ...one, value: typeof one.value === 'bigint' ? randomBytes(random) : random.pick([0n, 1n]) }; break
    case 9: out.splice(i, 1); break
    case 10: if (one !== undefined && typeof one.value !== 'bigint') out[i] = { ...one, value: random.pick([[0xff], [0xed, 0xa0, 0x80], [0xc0, 0x80], []].map((list) => Uint8Array.from(list))) }; break
    default: if (one !== undefined && isTree(one.value)) out[i] = { ...one, value: serialize(one.value).slice(0, -1) }
  }
  return out
}

const keyOf = ({ value }: Element): string => {
  const key = isTree(value) ? value.elements[0]?.value : undefined
  return key instanceof Uint8Array ? new TextDecoder('utf-8').decode(key) : ''
}

/** With the entries of its maps in the order of their keys. */
export function sorted (tree: Tree): Tree {
  const elements = tree.elements.map((one) => isTree(one.value) ? { ...one, value: sorted(one.value) } : one)
  for (let from = 0; from < elements.length;) {
    let to = from + 1
    if (elements[from]?.field?.map === true) while (elements[to]?.field === elements[from]?.field) to++
    const run = elements.slice(from, to).sort((a, b) => keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0)
    elements.splice(from, run.length, ...run)
    from = to
  }
  return { ...tree, elements }
}

function isPlainDefault ({ field, value, tagPad, pad }: Element): boolean {
  if (field === undefined || field.repeated || field.explicit || field.kind === 'message') return false
  const isNumber = field.kind !== 'string' && field.kind !== 'bytes'
  const says = typeof value === 'bigint' ? isNumber && value === 0n : !isNumber && value instanceof Uint8Array && value.length === 0
  return says && tagPad === undefined && pad === undefined
}

/** Without the fields that say what an absent one says. */
export function withoutDefaults (tree: Tree): Tree {
  return {
    ...tree,
    elements: tree.elements.filter((one) => !isPlainDefault(one)).map((one) => isTree(one.value) ? { ...one, value: withoutDefaults(one.value) } : one)
  }
}

/** Whether all fields are in ascending order, each once that is not repeated. */
export function rises ({ elements }: Tree): boolean {
  return elements.every(({ number, field, value }, i) => {
    const before = elements[i - 1]?.number ?? 0
    return (before < number || (before === number && field?.repeated === true)) && (!isTree(value) || rises(value))
  })
}
