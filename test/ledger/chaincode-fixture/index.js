'use strict'
/* A contract with one of everything that the ledger has rules for. Plain JavaScript, so that no build is needed to run it. */
const { Contract } = require('fabric-contract-api')

class CounterContract extends Contract {
  /** Adds one; reads what it writes, so two at once conflict. */
  async increment (ctx, key) {
    const value = Number((await ctx.stub.getState(key)).toString() || '0') + 1
    await ctx.stub.putState(key, Buffer.from(String(value)))
    ctx.stub.setEvent('incremented', Buffer.from(String(value)))
    return String(value)
  }

  async read (ctx, key) {
    return (await ctx.stub.getState(key)).toString()
  }

  async put (ctx, key, value) {
    await ctx.stub.putState(key, Buffer.from(value))
  }

  async remove (ctx, key) {
    await ctx.stub.deleteState(key)
  }

  /** Writes how many keys there are: a key that appears meanwhile is a phantom. */
  async count (ctx, prefix, into) {
    let count = 0
    for await (const entry of ctx.stub.getStateByRange(prefix, `${prefix}~`)) count += entry.key === into ? 0 : 1
    await ctx.stub.putState(into, Buffer.from(String(count)))
    return String(count)
  }

  async history (ctx, key) {
    const out = []
    for await (const entry of ctx.stub.getHistoryForKey(key)) out.push({ value: entry.value.toString(), deleted: entry.isDelete })
    return JSON.stringify(out)
  }

  async fail () {
    throw new Error('refused by the contract')
  }
}

exports.contracts = [CounterContract]
