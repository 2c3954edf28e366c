'use strict'

const { Contract } = require('fabric-contract-api')

/** Exercises what a contract can ask of its peer. */
class Counter extends Contract {
  constructor () {
    super('Counter')
  }

  async create (ctx, key, value) {
    if ((await ctx.stub.getState(key)).length > 0) throw new Error('exists')
    await ctx.stub.putState(key, Buffer.from(value))
    ctx.stub.setEvent('created', Buffer.from(key))
    return value
  }

  async read (ctx, key) {
    const value = await ctx.stub.getState(key)
    if (value.length === 0) throw new Error('missing')
    return value.toString()
  }

  async increment (ctx, key) {
    const next = Number((await ctx.stub.getState(key)).toString() || '0') + 1
    await ctx.stub.putState(key, Buffer.from(String(next)))
    ctx.stub.setEvent('incremented', Buffer.from(String(next)))
    return String(next)
  }

  async remove (ctx, key) {
    await ctx.stub.deleteState(key)
  }

  async fill (ctx, prefix, count) {
    for (let i = 0; i < Number(count); i++) await ctx.stub.putState(prefix + String(i).padStart(4, '0'), Buffer.from(String(i)))
  }

  async list (ctx, start, end) {
    const keys = []
    for await (const { key } of ctx.stub.getStateByRange(start, end)) keys.push(key)
    return JSON.stringify(keys)
  }

  async page (ctx, start, end, size, bookmark) {
    const { iterator, metadata } = await ctx.stub.getStateByRangeWithPagination(start, end, Number(size), bookmark)
    const keys = []
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) keys.push(next.value.key)
    return JSON.stringify({ keys, bookmark: metadata.bookmark, count: metadata.fetchedRecordsCount })
  }

  async history (ctx, key) {
    const entries = []
    for await (const { txId, value, isDelete, timestamp } of ctx.stub.getHistoryForKey(key)) {
      entries.push({ txId, value: Buffer.from(value).toString(), isDelete, seconds: Number(timestamp.seconds) })
    }
    return JSON.stringify(entries)
  }

  async readOwnWrite (ctx, key) {
    await ctx.stub.putState(key, Buffer.from('new'))
    return (await ctx.stub.getState(key)).toString()
  }

  async context (ctx) {
    return JSON.stringify({
      mspId: ctx.clientIdentity.getMSPID(),
      id: ctx.clientIdentity.getID(),
      attribute: ctx.clientIdentity.getAttributeValue('role'),
      transient: Object.fromEntries([...ctx.stub.getTransient()].map(([name, value]) => [name, Buffer.from(value).toString()])),
      seconds: Number(ctx.stub.getTxTimestamp().seconds)
    })
  }

  async call (ctx, chaincode, channel, name, first, second) {
    const args = [name, first, second].filter((arg) => arg !== undefined && arg !== '')
    const { status, message, payload } = await ctx.stub.invokeChaincode(chaincode, args, channel)
    return JSON.stringify({ status, message, payload: Buffer.from(payload ?? []).toString() })
  }

  async keyPolicy (ctx, key) {
    await ctx.stub.setStateValidationParameter(key, Buffer.from('policy'))
  }

  async privateData (ctx, key) {
    await ctx.stub.putPrivateData('collection', key, Buffer.from('secret'))
  }

  async richQuery (ctx) {
    await ctx.stub.getQueryResult('{}')
  }

  async differ (ctx) {
    return String(process.hrtime.bigint())
  }

  async wait () {
    await new Promise((resolve) => { setTimeout(resolve, 60_000) })
  }

  async crash () {
    process.kill(process.pid, 'SIGKILL')
  }
}

exports.contracts = [Counter]
