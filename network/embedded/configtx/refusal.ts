/** Why a configuration update is not taken, in the words of an official orderer. */
export class ConfigRefusal extends Error {
  constructor (message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ConfigRefusal'
  }

  /** The same refusal with what was being done. */
  within (what: string): ConfigRefusal {
    return new ConfigRefusal(`${what}: ${this.message}`, { cause: this })
  }
}

/** Runs a step; its refusals say which step it was. */
export function step<T> (what: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw error instanceof ConfigRefusal ? error.within(what) : error
  }
}
