import { once } from 'node:events'
import * as grpc from '@grpc/grpc-js'
import { CommitStatusError, EndorseError, type ChaincodeEvent, type Commit, type GatewayError } from '@hyperledger/fabric-gateway'
import { common, gateway, msp, peer } from '@hyperledger/fabric-protos'
import type { BlockEvent, ContractEvent } from 'fabric-network'
import t from 'tap'
import { headerHash, parseBlock } from '../../src/core/fabric/block.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { counterNetwork } from '../support/counter-network.js'

const counter = await counterNetwork(t, 1)
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

async function first<T> (source: AsyncIterable<T>): Promise<T | undefined> {
  const next = await source[Symbol.asyncIterator]().next()
  return next.done === true ? undefined : next.value
}

async function failureOf (promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('did not fail')
}

t.test('fabric-network', async (t) => {
  const client = await counter.gateway('operator')
  const network = await client.getNetwork('evidence')
  const contract = network.getContract('counter')

  t.test('submits and evaluates', async (t) => {
    t.equal(text(await contract.submitTransaction('create', 'a', '1')), '1')
    t.equal(text(await contract.evaluateTransaction('read', 'a')), '1')
  })

  t.test('passes transient data, and a timestamp to the contract', async (t) => {
    const answer = await contract.createTransaction('context').setTransient({ note: Buffer.from('secret') }).evaluate()
    const context = JSON.parse(text(answer)) as { mspId: string, transient: unknown, seconds: number }
    t.equal(context.mspId, 'OperatorMSP')
    t.same(context.transient, { note: 'secret' })
    t.ok(Math.abs(context.seconds - Date.now() / 1000) < 60)
  })

  t.test('goes on after more calls than Node lets a connection reset', async (t) => {
    let left = 1300
    await Promise.all(Array.from({ length: 16 }, async () => {
      while (left-- > 0) await contract.evaluateTransaction('read', 'a')
    }))
    t.pass('none failed')
  })

  t.test('shows the contract\'s own error', async (t) => {
    const evaluated = await failureOf(contract.evaluateTransaction('read', 'nothing'))
    t.equal(evaluated.message, 'missing')
    const submitted = await failureOf(contract.submitTransaction('create', 'a', '1'))
    t.match(submitted.message, /status=500, message=exists/)
  })

  t.test('reports an MVCC conflict by its code', async (t) => {
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, async () => await contract.submitTransaction('increment', 'hot')))
    const failures = outcomes.flatMap((outcome) => outcome.status === 'rejected' ? [outcome.reason as Record<string, unknown>] : [])
    t.ok(failures.length > 0 && failures.length < 5)
    for (const failure of failures) {
      t.equal(failure['name'], 'TransactionError')
      t.equal(failure['transactionCode'], 'MVCC_READ_CONFLICT')
    }
  })

  t.test('delivers blocks: filtered, whole and with private data', async (t) => {
    for (const type of ['filtered', 'full', 'private'] as const) {
      const seen: number[] = []
      const two = new Promise<void>((resolve) => {
        network.addBlockListener(async (event: BlockEvent) => {
          seen.push(Number(event.blockNumber))
          if (seen.length === 2) resolve()
          await Promise.resolve()
        }, { type, startBlock: 0 }).catch(t.threw)
      })
      await two
      t.same(seen.slice(0, 2), [0, 1], type)
    }
  })

  t.test('delivers contract events with payload', async (t) => {
    const event = new Promise<ContractEvent>((resolve) => {
      contract.addContractListener(async (each) => {
        // a stream from "newest" begins with the last block there is, which may hold an event of another test
        if (each.eventName === 'created') resolve(each)
        await Promise.resolve()
      }, { type: 'full' }).catch(t.threw)
    })
    await contract.submitTransaction('create', 'with-event', '1')
    const { eventName, payload, chaincodeId } = await event
    t.same([eventName, text(payload ?? Buffer.alloc(0)), chaincodeId], ['created', 'with-event', 'counter'])
  })

  t.test('refuses an unknown chaincode and an unknown channel', async (t) => {
    const unknown = network.getContract('nocc')
    t.match((await failureOf(unknown.submitTransaction('read', 'a'))).message, /failed constructing descriptor for chaincodes:\{name:"nocc"\}/)
    t.match((await failureOf(unknown.evaluateTransaction('read', 'a'))).message, /nocc/)
    t.match((await failureOf(client.getNetwork('nochannel'))).message, /access denied/)
  })

  t.test('reads blocks and transactions from qscc', async (t) => {
    const qscc = network.getContract('qscc')
    const created = contract.createTransaction('create')
    await created.submit('by-qscc', '1')
    const info = common.BlockchainInfo.deserializeBinary(await qscc.evaluateTransaction('GetChainInfo', 'evidence'))
    t.equal(info.getHeight(), counter.network.ledger.height())
    const last = await qscc.evaluateTransaction('GetBlockByNumber', 'evidence', String(info.getHeight() - 1))
    t.same(headerHash(nodeCrypto, parseBlock(last).header), info.getCurrentblockhash_asU8())
    const id = created.getTransactionId()
    t.same(await qscc.evaluateTransaction('GetBlockByTxID', 'evidence', id), last)
    t.same(await qscc.evaluateTransaction('GetBlockByNumber', 'evidence', String(2n ** 64n - 1n)), last)
    const processed = peer.ProcessedTransaction.deserializeBinary(await qscc.evaluateTransaction('GetTransactionByID', 'evidence', id))
    t.equal(processed.getValidationcode(), 0)
    const raw = parseBlock(last).data[0] ?? new Uint8Array()
    t.same(processed.getTransactionenvelope()?.serializeBinary(), raw)
    t.match((await failureOf(qscc.evaluateTransaction('GetBlockByNumber', 'evidence', '99999'))).message, /no such block number \[99999\] in index/)
    t.match((await failureOf(qscc.evaluateTransaction('GetTransactionByID', 'evidence', 'ff'))).message, /no such transaction ID \[ff\]/)
    t.match((await failureOf(qscc.evaluateTransaction('GetChainInfo', 'other'))).message, /Invalid chain ID/)
  })

  t.test('reads the configuration and the definition', async (t) => {
    const cscc = network.getContract('cscc')
    t.same(await cscc.evaluateTransaction('GetConfigBlock', 'evidence'), Buffer.from(await counter.network.ledger.block(0) ?? []))
    const config = common.Config.deserializeBinary(await cscc.evaluateTransaction('GetChannelConfig', 'evidence'))
    t.ok(config.getChannelGroup()?.getGroupsMap().has('Application'))
    const channels = peer.ChannelQueryResponse.deserializeBinary(await cscc.evaluateTransaction('GetChannels'))
    t.same(channels.getChannelsList().map((channel) => channel.getChannelId()), ['evidence'])
    t.match((await failureOf(cscc.evaluateTransaction('JoinChain', 'evidence'))).message, /refused/)

    const lifecycle = network.getContract('_lifecycle')
    const query = new peer.lifecycle.QueryChaincodeDefinitionArgs()
    query.setName('counter')
    const argument = Buffer.from(query.serializeBinary()) as unknown as string
    const definition = peer.lifecycle.QueryChaincodeDefinitionResult.deserializeBinary(
      await lifecycle.evaluateTransaction('QueryChaincodeDefinition', argument))
    t.same([definition.getVersion(), definition.getSequence(), definition.getEndorsementPlugin()], ['1.0', 1, 'escc'])
    const all = peer.lifecycle.QueryChaincodeDefinitionsResult.deserializeBinary(
      await lifecycle.evaluateTransaction('QueryChaincodeDefinitions', ''))
    t.same(all.getChaincodeDefinitionsList().map((each) => each.getName()), ['counter', 'second'])
  })

  t.test('works without discovery', async () => {
    const plain = await counter.gateway('operator', { discovery: { enabled: false, asLocalhost: true } })
    const without = (await plain.getNetwork('evidence')).getContract('counter')
    await without.submitTransaction('create', 'no-discovery', '1')
  })
})

t.test('fabric-gateway', async (t) => {
  const client = counter.peerGateway('operator')
  const network = client.getNetwork('evidence')
  const contract = network.getContract('counter')

  t.test('submits, evaluates and reads the commit status', async (t) => {
    t.equal(text(await contract.submitTransaction('create', 'g', '7')), '7')
    t.equal(text(await contract.evaluateTransaction('read', 'g')), '7')
    const submitted = await contract.submitAsync('increment', { arguments: ['g'] })
    t.equal(text(submitted.getResult()), '8')
    const status = await submitted.getStatus()
    t.ok(status.successful)
    t.equal(Number(status.blockNumber), counter.network.ledger.height() - 1)
  })

  t.test('reports errors with the codes and texts of a real gateway', async (t) => {
    const submitted = await failureOf(contract.submitTransaction('create', 'g', '7')) as unknown as EndorseError
    t.type(submitted, EndorseError)
    t.equal(submitted.code, grpc.status.ABORTED)
    t.match(submitted.message, /failed to endorse transaction, see attached details for more info/)
    t.same(submitted.details.map(({ mspId, message }) => [mspId, message]), [['OperatorMSP', 'chaincode response 500, exists']])

    const evaluated = await failureOf(contract.evaluateTransaction('read', 'none')) as unknown as GatewayError
    t.equal(evaluated.code, grpc.status.UNKNOWN)
    t.match(evaluated.message, /evaluate call to endorser returned error: chaincode response 500, missing/)

    const unknown = network.getContract('nocc')
    const noEvaluation = await failureOf(unknown.evaluateTransaction('f')) as unknown as GatewayError
    t.equal(noEvaluation.code, grpc.status.FAILED_PRECONDITION)
    t.match(noEvaluation.message, /no peers available to evaluate chaincode nocc in channel evidence/)
    const noPlan = await failureOf(unknown.submitTransaction('f')) as unknown as GatewayError
    t.equal(noPlan.code, grpc.status.FAILED_PRECONDITION)
    t.match(noPlan.message, /no combination of peers can be derived which satisfy the endorsement policy: No metadata was found for chaincode nocc in channel evidence/)

    const nowhere = client.getNetwork('nochan').getContract('counter')
    const noChannel = await failureOf(nowhere.evaluateTransaction('read', 'g')) as unknown as GatewayError
    t.equal(noChannel.code, grpc.status.UNAVAILABLE)
    t.match(noChannel.message, /failed to get config for channel \[nochan\]/)
    const noOrg = await failureOf(contract.submit('read', { arguments: ['g'], endorsingOrganizations: ['NopeMSP'] })) as unknown as GatewayError
    t.equal(noOrg.code, grpc.status.UNAVAILABLE)
    t.match(noOrg.message, /failed to find any endorsing peers for org\(s\): NopeMSP/)
  })

  t.test('reports an invalid transaction by its code', async (t) => {
    await contract.submitTransaction('create', 'conflict', '0')
    const proposals = [contract.newProposal('increment', { arguments: ['conflict'] }), contract.newProposal('increment', { arguments: ['conflict'] })]
    const transactions = await Promise.all(proposals.map(async (proposal) => await proposal.endorse()))
    const statuses = []
    for (const transaction of transactions) statuses.push(await (await transaction.submit()).getStatus())
    t.same(statuses.map(({ code }) => code), [0, 11])
    const again = await transactions[0]?.submit()
    t.equal((await again?.getStatus())?.code, 0, 'the status of a repeated transaction is that of its first occurrence')
  })

  t.test('refuses signatures that are not the identity\'s', async (t) => {
    const other = counter.peerGateway('operator')
    const proposal = other.getNetwork('evidence').getContract('counter').newProposal('read', { arguments: ['g'] })
    const unsigned = client.newSignedProposal(proposal.getBytes(), Buffer.from('3006020101020101', 'hex'))
    const evaluated = await failureOf(unsigned.evaluate()) as unknown as GatewayError
    t.equal(evaluated.code, grpc.status.FAILED_PRECONDITION)
    t.match(evaluated.message, /error validating proposal: access denied: channel \[evidence\] creator org \[OperatorMSP\]/)
    const endorsed = await failureOf(unsigned.endorse()) as unknown as GatewayError
    t.equal(endorsed.code, grpc.status.ABORTED)
    t.match(endorsed.details[0]?.message ?? '', /access denied/)

    const transaction = await contract.newProposal('create', { arguments: ['forged', '1'] }).endorse()
    const badEnvelope = client.newSignedTransaction(transaction.getBytes(), Buffer.from('3006020101020101', 'hex'))
    const submitted = await failureOf(badEnvelope.submit()) as unknown as GatewayError
    t.equal(submitted.code, grpc.status.UNAVAILABLE)
    t.match(submitted.details[0]?.message ?? '', /status=FORBIDDEN/)
  })

  t.test('a commit status waits for the commit, and is given up when the client does', async (t) => {
    const transaction = await contract.newProposal('create', { arguments: ['late', '1'] }).endorse()
    const waiting = commitOf(transaction.getTransactionId()).getStatus()
    await transaction.submit()
    t.ok((await waiting).successful)

    const never = await contract.newProposal('create', { arguments: ['never', '1'] }).endorse()
    const failure = await failureOf(commitOf(never.getTransactionId()).getStatus({ deadline: Date.now() + 300 }))
    t.type(failure, CommitStatusError)
    t.equal(failure['code'], grpc.status.DEADLINE_EXCEEDED)

    function commitOf (txId: string): Commit {
      const { mspId, credentials } = client.getIdentity()
      const identity = new msp.SerializedIdentity()
      identity.setMspid(mspId)
      identity.setIdBytes(credentials)
      const status = new gateway.CommitStatusRequest()
      status.setChannelId('evidence')
      status.setTransactionId(txId)
      status.setIdentity(identity.serializeBinary())
      const unsigned = new gateway.SignedCommitStatusRequest()
      unsigned.setRequest(status.serializeBinary())
      return client.newCommit(unsigned.serializeBinary())
    }
  })

  t.test('streams chaincode events, replays them, and resumes after a transaction', async (t) => {
    const live = await network.getChaincodeEvents('counter')
    const started = counter.network.ledger.height()
    await contract.submitTransaction('create', 'e1', '1')
    await contract.submitTransaction('increment', 'e1')
    const events: ChaincodeEvent[] = []
    for await (const event of live) {
      events.push(event)
      if (events.length === 2) break
    }
    live.close()
    t.same(events.map(({ eventName, payload }) => [eventName, text(payload)]), [['created', 'e1'], ['incremented', '2']])

    const replay = await network.getChaincodeEvents('counter', { startBlock: BigInt(started) })
    t.equal((await first(replay))?.transactionId, events[0]?.transactionId)
    replay.close()
    const checkpoint = { getBlockNumber: () => events[0]?.blockNumber, getTransactionId: () => events[0]?.transactionId }
    const resumed = await network.getChaincodeEvents('counter', { checkpoint })
    t.equal((await first(resumed))?.transactionId, events[1]?.transactionId)
    resumed.close()
  })

  t.test('refuses events and statuses of an unknown channel', async (t) => {
    const nowhere = client.getNetwork('nochan')
    const events = await failureOf((async () => await first(await nowhere.getChaincodeEvents('counter')))())
    t.equal(events['code'], grpc.status.PERMISSION_DENIED)
    t.match(events.message, /Failed to get policy manager for channel \[nochan\]/)
    const blocks = await failureOf((async () => await first(await nowhere.getBlockEvents()))())
    t.match(blocks.message, /NOT_FOUND|404/)
  })

  t.test('streams blocks', async (t) => {
    const blocks = await network.getFilteredBlockEvents({ startBlock: 0n })
    const numbers: number[] = []
    for await (const block of blocks) {
      numbers.push(block.getNumber())
      if (numbers.length === 3) break
    }
    blocks.close()
    t.same(numbers, [0, 1, 2])
    const withData = await network.getBlockAndPrivateDataEvents({ startBlock: 1n })
    t.equal((await first(withData))?.getBlock()?.getHeader()?.getNumber(), 1)
    withData.close()
  })
})

t.test('everything else is UNIMPLEMENTED', async (t) => {
  const { ports, tlsCaPem } = counter.org('operator')
  const client = new peer.SnapshotClient(`localhost:${ports.peer}`, grpc.credentials.createSsl(Buffer.from(tlsCaPem)))
  t.teardown(() => { client.close() })
  const call = client.queryPendings(new peer.SignedSnapshotRequest(), () => {})
  const [status] = await once(call, 'status') as [grpc.StatusObject]
  t.equal(status.code, grpc.status.UNIMPLEMENTED)
})
