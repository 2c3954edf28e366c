/**
 * The lifecycle of a contract on the embedded network as administrators know it: Fabric's own command line installs, approves and
 * commits at four organizations, clients call what came of it, it is upgraded, and an official peer that follows the channel comes to
 * the same verdict and commit hash in every block.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Gateway } from '@hyperledger/fabric-gateway'
import { peer } from '@hyperledger/fabric-protos'
import t from 'tap'
import type { Organization } from '../../network/embedded/crypto/organization.js'
import type { Binaries } from '../../network/native/binaries.js'
import { baseEnvironment, runCommand } from '../../network/native/command.js'
import { nodeOus } from '../../network/native/keys.js'
import { servicePackage } from '../support/chaincode-packages.js'
import { type CounterNetwork, counterNetwork } from '../support/counter-network.js'
import { fabricBinaries } from './binaries.js'
import { compareBlocks } from './compare-blocks.js'
import { adminGateway, startForeignPeer } from './foreign-peer.js'

const { binaries, skip } = fabricBinaries()
const NAMES = ['court', 'notary', 'forensic', 'platform']

t.test('Fabric\'s command line and an official peer', { skip, timeout: 280_000 }, async (t) => {
  if (binaries === undefined) return
  const counter = await counterNetwork(t, 4)
  const { ledger } = counter.network
  const folder = mkdtempSync(join(tmpdir(), 'steelyard-lifecycle-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  const genesis = await ledger.block(0) ?? new Uint8Array(0)
  const foreign = await startForeignPeer(t, { binaries, folder, org: counter.org('court'), channel: ledger.id, genesis })
  const cli = commandLine(binaries, folder, counter)
  const definition = ['--channelID', ledger.id, '--name', 'served', '--version', '1', '--sequence', '1']

  const { file, packageId } = servicePackage(folder, 'served_1', { address: counter.chaincode.address })
  for (const name of NAMES) t.match(await cli(name, 'install', file), packageId)
  t.match(await cli('court', 'queryinstalled'), `Package ID: ${packageId}, Label: served_1`)
  await t.rejects(cli('court', 'install', file), { message: /chaincode already successfully installed/ })
  await t.rejects(cli('court', 'commit', ...definition, ...cli.orderer, ...cli.peers('court')), { message: /not agreed to by this org \(CourtMSP\)/ })

  for (const name of ['court', 'notary']) await cli(name, 'approveformyorg', ...definition, ...cli.orderer, '--package-id', packageId)
  t.match(await cli('court', 'checkcommitreadiness', ...definition), /CourtMSP: true\nForensicMSP: false.*\nNotaryMSP: true\nPlatformMSP: false/s)
  await t.rejects(cli('court', 'commit', ...definition, ...cli.orderer, ...cli.peers('court', 'notary')), { message: /ENDORSEMENT_POLICY_FAILURE/ })
  await t.rejects(cli('court', 'approveformyorg', ...definition, ...cli.orderer, '--package-id', packageId), { message: /unchanged content/ })
  for (const name of ['forensic', 'platform']) await cli(name, 'approveformyorg', ...definition, ...cli.orderer, '--package-id', packageId)
  await cli('court', 'commit', ...definition, ...cli.orderer, ...cli.peers(...NAMES))
  t.match(await cli('notary', 'querycommitted', '--channelID', ledger.id, '--name', 'served'), /Version: 1, Sequence: 1.*CourtMSP: true, ForensicMSP: true, NotaryMSP: true, PlatformMSP: true/)
  t.match(await cli('notary', 'queryapproved', '--channelID', ledger.id, '--name', 'served'), /sequence: 1, version: 1/)

  const gateway = await counter.gateway('platform')
  const network = await gateway.getNetwork(ledger.id)
  t.same((await network.getContract('served').submitTransaction('create', 'key', '1')).toString(), '1')

  const own = ['--channelID', ledger.id, '--name', 'served', '--version', '2', '--sequence', '2', '--signature-policy', 'OR(\'CourtMSP.peer\',\'NotaryMSP.peer\')']
  for (const name of NAMES.slice(0, 3)) await cli(name, 'approveformyorg', ...own, ...cli.orderer, '--package-id', packageId)
  await cli('court', 'commit', ...own, ...cli.orderer, ...cli.peers(...NAMES.slice(0, 3)))
  const court = counter.peerGateway('court').getNetwork(ledger.id).getContract('served')
  const one = await court.newProposal('create', { arguments: ['other', '2'] }).endorse()
  const status = await (await one.submit()).getStatus()
  t.ok(status.successful, 'one organization is enough by the definition\'s own policy')
  await t.rejects(counter.peerGateway('platform').getNetwork(ledger.id).getContract('served').evaluate('read', {
    arguments: ['key'], endorsingOrganizations: ['PlatformMSP']
  }), 'an organization that did not approve does not run it')

  const ours: Gateway = adminGateway(t, counter.org('court'), counter.org('court').ports.peer)
  const { differences, verdicts } = await compareBlocks(ours, foreign.gateway, ledger.id, ledger.height())
  t.same(differences, [])
  t.ok((verdicts.get(peer.TxValidationCode.ENDORSEMENT_POLICY_FAILURE) ?? 0) > 0)
  t.comment(`${ledger.height()} blocks, verdicts ${JSON.stringify(Object.fromEntries(verdicts))}`)
})

interface CommandLine {
  (org: string, command: string, ...args: readonly string[]): Promise<string>
  readonly orderer: readonly string[]
  peers (...names: readonly string[]): string[]
}

/** `peer lifecycle chaincode` as the administrator of an organization; what it says on both streams. */
function commandLine (binaries: Binaries, folder: string, counter: CounterNetwork): CommandLine {
  const homes = new Map(NAMES.map((name) => [name, adminHome(join(folder, 'admins', name), counter.org(name))]))
  const run = async (name: string, command: string, ...args: readonly string[]): Promise<string> => {
    const org = counter.org(name)
    const { stdout, stderr } = await runCommand({
      command: binaries.peer,
      args: ['lifecycle', 'chaincode', command, ...args],
      env: {
        ...baseEnvironment(),
        FABRIC_CFG_PATH: binaries.config,
        CORE_PEER_ADDRESS: `localhost:${org.ports.peer}`,
        CORE_PEER_LOCALMSPID: org.mspId,
        CORE_PEER_MSPCONFIGPATH: homes.get(name) ?? '',
        CORE_PEER_TLS_ENABLED: 'true',
        CORE_PEER_TLS_ROOTCERT_FILE: join(org.folder, 'tls-ca-cert.pem')
      }
    })
    return stdout + stderr
  }
  const court = counter.org('court')
  return Object.assign(run, {
    orderer: ['--orderer', `localhost:${court.ports.orderer}`, '--tls', '--cafile', join(court.folder, 'tls-ca-cert.pem')],
    peers: (...names: readonly string[]) => names.map((name) => counter.org(name)).flatMap(({ ports, folder: keys }) =>
      ['--peerAddresses', `localhost:${ports.peer}`, '--tlsRootCertFiles', join(keys, 'tls-ca-cert.pem')])
  })
}

/** The folder of an administrator's MSP, as the command line wants it. */
function adminHome (home: string, { folder }: Organization): string {
  for (const [part, from, to] of [
    ['cacerts', 'ca-cert.pem', 'ca.pem'], ['signcerts', 'admin-cert.pem', 'cert.pem'], ['keystore', 'admin-key.pem', 'key.pem']
  ] as const) {
    mkdirSync(join(home, part), { recursive: true })
    copyFileSync(join(folder, from), join(home, part, to))
  }
  writeFileSync(join(home, 'config.yaml'), nodeOus())
  return home
}
