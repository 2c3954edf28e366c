// The same properties as in the normal run, on 100,000 changed proofs and a quarter and a tenth as many receipts and bundles.
process.env.STEELYARD_MUTATIONS ??= '100000'
await import('../unit/verify-mutations.test.js')
export {}
