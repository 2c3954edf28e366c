import { InvalidArgumentError } from 'commander'

/** Parses an option that counts something. */
export function wholeNumber (text: string): number {
  if (!/^(0|[1-9][0-9]{0,5})$/.test(text)) throw new InvalidArgumentError('a whole number is needed')
  return Number(text)
}

/** Collects an option that may be given more than once. */
export function repeated (value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value]
}
