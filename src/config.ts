import { accessSync, constants, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { LEDGER_CLIENTS } from './ledger/open.js'
import { FAULT_POINTS, isFaultPoint } from './store/fault-points.js'

const PREFIX = 'STEELYARD_'

const schema = Type.Object({
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080, description: 'port of the HTTP API; 0 lets the system choose' }),
  HOST: Type.String({ minLength: 1, default: '127.0.0.1', description: 'address that is listened on' }),
  DATA: Type.String({ minLength: 1, default: 'data', description: 'folder of everything durable' }),
  LEDGER: Type.String({ minLength: 1, default: 'embedded', description: '`embedded`, or the path of a connection profile' }),
  LEDGER_CLIENT: Type.Union(LEDGER_CLIENTS.map((name) => Type.Literal(name)), {
    default: 'fabric-network', description: 'library that speaks to the ledger'
  }),
  LEDGER_FACTS: Type.Optional(Type.String({
    minLength: 1, description: 'path of network-facts.json (who the organizations are); default: beside the folder of the profile'
  })),
  NETWORK_DIR: Type.Optional(Type.String({ minLength: 1, description: 'folder of the embedded network; default <DATA>/network' })),
  ORGS: Type.Optional(Type.Integer({ minimum: 1, maximum: 16, description: 'organizations of a new embedded network' })),
  RECEIPT_KEY_FILE: Type.Optional(Type.String({ minLength: 1, description: 'Ed25519 private key, PEM, that exists; default <DATA>/keys/receipt.pem, made at the first start' })),
  LOG_NAME: Type.String({
    pattern: '^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$', default: 'steelyard.local', description: 'name of a new log; its origin adds 16 hex digits'
  }),
  SEAL_AGE: Type.Integer({ minimum: 10, maximum: 60_000, default: 1000, description: 'milliseconds after which a batch is sealed' }),
  SEAL_SIZE: Type.Integer({ minimum: 1, maximum: 8192, default: 8192, description: 'deposits at which a batch is sealed' }),
  SKEW: Type.Integer({
    minimum: 1000, maximum: 3_600_000, default: 30_000, description: 'milliseconds by which clocks may differ; fixed when the log is opened'
  }),
  DEADLINE: Type.Integer({
    minimum: 60_000, maximum: 2_592_000_000, default: 86_400_000, description: 'milliseconds in which receipts promise the ledger; fixed likewise'
  }),
  QUEUE_LIMIT: Type.Integer({ minimum: 1, maximum: 100_000, default: 8192, description: 'deposits that may wait for the disk' }),
  RESERVE: Type.Integer({
    minimum: 0, default: 256 * 1024 ** 2, description: 'bytes of the disk that are left free: with less, deposits are refused and the rest goes on'
  }),
  MAX_FILE_SIZE: Type.Integer({ minimum: 1, default: 8 * 1024 ** 3, description: 'most bytes of one file' }),
  UPLOAD_EXPIRY: Type.Integer({
    minimum: 1000, maximum: 2_592_000_000, default: 86_400_000, description: 'milliseconds after which an upload in parts that does not move is forgotten, and the answer to one that ended'
  }),
  UPLOAD_LIMIT: Type.Integer({ minimum: 1, maximum: 10_000, default: 64, description: 'uploads in parts that one API key may have open' }),
  RATE_LIMIT: Type.Integer({ minimum: 0, default: 600, description: 'public verifications per minute and address; 0: no limit' }),
  DRAIN: Type.Integer({ minimum: 0, maximum: 20_000, default: 15_000, description: 'milliseconds to finish deposits in when stopping' }),
  LOG_LEVEL: Type.Union(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => Type.Literal(level)), {
    default: 'info', description: 'least important messages that are written'
  }),
  FAULT_POINT: Type.Optional(Type.String({ description: 'tests only: the process kills itself at this step, `name` or `name:n`' }))
}, { additionalProperties: false })

type Raw = Static<typeof schema>

/** What the service is told, once, at its start. Paths are absolute. */
export interface Config {
  readonly port: number
  readonly host: string
  readonly data: string
  readonly ledger: { readonly kind: 'embedded', readonly dir: string, readonly orgs: number | undefined } |
    { readonly kind: 'profile', readonly profile: string, readonly facts: string }
  readonly ledgerClient: typeof LEDGER_CLIENTS[number]
  readonly receiptKeyFile: string
  readonly logName: string
  readonly sealAgeMs: number
  readonly sealSize: number
  readonly skewMs: number
  readonly deadlineMs: number
  readonly queueLimit: number
  readonly reserve: number
  readonly maxFileSize: number
  readonly uploadExpiryMs: number
  readonly uploadLimit: number
  readonly rateLimit: number
  readonly drainMs: number
  readonly logLevel: string
  readonly faultPoint: string | undefined
}

/** Everything that is wrong with the configuration, one line each. */
export class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID'
  readonly problems: readonly string[]

  constructor (problems: readonly string[]) {
    super(`the configuration has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${problems.map((line) => `  ${line}`).join('\n')}`)
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** Variables that other parts of the program read; here they are only not unknown. */
const ELSEWHERE = ['URL', 'KEY', 'TRACE']

/** Reads `STEELYARD_*`. Unknown and malformed ones, and files that are not there, are all listed at once. Empty means unset. */
export function readConfig (env: Readonly<Record<string, string | undefined>>): Config {
  const given: Record<string, string> = {}
  for (const [variable, value] of Object.entries(env)) {
    const name = variable.slice(PREFIX.length)
    if (variable.startsWith(PREFIX) && value !== undefined && value !== '' && !ELSEWHERE.includes(name)) given[name] = value
  }
  const raw: unknown = Value.Default(schema, Value.Convert(schema, given))
  const problems = [...unknownNames(given), ...malformed(raw), ...faultPoint(given.FAULT_POINT), ...missingFiles(given)]
  if (problems.length > 0) throw new ConfigError(problems)
  return Object.freeze(toConfig(raw as Raw))
}

function unknownNames (given: Record<string, string>): string[] {
  return Object.keys(given).filter((name) => !Object.hasOwn(schema.properties, name)).map((name) => `${PREFIX}${name}: no such variable`)
}

function malformed (raw: unknown): string[] {
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const value = (raw as Record<string, unknown>)[name]
    if (value === undefined || Value.Check(property, value)) return []
    return [`${PREFIX}${name}: ${reasons(property, value)}`]
  })
}

function reasons (property: TSchema, value: unknown): string {
  const { anyOf } = property as { anyOf?: ReadonlyArray<{ const: string }> }
  if (anyOf !== undefined) return `must be one of ${anyOf.map((choice) => choice.const).join(', ')}`
  return [...new Set([...Value.Errors(property, value)].map(({ message }) => message))].join(', ')
}

/** Files that are named must be there: only what is kept at its default place is made by the service itself. */
function missingFiles ({ LEDGER: ledger, LEDGER_FACTS: facts, RECEIPT_KEY_FILE: key }: Record<string, string>): string[] {
  const profile = ledger === 'embedded' ? undefined : ledger
  return [
    ...unreadable('LEDGER', profile),
    ...unreadable('LEDGER_FACTS', facts ?? (profile === undefined || unreadable('LEDGER', profile).length > 0 ? undefined : factsBeside(profile))),
    ...unreadable('RECEIPT_KEY_FILE', key)
  ]
}

function unreadable (name: string, path: string | undefined): string[] {
  if (path === undefined) return []
  try {
    accessSync(path, constants.R_OK)
    return statSync(path).isFile() ? [] : [`${PREFIX}${name}: ${resolve(path)} is not a file`]
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    return [`${PREFIX}${name}: ${resolve(path)} ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}`]
  }
}

function factsBeside (profile: string): string {
  return resolve(profile, '../../network-facts.json')
}

function faultPoint (value: string | undefined): string[] {
  return value === undefined || isFaultPoint(value) ? [] : [`${PREFIX}FAULT_POINT: must be one of ${FAULT_POINTS.join(', ')}`]
}

function toConfig (raw: Raw): Config {
  const data = resolve(raw.DATA)
  return {
    port: raw.PORT,
    host: raw.HOST,
    data,
    ledger: raw.LEDGER === 'embedded'
      ? { kind: 'embedded', dir: resolve(raw.NETWORK_DIR ?? `${data}/network`), orgs: raw.ORGS }
      : { kind: 'profile', profile: resolve(raw.LEDGER), facts: resolve(raw.LEDGER_FACTS ?? factsBeside(raw.LEDGER)) },
    ledgerClient: raw.LEDGER_CLIENT,
    receiptKeyFile: resolve(raw.RECEIPT_KEY_FILE ?? `${data}/keys/receipt.pem`),
    logName: raw.LOG_NAME,
    sealAgeMs: raw.SEAL_AGE,
    sealSize: raw.SEAL_SIZE,
    skewMs: raw.SKEW,
    deadlineMs: raw.DEADLINE,
    queueLimit: raw.QUEUE_LIMIT,
    reserve: raw.RESERVE,
    maxFileSize: raw.MAX_FILE_SIZE,
    uploadExpiryMs: raw.UPLOAD_EXPIRY,
    uploadLimit: raw.UPLOAD_LIMIT,
    rateLimit: raw.RATE_LIMIT,
    drainMs: raw.DRAIN,
    logLevel: raw.LOG_LEVEL,
    faultPoint: raw.FAULT_POINT
  }
}

/** The variables with their defaults and meanings, for documents and help. */
export function configTable (): { name: string, default: string, description: string }[] {
  return Object.entries(schema.properties).map(([name, property]) => {
    const { default: preset, description = '' } = property as { default?: string | number, description?: string }
    return { name: `${PREFIX}${name}`, default: preset === undefined ? '' : String(preset), description }
  })
}
