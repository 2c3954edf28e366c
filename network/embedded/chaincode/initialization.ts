import { fromUtf8, utf8 } from '../../../src/core/bytes.js'
import type { Invocation } from './invocation.js'

/** The key in a chaincode's own namespace that says which version of it was initialized. */
const INITIALIZED = '\0\u{10ffff}initialized'

/**
 * Whether an invocation is the call as init that a definition may ask for: once for each version, before anything else.
 * @throws Error in Fabric's words, for a call that is to come first and does not, or comes without need
 */
export async function isInitialization ({ simulator, definition, input }: Pick<Invocation, 'simulator' | 'definition' | 'input'>): Promise<boolean> {
  const { name, version, initRequired } = definition
  const initialized = initRequired ? await simulator.get(name, INITIALIZED) : undefined
  const isNeeded = initRequired && (initialized === undefined || fromUtf8(initialized) !== version)
  const fault = initializationFault({ initRequired, isNeeded, isInit: input.getIsInit() })
  if (fault !== undefined) throw new Error(`invalid invocation: chaincode '${name}' ${fault}`)
  if (isNeeded) simulator.put(name, INITIALIZED, utf8(version))
  return isNeeded
}

function initializationFault (
  { initRequired, isNeeded, isInit }: { readonly initRequired: boolean, readonly isNeeded: boolean, readonly isInit: boolean }
): string | undefined {
  if (isInit && !initRequired) return 'does not require initialization but called as init'
  if (isInit && !isNeeded) return 'is already initialized but called as init'
  return isNeeded && !isInit ? 'has not been initialized for this version, must call as init first' : undefined
}
