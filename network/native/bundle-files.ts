/**
 * The files by which one organization's nodes are started on its own host: an environment and a systemd unit for each, and a compose file
 * with the official images. All of them name the same folder and the same keys.
 * @module
 */
import { userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { nodeProgram, type NodeContext, NODE_KINDS, type NodeKind } from './nodes.js'
import type { Program } from './processes.js'

const FABRIC = '3.1.5'
const FABRIC_CA = '1.5.21'
const NODE = '20'
/** Where the official images keep their configuration and their own builder for contracts that run as a service. */
const IMAGE_CONFIG = '/etc/hyperledger/fabric'
const IMAGE_BUILDER = '[{name: ccaas_builder, path: /opt/hyperledger/ccaas_builder, propagateEnvironment: [CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG]}]'

/** The folder of this project, which has the contract and the builder. */
function projectFolder (): string {
  return fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')
}

/** A file of the bundle, by its path in it. */
export type BundleFiles = Readonly<Record<string, string>>

/** Name of the systemd unit of a node. */
export function unitName (org: string, kind: NodeKind): string {
  return `steelyard-${org}-${kind}.service`
}

/** Where the bundle itself lies, and the network's folder around it. */
interface Folders { readonly dir: string, readonly folder: string }

/** Environments, units and the compose file. */
export function startFiles (context: NodeContext, { dir, folder }: Folders): BundleFiles {
  const programs = NODE_KINDS.map((kind): [NodeKind, Program] => [kind, nodeProgram(context, kind)])
  return {
    ...Object.fromEntries(programs.map(([kind, program]) => [`${kind}.env`, environmentFile(environmentOf(program))])),
    ...Object.fromEntries(programs.map(([kind, program]) => [
      unitName(context.org.name, kind), unit(`${context.org.title}: ${kind}`, program, { dir, environment: join(folder, `${kind}.env`) })
    ])),
    'compose.yaml': compose(context.org.name, Object.fromEntries(programs) as Record<NodeKind, Program>, { dir, folder })
  }
}

/** What of the environment of whoever makes the bundle must not be in it. */
function environmentOf ({ env }: Program): Record<string, string> {
  const own = Object.fromEntries(Object.entries(env).filter(([name]) => !['HOME', 'TMPDIR', 'PATH'].includes(name)))
  return { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...own }
}

/** Values in single quotes: read alike by systemd, by compose and by a shell. */
export function environmentFile (values: Readonly<Record<string, string>>): string {
  return Object.entries(values).map(([name, value]) => {
    if (value.includes("'") || value.includes('\n')) throw new RangeError(`${name} cannot be written to an environment file`)
    return `${name}='${value}'\n`
  }).join('')
}

function unit (title: string, { command, args, cwd }: Program, { dir, environment }: { readonly dir: string, readonly environment: string }): string {
  return [
    '[Unit]',
    `Description=Steelyard, ${title}`,
    'After=network-online.target',
    'Wants=network-online.target',
    '',
    '[Service]',
    `User=${userInfo().username}`,
    `EnvironmentFile=${environment}`,
    `WorkingDirectory=${cwd}`,
    `ExecStart=${[command, ...args].map(quoted).join(' ')}`,
    'Restart=always',
    'RestartSec=2',
    'LimitNOFILE=65536',
    'NoNewPrivileges=yes',
    'PrivateTmp=yes',
    'ProtectSystem=full',
    `ReadWritePaths=${dir}`,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    ''
  ].join('\n')
}

/** As systemd splits a command line; `%` and `$` would be replaced by it. */
function quoted (argument: string): string {
  const escaped = argument.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /[\s"'\\;]/.test(escaped) ? `"${escaped.replace(/["\\]/g, '\\$&')}"` : escaped
}

/**
 * The same nodes in the official images. Their folder is mounted where it is, so that the same environments hold; the host's network is used, as
 * other organizations reach the nodes under its address.
 */
function compose (org: string, programs: Readonly<Record<NodeKind, Program>>, { dir, folder }: Folders): string {
  const service = (kind: NodeKind, image: string, more: object): object => ({
    image,
    container_name: `steelyard-${org}-${kind}`,
    network_mode: 'host',
    restart: 'always',
    user: '${STEELYARD_UID:-0}:${STEELYARD_GID:-0}', // eslint-disable-line no-template-curly-in-string -- compose replaces them
    env_file: [join(folder, `${kind}.env`)],
    working_dir: programs[kind].cwd,
    volumes: [`${dir}:${dir}`],
    ...more
  })
  const contract = projectFolder()
  return stringify({
    name: `steelyard-${org}`,
    services: {
      ca: service('ca', `hyperledger/fabric-ca:${FABRIC_CA}`, { command: ['fabric-ca-server', ...programs.ca.args] }),
      orderer: service('orderer', `hyperledger/fabric-orderer:${FABRIC}`, { environment: { FABRIC_CFG_PATH: IMAGE_CONFIG }, command: ['orderer'] }),
      peer: service('peer', `hyperledger/fabric-peer:${FABRIC}`, {
        environment: { FABRIC_CFG_PATH: IMAGE_CONFIG, CORE_CHAINCODE_EXTERNALBUILDERS: IMAGE_BUILDER }, command: ['peer', 'node', 'start']
      }),
      chaincode: service('chaincode', `node:${NODE}-slim`, {
        command: ['node', ...programs.chaincode.args], volumes: [`${dir}:${dir}:ro`, `${contract}:${contract}:ro`]
      })
    }
  }, { lineWidth: 0 })
}

/** The unit of the service itself, for the organization that runs it. */
export function serviceUnit (dir: string, folder: string): string {
  const program: Program = {
    name: 'service', command: process.execPath, args: [join(projectFolder(), 'dist', 'src', 'cli', 'main.js'), 'serve'], env: {}, cwd: dirname(folder)
  }
  return unit('the service', program, { dir, environment: join(folder, 'service.env') })
}
