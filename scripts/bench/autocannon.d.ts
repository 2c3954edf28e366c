/** The part of autocannon that is used here; it brings no types of its own. */
declare module 'autocannon' {
  export interface Options {
    readonly url: string
    readonly connections: number
    readonly duration: number
    readonly requests: readonly {
      readonly method: string, readonly path: string, readonly headers: Readonly<Record<string, string>>, readonly body: string
    }[]
  }
  export interface Result {
    readonly requests: { readonly total: number }
    readonly non2xx: number
    readonly errors: number
    readonly duration: number
  }
  export default function autocannon (options: Options): Promise<Result>
}
