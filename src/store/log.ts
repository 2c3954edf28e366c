/** To whom the store says what an operator must know. Never a secret, never content. */
export interface StoreLog {
  warn (facts: object, message: string): void
  error (facts: object, message: string): void
}
