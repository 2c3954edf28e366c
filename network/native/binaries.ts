/**
 * Finds Fabric's official programs and checks that they are of the release this project is made for. Nothing is ever fetched.
 * @module
 */
import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { NativeNetworkError } from './errors.js'

const PROGRAMS = ['peer', 'orderer', 'osnadmin', 'fabric-ca-server'] as const
const CONFIG_FILES = ['core.yaml', 'orderer.yaml'] as const
const ADVICE = 'get the official releases Hyperledger Fabric v3.1.5 and Fabric CA v1.5.21, put their programs into one folder ' +
  'named by FABRIC_BIN (or on the PATH), and name the release\'s config folder (core.yaml, orderer.yaml) in FABRIC_CFG_PATH'

/** Where the programs and the release's own configuration files are. */
export interface Binaries {
  readonly peer: string
  readonly orderer: string
  readonly osnadmin: string
  readonly caServer: string
  /** Folder with the release's core.yaml and orderer.yaml. */
  readonly config: string
}

/** Environment variables that are looked at. */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Finds the programs in FABRIC_BIN, else on the PATH, and the configuration folder in FABRIC_CFG_PATH, else beside the programs.
 * @throws NativeNetworkError BINARIES naming everything that is missing and which release has it
 */
export function findBinaries (env: Environment = process.env): Binaries {
  const folders = env['FABRIC_BIN'] !== undefined ? [env['FABRIC_BIN']] : (env['PATH'] ?? '').split(delimiter)
  const found = new Map(PROGRAMS.map((name) => [name, folders.map((folder) => join(folder, name)).find(isExecutable)]))
  const missing: string[] = PROGRAMS.filter((name) => found.get(name) === undefined)
  const config = configFolder(env, found.get('peer'))
  if (config === undefined) missing.push(CONFIG_FILES.join(' and '))
  const [peer, orderer, osnadmin, caServer] = PROGRAMS.map((name) => found.get(name))
  if (peer === undefined || orderer === undefined || osnadmin === undefined || caServer === undefined || config === undefined) {
    throw new NativeNetworkError({ code: 'BINARIES', message: `${missing.join(', ')} not found: ${ADVICE}` })
  }
  return { peer, orderer, osnadmin, caServer, config }
}

function configFolder (env: Environment, peer: string | undefined): string | undefined {
  const named = env['FABRIC_CFG_PATH']
  const candidates = named !== undefined ? [named] : peer === undefined ? [] : [join(dirname(peer), '..', 'config')]
  return candidates.find((folder) => CONFIG_FILES.every((file) => existsSync(join(folder, file))))
}

function isExecutable (path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** What a version check found; `warnings` are for people to read. */
export interface Versions {
  readonly fabric: string
  readonly ca: string
  readonly warnings: readonly string[]
}

/**
 * Asks the programs for their versions: Fabric 3.1.x and Fabric CA 1.5.x are accepted. A build from source calls itself `latest`
 * and is accepted with a warning.
 * @throws NativeNetworkError VERSION
 */
export async function checkVersions (binaries: Binaries): Promise<Versions> {
  const [peer, orderer, ca] = await Promise.all([
    versionOf(binaries.peer), versionOf(binaries.orderer), versionOf(binaries.caServer)
  ])
  const warnings = [
    ...judge('peer', peer, /^v?3\.1\./, '3.1'),
    ...judge('orderer', orderer, /^v?3\.1\./, '3.1'),
    ...judge('fabric-ca-server', ca, /^v?1\.5\./, '1.5')
  ]
  return { fabric: peer, ca, warnings }
}

function judge (program: string, version: string, accepted: RegExp, line: string): string[] {
  if (accepted.test(version)) return []
  if (version === 'latest') return [`${program} is a development build and does not say its version; ${line}.x is expected`]
  throw new NativeNetworkError({ code: 'VERSION', message: `${program} is version ${version}, but ${line}.x is needed: ${ADVICE}` })
}

async function versionOf (program: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(program, ['version'], { timeout: 20_000 })
    return /Version:\s*(\S+)/.exec(stdout)?.[1] ?? 'unknown'
  } catch (cause) {
    throw new NativeNetworkError({ code: 'VERSION', message: `${program} cannot be run: ${ADVICE}`, cause })
  }
}
