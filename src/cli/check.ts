/** One thing that `doctor` looked at; `advice` says what to do about it. */
export interface Check {
  readonly name: string
  readonly level: 'ok' | 'warning' | 'problem'
  readonly says: string
  readonly advice?: string
  /** Codes, where the service gave them. */
  readonly reasons?: readonly string[]
}

/** What an error says, or what was thrown instead of one. */
export function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
