/** Values by number, within a bound of bytes: those that were asked for least recently go first. */
export interface BoundedMemory<T> {
  get (number: number): T | undefined
  /** `size` in bytes; what is larger than the bound is not kept. */
  set (number: number, value: T, size: number): void
  clear (): void
}

export function createBoundedMemory<T> (mostBytes: number): BoundedMemory<T> {
  const kept = new Map<number, { readonly value: T, readonly size: number }>() // in the order of their use
  let bytes = 0
  const forget = (number: number): void => {
    bytes -= kept.get(number)?.size ?? 0
    kept.delete(number)
  }
  return {
    get (number) {
      const found = kept.get(number)
      if (found === undefined) return undefined
      kept.delete(number)
      kept.set(number, found)
      return found.value
    },
    set (number, value, size) {
      forget(number)
      if (size > mostBytes) return
      kept.set(number, { value, size })
      bytes += size
      for (const oldest of kept.keys()) {
        if (bytes <= mostBytes) return
        forget(oldest)
      }
    },
    clear () {
      kept.clear()
      bytes = 0
    }
  }
}
