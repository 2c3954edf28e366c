import type { RunningService } from './service.js'

/** The receipt key of a service, as its trust bundle has it: SPKI. */
export async function receiptKeyOf (service: RunningService): Promise<{ spki: Uint8Array }> {
  const { body } = await service.json('/v1/trust-bundle')
  const text = Buffer.from(body.history.keys.responsePayload, 'base64url').toString('latin1')
  const spki = /"spki":"([\w-]{59})"/.exec(text)?.[1]
  if (spki === undefined) throw new Error('the bundle has no key')
  return { spki: new Uint8Array(Buffer.from(spki, 'base64url')) }
}
