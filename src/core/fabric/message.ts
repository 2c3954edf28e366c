import { Cursor, LENGTH_DELIMITED, refuse, VARINT } from './wire.js'

/**
 * Protobuf messages by tables. Own code because of the rule "one encoding only": general decoders accept fields that are doubled,
 * reordered, unknown or needless, and which of them counts differs between JavaScript and Go, so that what was endorsed and what
 * is verified could differ. Checked while reading, since encoding again and comparing took most of a verification.
 */
export interface Field<T> {
  readonly number: number
  readonly wireType: typeof VARINT | typeof LENGTH_DELIMITED
  /** The value of a field that is not there. */
  readonly absent: T
  readonly repeated: boolean
  /** One of those of which a message has at most one. */
  readonly exclusive: boolean
  read (cursor: Cursor, rules: Rules, before: T): T
  /** Whether this is what an absent field says: encoders leave it out. */
  isDefault (value: T): boolean
}

export interface MessageType<T> {
  /** By number. */
  readonly fields: readonly (Field<unknown> & { readonly name: string } | undefined)[]
  readonly absent: T
}

export type MessageOf<M> = M extends MessageType<infer T> ? T : never

/** What is tolerated in a message, and in those within it. */
interface Rules {
  /** Fields that say what an absent one says. */
  readonly defaults: boolean
  /** Maps in another order than that of their keys. */
  readonly unsorted: boolean
}

const EXACT: Rules = { defaults: false, unsorted: false }
const DEFAULTED: Rules = { defaults: true, unsorted: false }
const UNSORTED: Rules = { defaults: false, unsorted: true }
/** Deepest nesting of messages, as in protobuf's own decoders for C++ and Java. */
const DEPTH = 100

/**
 * Decodes a message that is in its one encoding: fields known, in ascending order, none twice, none that says what an absent one says;
 * integers minimal, text UTF-8, maps in the order of their keys. Encoding it again would give the same bytes. `PROTOBUF` or
 * `NOT_UTF8` for anything else, and for integers beyond 2^53.
 */
export function decodeExact<T> (type: MessageType<T>, bytes: Uint8Array): T {
  return readMessage(new Cursor(bytes, true), EXACT, type, type.absent)
}

/** For configuration messages only: Go writes their maps in any order. Nothing else is tolerated. */
export function decodeUnordered<T> (type: MessageType<T>, bytes: Uint8Array): T {
  return readMessage(new Cursor(bytes, true), UNSORTED, type, type.absent)
}

/**
 * For messages that fabric-network encodes with explicit defaults (an empty path, `is_init` false). What they say is the same with
 * and without them, in every language; nothing else is tolerated.
 */
export function decodeDefaulted<T> (type: MessageType<T>, bytes: Uint8Array): T {
  return readMessage(new Cursor(bytes, true), DEFAULTED, type, type.absent)
}

/** Decodes a message that nothing hangs on but what is read from it here, as Fabric itself does: the last value of a field counts. */
export function decodeAny<T> (type: MessageType<T>, bytes: Uint8Array): T {
  return readMessage(new Cursor(bytes, false), EXACT, type, type.absent)
}

function readMessage<T> (cursor: Cursor, rules: Rules, type: MessageType<T>, before: T): T {
  const message = { ...before } as Record<string, unknown>
  let last = 0
  let chosen = false
  while (cursor.at < cursor.end) {
    const tag = cursor.tag()
    const field = type.fields[tag >>> 3]
    if (field === undefined || field.wireType !== (tag & 7)) {
      if (cursor.exact) throw refuse('an unknown field')
      cursor.skip(tag)
      continue
    }
    if (cursor.exact) requireRising(field, last, chosen)
    else if (field.exclusive) forgetOthers(type, field, message)
    last = field.number
    chosen ||= field.exclusive
    const value = field.read(cursor, rules, message[field.name])
    if (cursor.exact) requireSaying(rules, field, value)
    message[field.name] = value
  }
  return message as T
}

function requireRising ({ number, repeated, exclusive }: Field<unknown>, last: number, chosen: boolean): void {
  if (number < last || (number === last && !repeated)) throw refuse('fields doubled or out of order')
  if (exclusive && chosen) throw refuse('two fields where there is one')
}

function requireSaying ({ defaults }: Rules, field: Field<unknown>, value: unknown): void {
  if (!defaults && field.isDefault(value)) throw refuse('a field that says nothing')
}

/** The last one of a oneof counts. */
function forgetOthers (type: MessageType<unknown>, { number }: Field<unknown>, message: Record<string, unknown>): void {
  for (const other of type.fields) if (other?.exclusive === true && other.number !== number) message[other.name] = undefined
}

/** Reads what is within a length, to its end. */
function within<T> (cursor: Cursor, read: () => T): T {
  const outer = cursor.end
  cursor.end = cursor.endOfLength()
  if (++cursor.depth > DEPTH) throw refuse('messages nested too deep')
  const value = read()
  if (cursor.at !== cursor.end) throw refuse('bytes after a message')
  cursor.depth--
  cursor.end = outer
  return value
}

/** Describes a message by its fields. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- fields of every type
export function message<F extends Record<string, Field<any>>> (
  fields: F
): MessageType<{ readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never }> {
  const byNumber: (Field<unknown> & { name: string } | undefined)[] = []
  const absent: Record<string, unknown> = {}
  for (const [name, field] of Object.entries(fields)) {
    byNumber[field.number] = { ...field, name }
    absent[name] = field.absent
  }
  return { fields: byNumber, absent: absent as never }
}

/** A message that holds itself somewhere within it. */
export function recursive<T> (type: () => MessageType<T>): MessageType<T> {
  return { get fields () { return type().fields }, get absent () { return type().absent } }
}

const single = { repeated: false, exclusive: false }

function integer (read: (cursor: Cursor) => number): (number: number) => Field<number> {
  return (number) => ({ ...single, number, wireType: VARINT, absent: 0, read, isDefault: (value) => value === 0 })
}

export const uint32 = integer((cursor) => cursor.uint32())
export const int32 = integer((cursor) => cursor.int32())
export const uint64 = integer((cursor) => cursor.uint64())
export const int64 = integer((cursor) => cursor.int64())
/** An enumeration, by number: proto3 lets unknown ones pass. */
export const enumeration = int32

export function bool (number: number): Field<boolean> {
  return { ...single, number, wireType: VARINT, absent: false, read: (cursor) => cursor.bool(), isDefault: (value) => !value }
}

const NOTHING = new Uint8Array(0)

/** The value is a view of the message's bytes. */
export function bytes (number: number): Field<Uint8Array> {
  return { ...single, number, wireType: LENGTH_DELIMITED, absent: NOTHING, read: (cursor) => cursor.view(), isDefault: (value) => value.length === 0 }
}

export function string (number: number): Field<string> {
  return { ...single, number, wireType: LENGTH_DELIMITED, absent: '', read: (cursor) => cursor.text(), isDefault: (value) => value === '' }
}

const never = (): boolean => false

/** A message within a message. An empty one says that it is there. */
export function nested<T> (number: number, type: MessageType<T>): Field<T | undefined> {
  return {
    ...single,
    number,
    wireType: LENGTH_DELIMITED,
    absent: undefined,
    // A decoder that sees a message twice merges the two.
    read: (cursor, rules, before) => within(cursor, () => readMessage(cursor, rules, type, before ?? type.absent)),
    isDefault: never
  }
}

/** A message within a message, left as the bytes that it is. Whoever uses it has to decode it. */
export function encoded (number: number): Field<Uint8Array | undefined> {
  return { ...bytes(number), absent: undefined, isDefault: never }
}

/** A member of a oneof: it can be there and hold its default. */
export function oneOf<T> (field: Field<T>): Field<T | undefined> {
  return {
    ...field,
    absent: undefined,
    exclusive: true,
    read: (cursor, rules, before) => field.read(cursor, rules, before ?? field.absent),
    isDefault: never
  }
}

/** A field of which there can be many, of bytes or messages: those are never packed. */
export function repeated<T> (field: Field<T>): Field<readonly NonNullable<T>[]> {
  return {
    ...field,
    absent: [],
    repeated: true,
    read: (cursor, rules, before) => {
      const list = (before.length === 0 ? [] : before) as NonNullable<T>[] // the one that is absent is everybody's
      list.push(field.read(cursor, rules, field.absent) as NonNullable<T>)
      return list
    },
    isDefault: never
  }
}

/** A map while it is read. */
class Entries<T> extends Map<string, T> {
  last: string | undefined
}

/** A map from text: repeated entries {1 key, 2 value}, of which encoders write both, whatever they hold. */
export function map<T> (number: number, value: Field<T>): Field<ReadonlyMap<string, NonNullable<T>>> {
  return {
    ...single,
    number,
    wireType: LENGTH_DELIMITED,
    repeated: true,
    absent: new Map(),
    read: (cursor, rules, before) => {
      const entries = before instanceof Entries ? before as Entries<NonNullable<T>> : new Entries<NonNullable<T>>()
      const { key, content } = within(cursor, () => readEntry(cursor, rules, value))
      const rises = entries.last === undefined || entries.last < key
      if (rules.unsorted ? entries.has(key) : !rises) throw refuse('entries of a map doubled or out of order')
      entries.last = key
      return entries.set(key, content as NonNullable<T>)
    },
    isDefault: never
  }
}

function readEntry<T> (cursor: Cursor, rules: Rules, value: Field<T>): { key: string, content: T } {
  if (cursor.tag() !== 8 + LENGTH_DELIMITED) throw refuse('an entry without key')
  const key = cursor.text()
  if (cursor.tag() !== 16 + value.wireType) throw refuse('an entry without value')
  return { key, content: value.read(cursor, rules, value.absent) }
}
