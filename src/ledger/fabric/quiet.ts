/**
 * Hyperledger's older client libraries write each failed attempt to the console. What matters of it reaches the caller as an
 * error, so they get a logger that says nothing, by the global that they look at when they are loaded. HFC_LOGGING still has its way.
 */
const nothing = (): void => undefined

if (process.env.HFC_LOGGING === undefined) {
  const shared = globalThis as typeof globalThis & { hfc?: { logger?: object } }
  shared.hfc = { logger: { debug: nothing, info: nothing, warn: nothing, error: nothing, log: nothing }, ...shared.hfc }
}
