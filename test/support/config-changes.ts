/** Configuration updates as the administrators of an embedded network make them, with the keys in its folder. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import type { SigningIdentity } from '../../network/embedded/channel.js'
import { signingIdentity } from '../../network/embedded/crypto/sign.js'
import type { configtx } from '../../network/embedded/proto.js'
import { configUpdate } from '../../network/shared/config-update.js'
import { signUpdate, updateEnvelope } from '../../network/shared/update-envelope.js'
import type { ChannelConfig } from '../../src/core/fabric/config.js'

export type Change = (channel: configtx.ConfigGroup) => void

/** The administrators of an organization: of its peers, and of its orderers. */
export function administrators (folder: string, { mspId, ordererMspId }: { mspId: string, ordererMspId: string }): [SigningIdentity, SigningIdentity] {
  const read = (name: string, what: string): string => readFileSync(join(folder, `${name}-${what}.pem`), 'utf8')
  const identity = (msp: string, name: string): SigningIdentity => signingIdentity(msp, read(name, 'cert'), read(name, 'key'))
  return [identity(mspId, 'admin'), identity(ordererMspId, 'orderer-admin')]
}

export function updateOf (config: ChannelConfig, change: Change): configtx.ConfigUpdate {
  return configUpdate(config.channelId, config.channelGroup, change)
}

/** The update, signed by these and sent by the first of them. */
export function signedUpdate (channel: string, update: configtx.ConfigUpdate, signers: readonly SigningIdentity[], sender = signers[0]): Uint8Array {
  const bytes = update.serializeBinary()
  return updateEnvelope(channel, bytes, signers.map((signer) => signUpdate(signer, bytes)), sender)
}

/** Sends an envelope to an orderer; resolves with its `orderer.BroadcastResponse`. */
export async function broadcast (address: string, tlsRootsPem: string, envelope: Uint8Array): Promise<Buffer> {
  const client = new grpc.Client(address, grpc.credentials.createSsl(Buffer.from(tlsRootsPem)))
  try {
    return await new Promise((resolve, reject) => {
      const call = client.makeBidiStreamRequest('/orderer.AtomicBroadcast/Broadcast', (bytes: Buffer) => bytes, (bytes) => bytes)
      call.on('data', resolve)
      call.on('error', reject)
      call.write(Buffer.from(envelope))
      call.end()
    })
  } finally {
    client.close()
  }
}
