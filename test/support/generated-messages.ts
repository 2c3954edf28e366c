import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** A message class of fabric-protos, as its generated code has it. */
export interface GeneratedClass {
  deserializeBinary (bytes: Uint8Array): { serializeBinary (): Uint8Array, toObject (): object }
  readonly deserializeBinaryFromReader: unknown
  readonly serializeBinaryToWriter: unknown
}

export type Scalar = 'uint32' | 'int32' | 'uint64' | 'int64' | 'enum' | 'bool' | 'bytes' | 'string'

export interface GeneratedField {
  readonly number: number
  readonly kind: Scalar | 'message'
  readonly type?: GeneratedClass
  readonly repeated: boolean
  readonly map: boolean
  /** Written also when it holds its default: a member of a oneof. */
  readonly explicit: boolean
}

/**
 * The fields of a generated class, read off its own code: there is no other description of it in JavaScript. So what core describes by hand
 * can be held against it.
 */
export function fieldsOf (type: GeneratedClass): readonly GeneratedField[] {
  const fields = known.get(type) ?? readFields(type)
  known.set(type, fields)
  return fields
}

const known = new Map<GeneratedClass, readonly GeneratedField[]>()

function readFields (type: GeneratedClass): GeneratedField[] {
  const writer = String(type.serializeBinaryToWriter)
  return String(type.deserializeBinaryFromReader).split(/case (?=\d+:)/).slice(1).map((text) => {
    const body = text.slice(0, text.indexOf('break;'))
    const number = Number.parseInt(body)
    const map = body.includes('jspb.Map.deserializeBinary')
    const read = [...body.matchAll(/read(Message|Bytes|String|Bool|Enum|Uint32|Int32|Uint64|Int64)\b/g)].map(([, kind]) => (kind ?? '').toLowerCase())
    // Of a map: its entry, the key, the value.
    const kind = (map ? read[2] : read[0]) as GeneratedField['kind']
    const named = /new ([\w.]+)/.exec(body)?.[1]
    return {
      number,
      kind,
      map,
      repeated: map || /msg\.add/.test(body),
      explicit: kind !== 'message' && new RegExp(`if \\(f != null\\) \\{\\s*writer\\.write\\w+\\(\\s*${number},`).test(writer),
      ...(named === undefined ? {} : { type: classNamed(named) })
    }
  })
}

/** `proto.common.Header`, or `msp_msp_principal_pb.MSPPrincipal` of another file. */
function classNamed (name: string): GeneratedClass {
  const [file = '', member = ''] = name.split('.')
  if (file === 'proto') return name.split('.').reduce<any>((at, step) => at[step], globalThis)
  const path = file === 'google_protobuf_timestamp_pb'
    ? 'google-protobuf/google/protobuf/timestamp_pb.js'
    : `@hyperledger/fabric-protos/lib/${file.replace('_', '/')}.js`
  return require(path)[member]
}
