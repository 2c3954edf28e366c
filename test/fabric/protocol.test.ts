/**
 * The same calls to four organizations of official binaries and to the embedded network: every answer and every error must be the same,
 * apart from what KNOWN lists.
 */
import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { connect, type Gateway, GatewayError, type Proposal, signers } from '@hyperledger/fabric-gateway'
import { common, peer } from '@hyperledger/fabric-protos'
import t, { type Test } from 'tap'
import { ensureNetwork } from '../../network/embedded/client.js'
import { networkReset, networkUp } from '../../network/native/client.js'
import { lifecycle } from '../../network/shared/proto.js'
import { ensureIdentity } from '../../src/ledger/identity/enrolment.js'
import { createWallet, type StoredIdentity } from '../../src/ledger/identity/wallet.js'
import { type LedgerProfile, readProfile } from '../../src/ledger/profile.js'
import { fabricBinaries } from './binaries.js'

const { skip } = fabricBinaries()
const CHANNEL = 'evidence'
const FIXTURE = 'test/ledger/chaincode-fixture'

/** A network as its clients see it. */
interface Side {
  readonly profile: LedgerProfile
  readonly identity: StoredIdentity
  readonly gateway: Gateway
  gatewayOf (identity: StoredIdentity): Gateway
}

/** Differences that are there, with what they mean. */
const KNOWN: Readonly<Record<string, string>> = {
  'private data in an unknown collection': 'the embedded network has no private data, and says so',
  'a rich query': 'nor a database that could answer one',
  'a stranger evaluates': 'a certificate of another organization\'s CA is refused for its chain, not called malformed',
  'a stranger submits': 'the same'
}

type Call = (side: Side) => Promise<unknown>

const contract = ({ gateway }: Side, name = 'counter', channel = CHANNEL): ReturnType<ReturnType<Gateway['getNetwork']>['getContract']> =>
  gateway.getNetwork(channel).getContract(name)
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

const CALLS: Readonly<Record<string, Call>> = {
  submit: async (side) => text(await contract(side).submit('create', { arguments: ['key', 'value'] })),
  evaluate: async (side) => text(await contract(side).evaluate('read', { arguments: ['key'] })),
  'submit, the contract refuses': async (side) => await contract(side).submit('create', { arguments: ['key', 'value'] }),
  'evaluate, the contract refuses': async (side) => await contract(side).evaluate('read', { arguments: ['nothing'] }),
  'submit to organizations, the contract refuses': async (side) => await contract(side).submit('create', {
    arguments: ['key', 'value'], endorsingOrganizations: ['CourtMSP', 'NotaryMSP', 'ForensicMSP']
  }),
  'evaluate an unknown function': async (side) => await contract(side).evaluate('nothing'),
  'submit answers that differ': async (side) => await contract(side).submit('differ'),
  'submit, one organization endorses': async (side) => await contract(side).submit('create', {
    arguments: ['lonely', 'value'], endorsingOrganizations: ['PlatformMSP']
  }),
  'submit to an unknown organization': async (side) => await contract(side).submit('create', {
    arguments: ['other', 'value'], endorsingOrganizations: ['NopeMSP']
  }),
  'evaluate at an unknown organization': async (side) => await contract(side).evaluate('read', {
    arguments: ['key'], endorsingOrganizations: ['NopeMSP']
  }),
  'evaluate an unknown chaincode': async (side) => await contract(side, 'nocc').evaluate('read'),
  'submit to an unknown chaincode': async (side) => await contract(side, 'nocc').submit('read'),
  'evaluate on an unknown channel': async (side) => await contract(side, 'counter', 'nochan').evaluate('read'),
  'submit on an unknown channel': async (side) => await contract(side, 'counter', 'nochan').submit('read'),
  'range, history, context': async (side) => {
    const counter = contract(side)
    await counter.submit('fill', { arguments: ['many', '3'] })
    const { id, ...context } = JSON.parse(text(await counter.evaluate('context', { transientData: { a: 'b' } }))) as Record<string, unknown>
    return [
      text(await counter.evaluate('list', { arguments: ['many', 'many9'] })),
      text(await counter.evaluate('page', { arguments: ['many', 'many9', '2', ''] })),
      (JSON.parse(text(await counter.evaluate('history', { arguments: ['key'] }))) as unknown[]).length,
      text(await counter.evaluate('readOwnWrite', { arguments: ['fresh'] })),
      typeof id,
      { ...context, seconds: typeof context['seconds'] }
    ]
  },
  'private data in an unknown collection': async (side) => await contract(side).submit('privateData', { arguments: ['k'] }),
  'a rich query': async (side) => await contract(side).evaluate('richQuery'),
  'calling an unknown chaincode': async (side) => text(await contract(side).evaluate('call', { arguments: ['nocc', '', 'read'] })),
  'a stranger evaluates': async (side) => await stranger(side).getNetwork(CHANNEL).getContract('counter').evaluate('read'),
  'a stranger submits': async (side) => await stranger(side).getNetwork(CHANNEL).getContract('counter').submit('read'),
  'a wrong signature evaluates': async (side) => await wronglySigned(side).evaluate(),
  'a wrong signature submits': async (side) => await wronglySigned(side).endorse(),
  'commit status on an unknown channel': async (side) => {
    const endorsed = await contract(side).newProposal('increment', { arguments: ['status'] }).endorse()
    const commit = await endorsed.submit()
    const { code, successful } = await commit.getStatus()
    return { code, successful }
  },
  'qscc GetChainInfo': async (side) => {
    const info = common.BlockchainInfo.deserializeBinary(await contract(side, 'qscc').evaluate('GetChainInfo', { arguments: [CHANNEL] }))
    return { height: info.getHeight() > 1, hash: info.getCurrentblockhash_asU8().length, previous: info.getPreviousblockhash_asU8().length }
  },
  'qscc GetBlockByNumber': async (side) => {
    const block = common.Block.deserializeBinary(await contract(side, 'qscc').evaluate('GetBlockByNumber', { arguments: [CHANNEL, '0'] }))
    return { number: block.getHeader()?.getNumber(), metadata: block.getMetadata()?.getMetadataList().length }
  },
  'qscc GetBlockByNumber beyond the end': async (side) => await contract(side, 'qscc').evaluate('GetBlockByNumber', { arguments: [CHANNEL, '100000'] }),
  'qscc GetBlockByNumber of no number': async (side) => await contract(side, 'qscc').evaluate('GetBlockByNumber', { arguments: [CHANNEL, 'x'] }),
  'qscc GetBlockByHash unknown': async (side) => await contract(side, 'qscc').evaluate('GetBlockByHash', { arguments: [CHANNEL, 'x'] }),
  'qscc GetTransactionByID unknown': async (side) => await contract(side, 'qscc').evaluate('GetTransactionByID', { arguments: [CHANNEL, 'x'] }),
  'qscc GetBlockByTxID unknown': async (side) => await contract(side, 'qscc').evaluate('GetBlockByTxID', { arguments: [CHANNEL, 'x'] }),
  'qscc unknown function': async (side) => await contract(side, 'qscc').evaluate('Nothing', { arguments: [CHANNEL] }),
  'qscc without a channel': async (side) => await contract(side, 'qscc').evaluate('GetChainInfo'),
  'qscc another channel': async (side) => await contract(side, 'qscc').evaluate('GetChainInfo', { arguments: ['nochan'] }),
  'cscc GetChannels': async (side) => peer.ChannelQueryResponse.deserializeBinary(await contract(side, 'cscc').evaluate('GetChannels')).toObject(),
  'cscc GetConfigBlock': async (side) => common.Block.deserializeBinary(
    await contract(side, 'cscc').evaluate('GetConfigBlock', { arguments: [CHANNEL] })
  ).getHeader()?.getNumber(),
  'cscc GetConfigBlock unknown': async (side) => await contract(side, 'cscc').evaluate('GetConfigBlock', { arguments: ['nochan'] }),
  '_lifecycle QueryChaincodeDefinition': async (side) => {
    const args = new lifecycle.QueryChaincodeDefinitionArgs()
    args.setName('counter')
    const result = lifecycle.QueryChaincodeDefinitionResult.deserializeBinary(
      await contract(side, '_lifecycle').evaluate('QueryChaincodeDefinition', { arguments: [args.serializeBinary()] })
    )
    return [result.getVersion(), result.getSequence(), result.getEndorsementPlugin(), result.getValidationPlugin(), result.getInitRequired()]
  },
  '_lifecycle QueryChaincodeDefinition unknown': async (side) => {
    const args = new lifecycle.QueryChaincodeDefinitionArgs()
    args.setName('nocc')
    await contract(side, '_lifecycle').evaluate('QueryChaincodeDefinition', { arguments: [args.serializeBinary()] })
  },
  'ca cainfo': async ({ profile }) => {
    const { result, ...answer } = await ca(profile, 'GET', '/api/v1/cainfo') as { result: Record<string, unknown> }
    return { ...answer, result: Object.keys(result).sort(), caname: result['CAName'] }
  },
  'ca enrol with a wrong secret': async ({ profile }) => await ca(profile, 'POST', '/api/v1/enroll', { certificate_request: 'x' }, `Basic ${Buffer.from('registrar:x').toString('base64')}`),
  'ca enrol without authorization': async ({ profile }) => await ca(profile, 'POST', '/api/v1/enroll', { certificate_request: 'x' }),
  'ca register without authorization': async ({ profile }) => await ca(profile, 'POST', '/api/v1/register', { id: 'x' }),
  'ca unknown path': async ({ profile }) => await ca(profile, 'GET', '/api/v1/nothing')
}

t.test('official binaries and the embedded network answer alike', { skip, timeout: 200_000 }, async (t) => {
  const [real, embedded] = await Promise.all([nativeSide(t), embeddedSide(t)])
  const unknown: string[] = []
  for (const [name, call] of Object.entries(CALLS)) {
    const [theirs, ours] = [await outcome(call, real), await outcome(call, embedded)]
    if (theirs === ours) {
      t.notOk(Object.hasOwn(KNOWN, name), `${name}: a known difference that is gone`)
      continue
    }
    const difference = `${name}\n  official: ${theirs}\n  embedded: ${ours}`
    if (Object.hasOwn(KNOWN, name)) t.comment(`known: ${difference}\n  ${KNOWN[name] ?? ''}`)
    else unknown.push(difference)
  }
  t.equal(unknown.join('\n'), '')
})

/** What a call ended in, without what differs from run to run. */
async function outcome (call: Call, side: Side): Promise<string> {
  const stable = (value: string): string => value
    .replaceAll(/localhost:\d+/g, 'localhost:PORT').replaceAll(/127\.0\.0\.1:\d+/g, 'localhost:PORT').replaceAll(/[0-9a-f]{64}/g, 'HASH')
    .replaceAll(/\[[0-9a-f]{8}\]/g, '[TX]').replaceAll(/(Court|Notary|Forensic)MSP:/g, 'OtherMSP:') // which of them is asked is chance
  try {
    return stable(`answer ${JSON.stringify(await call(side)) ?? ''}`)
  } catch (error) {
    if (!(error instanceof GatewayError)) return stable(`error ${String(error)}`)
    const details = error.details.map(({ mspId, message }) => `${mspId}: ${message}`).sort()
    return stable(`${error.constructor.name} ${error.code} ${error.cause.details} ${JSON.stringify(details)}`)
  }
}

async function nativeSide (t: Test): Promise<Side> {
  const dir = folder(t, async (path) => { await networkReset(path) })
  const description = join(dir, 'consortium.yaml')
  writeFileSync(description, JSON.stringify({
    format: 1,
    channel: CHANNEL,
    chaincode: { name: 'counter', version: '1.0' },
    organizations: ['court', 'notary', 'forensic', 'platform'].map((name) => ({ name }))
  }))
  const { profile } = await networkUp({ dir, description, chaincode: FIXTURE })
  return await sideOf(t, profile, dir)
}

async function embeddedSide (t: Test): Promise<Side> {
  const dir = folder(t)
  const network = await ensureNetwork({ dir, orgs: 4, chaincode: { name: 'counter', folder: FIXTURE }, withParent: true })
  t.teardown(network.close)
  return await sideOf(t, network.profilePath('platform'), dir)
}

function folder (t: Test, end: (path: string) => Promise<void> = () => Promise.resolve()): string {
  const dir = mkdtempSync(join(tmpdir(), 'steelyard-protocol-'))
  t.teardown(async () => {
    await end(dir)
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

async function sideOf (t: Test, path: string, dir: string): Promise<Side> {
  const profile = await readProfile(path)
  const { identity } = await ensureIdentity({ profile, wallet: createWallet(join(dir, 'wallet')), label: 'client', now: Date.now() })
  const [{ url, tlsRootsPem = '' }] = profile.peers
  const client = new grpc.Client(url.replace('grpcs://', ''), grpc.credentials.createSsl(Buffer.from(tlsRootsPem)))
  const gatewayOf = (own: StoredIdentity): Gateway => connect({
    client,
    identity: { mspId: own.mspId, credentials: Buffer.from(own.certificatePem) },
    signer: signers.newPrivateKeySigner(createPrivateKey(own.privateKeyPem))
  })
  t.teardown(() => { client.close() })
  return { profile, identity, gateway: gatewayOf(identity), gatewayOf }
}

/** A member of this organization says that it is one of another. */
function stranger ({ identity, gatewayOf }: Side): Gateway {
  return gatewayOf({ ...identity, mspId: 'CourtMSP' })
}

function wronglySigned (side: Side): Proposal {
  const proposal = contract(side).newProposal('read', { arguments: ['key'] })
  return side.gateway.newSignedProposal(proposal.getBytes(), new Uint8Array(64))
}

async function ca ({ ca: { url, tlsRootsPem } }: LedgerProfile, method: string, path: string, body?: unknown, authorization?: string): Promise<unknown> {
  return await new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, {
      method, ca: tlsRootsPem, agent: false, ...(authorization === undefined ? {} : { headers: { authorization } })
    }, (response) => {
      let answer = ''
      response.on('data', (chunk: Buffer) => { answer += chunk.toString() })
      response.on('end', () => {
        resolve(answer.startsWith('{') ? { status: response.statusCode, ...JSON.parse(answer) as object } : { status: response.statusCode, answer })
      })
    })
    sent.on('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
