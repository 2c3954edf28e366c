/**
 * Asks a peer for what an anchor needs: whether it finds, by discovery, enough organizations to endorse, and whether its chaincode
 * answers. Nothing is written. An open port says nothing of that: peers need some seconds to learn of each other.
 * @module
 */
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, credentials } from '@grpc/grpc-js'
import { connect, GatewayError, hash, signers } from '@hyperledger/fabric-gateway'
import { discovery, peer } from '@hyperledger/fabric-protos'
import { serializeIdentity } from '../embedded/crypto/identity.js'
import { createSigner } from '../embedded/crypto/sign.js'
import { NativeNetworkError } from './errors.js'
import type { Layout } from './layout.js'
import { tlsFiles } from './nodes.js'
import type { PlacedOrg } from './state.js'

/** What to ask for. */
export interface ProbeTarget {
  readonly channel: string
  readonly chaincode: string
}

const DEADLINE = 10_000
const CHAINCODE_ANSWERED = /chaincode response \d+/

/** Asks the peer of an organization. Rejects if it would not get an anchor endorsed. */
export async function probeEndorsement (layout: Layout, org: PlacedOrg, target: ProbeTarget): Promise<void> {
  const tls = tlsFiles(layout.org(org.name).ordererAdmin)
  const certificate = readFileSync(tls.cert)
  const client = new Client(
    `${org.host}:${org.ports.peer}`, credentials.createSsl(readFileSync(tls.ca), readFileSync(tls.key), certificate)
  )
  try {
    const admin = join(layout.org(org.name).admin, 'msp')
    const identity = {
      mspId: org.mspId,
      certificate: readFileSync(join(admin, 'signcerts', 'cert.pem'), 'utf8'),
      key: readFileSync(join(admin, 'keystore', 'key.pem'), 'utf8')
    }
    const tlsCertHash = createHash('sha256').update(new X509Certificate(certificate).raw).digest()
    await discoverEndorsers(client, identity, tlsCertHash, target)
    await askChaincode(client, identity, target)
  } finally {
    client.close()
  }
}

interface Identity {
  readonly mspId: string
  readonly certificate: string
  readonly key: string
}

/** Rejects if the peer knows no set of peers that satisfies the chaincode's policy. */
async function discoverEndorsers (client: Client, identity: Identity, tlsCertHash: Buffer, target: ProbeTarget): Promise<void> {
  const response = await discover(client, signedRequest(identity, tlsCertHash, target))
  for (const result of response.getResultsList()) {
    const error = result.getError()?.getContent()
    const plans = result.getCcQueryRes()?.getContentList() ?? []
    if (error !== undefined || plans.length === 0 || plans.some((plan) => plan.getLayoutsList().length === 0)) {
      throw new NativeNetworkError({ code: 'NOT_READY', message: error ?? 'no combination of endorsers is known' })
    }
  }
}

function signedRequest (identity: Identity, tlsCertHash: Buffer, target: ProbeTarget): discovery.SignedRequest {
  const call = new peer.ChaincodeCall()
  call.setName(target.chaincode)
  const interest = new peer.ChaincodeInterest()
  interest.addChaincodes(call)
  const chaincodes = new discovery.ChaincodeQuery()
  chaincodes.addInterests(interest)
  const query = new discovery.Query()
  query.setChannel(target.channel)
  query.setCcQuery(chaincodes)
  const authentication = new discovery.AuthInfo()
  authentication.setClientIdentity(serializeIdentity(identity.mspId, identity.certificate))
  authentication.setClientTlsCertHash(tlsCertHash)
  const request = new discovery.Request()
  request.setAuthentication(authentication)
  request.addQueries(query)
  const payload = request.serializeBinary()
  const signed = new discovery.SignedRequest()
  signed.setPayload(payload)
  signed.setSignature(createSigner(identity.key)(payload))
  return signed
}

async function discover (client: Client, request: discovery.SignedRequest): Promise<discovery.Response> {
  return await new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      '/discovery.Discovery/Discover',
      (message: discovery.SignedRequest) => Buffer.from(message.serializeBinary()),
      (bytes: Buffer) => discovery.Response.deserializeBinary(bytes),
      request,
      { deadline: Date.now() + DEADLINE },
      (error, response) => {
        if (response !== undefined) resolve(response)
        else reject(error ?? new Error('no answer'))
      }
    )
  })
}

/** Any answer of the chaincode shows that it runs and that the peer reaches it; what it says does not matter. */
async function askChaincode (client: Client, identity: Identity, target: ProbeTarget): Promise<void> {
  const gateway = connect({
    client,
    identity: { mspId: identity.mspId, credentials: Buffer.from(identity.certificate) },
    signer: signers.newPrivateKeySigner(createPrivateKey(identity.key)),
    hash: hash.sha256,
    evaluateOptions: () => ({ deadline: Date.now() + DEADLINE })
  })
  try {
    const contract = gateway.getNetwork(target.channel).getContract(target.chaincode)
    await contract.newProposal('', { endorsingOrganizations: [identity.mspId] }).evaluate()
  } catch (error) {
    if (!(error instanceof GatewayError) || !answered(error)) throw error
  } finally {
    gateway.close()
  }
}

function answered (error: GatewayError): boolean {
  return CHAINCODE_ANSWERED.test(error.message) || error.details.some((detail) => CHAINCODE_ANSWERED.test(detail.message))
}
