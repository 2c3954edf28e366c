/**
 * How Fabric's lifecycle lays structures out in the state: metadata (type and names of the fields) under one key, each field under its
 * own. The same keys hold committed definitions in the public state, and approvals in an organization's collection.
 * @module
 */
import { equalBytes } from '../../../src/core/bytes.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { lifecycleDb } from '../proto.js'

/** Where definitions and approvals are. */
export const NAMESPACES = 'namespaces'
/** Where an organization notes what package it runs. */
export const SOURCES = 'chaincode-sources'

/** A structure by the name of its type and its fields' values, in the order of the type. */
export interface Structure {
  readonly type: 'ChaincodeDefinition' | 'ChaincodeParameters' | 'ChaincodeLocalPackage'
  readonly fields: ReadonlyArray<readonly [string, Uint8Array]>
}

/** What is read of. */
export interface ReadableState {
  get (key: string): Promise<Uint8Array | undefined>
}

/** What is written to as well. */
export interface WritableState extends ReadableState {
  put (key: string, value: Uint8Array): void
}

/** Another organization's collection: hashes only. */
export interface OpaqueState {
  hash (key: string): Promise<Uint8Array | undefined>
}

export function metadataKey (namespace: string, name: string): string {
  return `${namespace}/metadata/${name}`
}

export function fieldKey (namespace: string, name: string, field: string): string {
  return `${namespace}/fields/${name}/${field}`
}

/** A field's value: an integer, a text, or the bytes of a message. */
export function fieldValue (value: number | string | Uint8Array): Uint8Array {
  const data = new lifecycleDb.StateData()
  if (typeof value === 'number') data.setInt64(value)
  else if (typeof value === 'string') data.setString(value)
  else data.setBytes(value)
  return data.serializeBinary()
}

/** Type and fields of what is stored under a name; undefined: nothing is. */
export async function readMetadata (state: ReadableState, namespace: string, name: string): Promise<lifecycleDb.StateMetadata | undefined> {
  const bytes = await state.get(metadataKey(namespace, name))
  return bytes === undefined ? undefined : lifecycleDb.StateMetadata.deserializeBinary(bytes)
}

/** A field as it was stored, or one that says nothing. */
export async function readField (state: ReadableState, namespace: string, name: string, field: string): Promise<lifecycleDb.StateData> {
  return lifecycleDb.StateData.deserializeBinary(await state.get(fieldKey(namespace, name, field)) ?? new Uint8Array(0))
}

/** Writes the fields that change, and the metadata if they do. */
export async function writeStructure (state: WritableState, namespace: string, name: string, structure: Structure): Promise<void> {
  const metadata = await readMetadata(state, namespace, name)
  const fields = metadata?.getFieldsList() ?? []
  const existing = new Map<string, Uint8Array | undefined>()
  for (const field of fields) existing.set(field, await state.get(fieldKey(namespace, name, field)))
  for (const [field, value] of structure.fields) {
    const before = existing.get(field)
    if (before === undefined || !equalBytes(before, value)) state.put(fieldKey(namespace, name, field), value)
  }
  const isSame = metadata?.getDatatype() === structure.type && fields.length === structure.fields.length
  if (!isSame) state.put(metadataKey(namespace, name), metadataOf(structure))
}

/** In what an organization's stored structure differs from this one, by its hashes: the type's name, or names of fields. */
export async function differences (state: OpaqueState, namespace: string, name: string, structure: Structure): Promise<string[]> {
  const stored: Array<Uint8Array | undefined> = []
  const keys = [metadataKey(namespace, name), ...structure.fields.map(([field]) => fieldKey(namespace, name, field))]
  for (const key of keys) stored.push(await state.hash(key))
  const [metadata, ...values] = stored
  if (!isHashOf(metadata, metadataOf(structure))) return [structure.type]
  return structure.fields.filter(([, value], i) => !isHashOf(values[i], value)).map(([field]) => field)
}

function isHashOf (hash: Uint8Array | undefined, value: Uint8Array): boolean {
  return hash !== undefined && equalBytes(hash, nodeCrypto.sha256(value))
}

function metadataOf ({ type, fields }: Structure): Uint8Array {
  const metadata = new lifecycleDb.StateMetadata()
  metadata.setDatatype(type)
  metadata.setFieldsList(fields.map(([field]) => field))
  return metadata.serializeBinary()
}
