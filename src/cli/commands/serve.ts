/** Starts the service: the one place besides main itself that knows main. */
export async function run (): Promise<number> {
  const { main } = await import('../../main.js')
  return await main()
}
