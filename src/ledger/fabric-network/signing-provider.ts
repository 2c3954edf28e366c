import { User } from 'fabric-common'
import type { Identity, IdentityProvider } from 'fabric-network'
import { serializeIdentity } from '../../core/fabric/msp.js'
import { ecdsaSigner } from '../identity/signer.js'
import type { StoredIdentity } from '../identity/wallet.js'

/** The identity type under which fabric-network knows ours. */
export const NODE_IDENTITY = 'steelyard-node'

/**
 * fabric-network's identity provider that signs by node:crypto. The library's own goes through elliptic and jsrsasign, which have
 * open advisories; they are loaded with it, but no key ever reaches them.
 */
export function signingProvider ({ mspId, certificatePem, privateKeyPem }: StoredIdentity): {
  identity: Identity, identityProvider: IdentityProvider
} {
  const sign = ecdsaSigner(privateKeyPem)
  const serialized = Buffer.from(serializeIdentity({ mspId, pem: Buffer.from(certificatePem) }))
  const signing = { serialize: () => serialized, sign, getMSPId: () => mspId, isValid: () => true }
  class NodeUser extends User {
    override getMspid (): string { return mspId }
  }
  const unsupported = (): never => { throw new Error('identities of this type are not kept in a fabric-network wallet') }
  return {
    identity: { mspId, type: NODE_IDENTITY },
    identityProvider: {
      type: NODE_IDENTITY,
      getCryptoSuite: unsupported,
      fromJson: unsupported,
      toJson: unsupported,
      getUserContext: (_identity, name) => {
        const user = new NodeUser(name)
        user.setSigningIdentity(signing)
        return Promise.resolve(user)
      }
    }
  }
}
