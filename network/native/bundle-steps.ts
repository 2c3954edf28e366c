/**
 * The steps by which an organization brings its part of the network up, in words and as commands of Fabric's own programs: the README of a
 * bundle. The blocks of commands are run by a test as they stand.
 * @module
 */
import { join } from 'node:path'
import { NODE_KINDS, tlsFiles } from './nodes.js'
import { unitName } from './bundle-files.js'
import { packageFile } from './chaincode-package.js'
import { publicPartFile } from './public-part.js'
import type { Network } from './network.js'
import { operatorOf, type PlacedOrg } from './state.js'

/** What the steps speak of. */
export interface BundleFacts {
  readonly network: Network
  readonly own: PlacedOrg
  /** Folder of the bundle. */
  readonly folder: string
  /** Hash of the genesis block. */
  readonly genesis: string
}

/** Variables that the commands use: who acts, where, and by which programs. */
export function adminEnvironment ({ network, own }: BundleFacts): Record<string, string> {
  const { binaries, layout, state } = network
  const paths = layout.org(own.name)
  const admin = tlsFiles(paths.ordererAdmin)
  const { channel, chaincode } = state.consortium
  return {
    FABRIC_CFG_PATH: binaries.config,
    CORE_PEER_ADDRESS: `${own.host}:${own.ports.peer}`,
    CORE_PEER_LOCALMSPID: own.mspId,
    CORE_PEER_MSPCONFIGPATH: join(paths.admin, 'msp'),
    CORE_PEER_TLS_ENABLED: 'true',
    CORE_PEER_TLS_ROOTCERT_FILE: tlsFiles(paths.peer).ca,
    PEER: binaries.peer,
    OSNADMIN: binaries.osnadmin,
    CHANNEL: channel,
    GENESIS: layout.genesis,
    ORDERER: `${own.host}:${own.ports.orderer}`,
    ORDERER_CA: tlsFiles(paths.orderer).ca,
    ORDERER_ADMIN: `${own.listen}:${own.ports.ordererAdmin}`,
    ADMIN_CA: admin.ca,
    ADMIN_CERT: admin.cert,
    ADMIN_KEY: admin.key,
    CONTRACT: chaincode.name,
    VERSION: state.chaincode?.version ?? chaincode.version,
    SEQUENCE: String(state.chaincode?.sequence ?? 1),
    PACKAGE: state.chaincode === undefined ? '' : packageFile(layout, state.chaincode),
    PACKAGE_ID: state.chaincode?.packageId ?? ''
  }
}

const block = (...lines: readonly string[]): string => `\`\`\`sh\n${lines.join('\n')}\n\`\`\``

const DEFINITION = '--channelID "$CHANNEL" --name "$CONTRACT" --version "$VERSION" --sequence "$SEQUENCE"'
const BY_ORDERER = '--orderer "$ORDERER" --tls --cafile "$ORDERER_CA"'

function joinCommands (source: string): string {
  return block(
    source,
    '"$OSNADMIN" channel join --channelID "$CHANNEL" --config-block "$GENESIS" -o "$ORDERER_ADMIN" \\',
    '  --ca-file "$ADMIN_CA" --client-cert "$ADMIN_CERT" --client-key "$ADMIN_KEY"',
    '"$PEER" channel join -b "$GENESIS"',
    '"$PEER" lifecycle chaincode install "$PACKAGE"'
  )
}

function commitCommands (source: string, { network }: BundleFacts): string {
  const peers = network.orgs.map((org) =>
    `  --peerAddresses ${org.host}:${org.ports.peer} --tlsRootCertFiles '${tlsFiles(network.layout.org(org.name).peer).ca}'`)
  return block(source, `"$PEER" lifecycle chaincode commit ${DEFINITION} ${BY_ORDERER} \\`, peers.join(' \\\n'))
}

/** The README in English. */
export function steps (facts: BundleFacts): string {
  const { network, own, folder, genesis } = facts
  const { layout, orgs, state } = network
  const source = `set -a; . '${join(folder, 'admin.env')}'; set +a`
  const operator = operatorOf(orgs)
  const others = orgs.filter(({ name }) => name !== own.name)
  const units = NODE_KINDS.map((kind) => unitName(own.name, kind))
  return `# ${own.title}: its part of the network

This folder was made on ${own.title}'s own host for the channel \`${state.consortium.channel}\`. It has ${own.title}'s keys (\`${layout.org(own.name).folder}\`) and
certificates, and only certificates, of ${others.map(({ title }) => title).join(', ')}. Nothing in it is to be given to anybody but the one file of
step 1.

| node | address | reached by |
|---|---|---|
| peer | ${own.host}:${own.ports.peer} | the other organizations and the service |
| orderer | ${own.host}:${own.ports.orderer} | the other organizations and the service |
| certificate authority | ${own.host}:${own.ports.ca} | ${own.title}'s own clients |
| contract | ${own.listen}:${own.ports.chaincode} | ${own.title}'s own peer |
| administration | ${own.listen}:${own.ports.ordererAdmin} and the operations ports | ${own.title}'s administrators; close them to everybody else |

Needed: Fabric v3.1.x (\`peer\`, \`orderer\`, \`osnadmin\`) and Fabric CA v1.5.x, or Docker; Node 20; clocks that agree (NTP): a contract whose clock is
half a minute off refuses to endorse.

## 1. Exchange the public parts

Every organization gives its \`public/NAME.json\` to every other. It holds certificates. Yours is \`${publicPartFile(layout, own.name)}\`.
Put those of the others beside it and make this bundle again: it is complete when nothing is missing. Take the parts from their owners
themselves: who can exchange one can take that organization's place in the channel.

## 2. Compare

Everybody makes the genesis block from the same parts, and gets the same block. Read these two lines to each other, by telephone or in one
room, before anything is started:

    genesis block  ${genesis}
    contract       ${state.chaincode?.packageId ?? ''}

## 3. Start the nodes

By systemd:

    cp ${units.map((unit) => join(folder, unit)).join(' ')} /etc/systemd/system/
    systemctl daemon-reload
    systemctl enable --now ${units.join(' ')}

or by Docker, with the official images:

    STEELYARD_UID=$(id -u) STEELYARD_GID=$(id -g) docker compose -f ${join(folder, 'compose.yaml')} up -d

## 4. Join the channel

Each organization for itself, in any order:

${joinCommands(source)}

## 5. Approve the contract

Each organization for itself, when enough have joined that the orderers have a leader (three of four):

${block(source, `"$PEER" lifecycle chaincode approveformyorg ${DEFINITION} --package-id "$PACKAGE_ID" ${BY_ORDERER}`)}

## 6. Commit it

One organization, ${operator.title} for instance, when all have approved:

${commitCommands(source, facts)}

## 7. ${own.name === operator.name ? 'Start the service' : 'See that it works'}

${block(source, '"$PEER" lifecycle chaincode querycommitted --channelID "$CHANNEL" --name "$CONTRACT"')}

${own.name === operator.name
    ? `The service runs here: \`cp ${join(folder, 'steelyard.service')} /etc/systemd/system/ && systemctl enable --now steelyard\`. \`steelyard doctor\` says whether
every node of the others is reached. Its trust bundle's fingerprint is what the other organizations and the courts are to be given, by each
organization that has compared the genesis block.`
    : `The service is run by ${operator.title}. \`steelyard verify\` and \`steelyard audit\` need nothing of it but the trust bundle, whose identity contains the genesis
block that you compared.`}

## When something fails

\`journalctl -u NAME\` has what a node printed. A peer or an orderer that is started again catches up by itself. Back up
\`${join(layout.org(own.name).folder, '{ca,orderer-ca,tls-ca}')}\` off line: whoever has these keys is ${own.title}.
`
}

/** The short Chinese one. */
export function stepsInChinese ({ network, own, folder, genesis }: BundleFacts): string {
  const { layout, state } = network
  return `# ${own.title}：本机构的部署包

通道 \`${state.consortium.channel}\`。本目录在本机构自己的主机上生成，只含本机构的私钥；其他机构只有证书。除 \`public/${own.name}.json\` 外，任何文件都不得外传。

1. 交换公开部分：把 \`${publicPartFile(layout, own.name)}\` 交给其他机构，并把他们的文件放到同一目录，然后重新运行同一命令，直到不再缺少任何机构。
2. 核对（电话或当面）：创世区块 \`${genesis}\`；合约 \`${state.chaincode?.packageId ?? ''}\`。各机构必须完全一致。
3. 启动节点：把 \`${folder}\` 中的 \`.service\` 文件复制到 \`/etc/systemd/system/\` 并启用，或用 \`docker compose -f ${join(folder, 'compose.yaml')} up -d\`（官方镜像）。
4. 加入通道、5. 批准合约：各机构分别执行 README.md 第 4、5 步的命令。
6. 提交合约：所有机构批准后，由一个机构执行第 6 步。
7. 检查：第 7 步。运营机构随后启动服务。

各主机时钟必须同步（NTP），相差半分钟以上的机构不会背书。请离线备份 \`ca\`、\`orderer-ca\`、\`tls-ca\` 三个目录：持有这些密钥者即可冒充本机构。
`
}
