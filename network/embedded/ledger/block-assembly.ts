/**
 * Signing and encoding a block: what orderers and the committing peer add to header and data.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { concat } from '../../../src/core/bytes.js'
import { type BlockHeader, headerDer, ordererSignedBytes } from '../../../src/core/fabric/block.js'
import { varint } from '../../../src/core/fabric/commit/commit-hash.js'
import type { OrgNode } from '../channel.js'
import { common } from '../proto.js'

/** What goes into one block. */
export interface BlockParts {
  readonly header: BlockHeader
  readonly data: readonly Uint8Array[]
  readonly lastConfigBlock: number
  /** The orderers that sign: none for block 0. */
  readonly signers: readonly OrgNode[]
  readonly filter: Uint8Array
  /** Absent in block 0. */
  readonly commitHash?: Uint8Array
}

/** Serialized `common.Block` with its five metadata entries. */
export function assembleBlock (parts: BlockParts): Uint8Array {
  const header = new common.BlockHeader()
  header.setNumber(Number(parts.header.number))
  header.setPreviousHash(parts.header.previousHash)
  header.setDataHash(parts.header.dataHash)
  const data = new common.BlockData()
  data.setDataList([...parts.data])
  const metadata = new common.BlockMetadata()
  metadata.setMetadataList([
    signatures(parts),
    lastConfig(parts.lastConfigBlock),
    parts.filter,
    new Uint8Array(0), // ORDERER: unused since the consenter's metadata moved into SIGNATURES
    parts.commitHash === undefined ? new Uint8Array(0) : metadataOf(parts.commitHash).serializeBinary()
  ])
  const block = new common.Block()
  block.setHeader(header)
  block.setData(data)
  block.setMetadata(metadata)
  return block.serializeBinary()
}

function signatures ({ header, lastConfigBlock, signers }: BlockParts): Uint8Array {
  const value = new common.OrdererBlockMetadata()
  const config = new common.LastConfig()
  config.setIndex(lastConfigBlock)
  value.setLastConfig(config)
  value.setConsenterMetadata(viewMetadata(header.number))
  const signed = value.serializeBinary()
  const metadata = metadataOf(signed)
  const der = headerDer(header)
  metadata.setSignaturesList(signers.map((signer) => ordererSignature(signer, signed, der)))
  return metadata.serializeBinary()
}

/** In BFT form the identifier header names the consenter, and the signature header is empty. */
function ordererSignature (signer: OrgNode, value: Uint8Array, der: Uint8Array): common.MetadataSignature {
  const identifier = new common.IdentifierHeader()
  identifier.setIdentifier(signer.consenterId)
  identifier.setNonce(new Uint8Array(randomBytes(24)))
  const identifierHeader = identifier.serializeBinary()
  const signature = new common.MetadataSignature()
  signature.setIdentifierHeader(identifierHeader)
  signature.setSignature(signer.orderer.sign(ordererSignedBytes(value, identifierHeader, der)))
  return signature
}

/** SmartBFT's ViewMetadata: latest sequence (2) and decisions in the view before this one (3); the view is always 0 here. */
function viewMetadata (number: bigint): Uint8Array {
  const sequence = Number(number)
  if (sequence === 0) return new Uint8Array(0)
  const decisions = sequence === 1 ? new Uint8Array(0) : concat(Uint8Array.of(0x18), varint(sequence - 1))
  return concat(Uint8Array.of(0x10), varint(sequence), decisions)
}

function lastConfig (index: number): Uint8Array {
  if (index === 0) return new Uint8Array(0) // Fabric leaves the entry empty, not absent
  const config = new common.LastConfig()
  config.setIndex(index)
  return metadataOf(config.serializeBinary()).serializeBinary()
}

function metadataOf (value: Uint8Array): common.Metadata {
  const metadata = new common.Metadata()
  metadata.setValue(value)
  return metadata
}
