/**
 * A network in a data folder: description, keys and ledger, without any socket.
 * @module
 */
import { join } from 'node:path'
import { createOrganization, loadOrganization, type Organization } from './crypto/organization.js'
import {
  type ChaincodeDescription, describeNetwork, type DescriptionOptions, type NetworkDescription, readDescription, writeDescription
} from './description.js'
import { EmbeddedNetworkError } from './errors.js'
import { privateFolder } from './files.js'
import { defineOwn } from './genesis/own-definition.js'
import { freePorts } from './free-ports.js'
import { type Ledger, openLedger } from './ledger/ledger.js'
import { openStore, type Store } from './ledger/store.js'

/** An opened network. */
export interface EmbeddedNetwork {
  readonly folder: string
  readonly description: NetworkDescription
  readonly orgs: readonly Organization[]
  readonly ledger: Ledger
  /** Stores the organizations' current ports. */
  savePorts (): void
  /** Commits the definition of a chaincode unless it is there. */
  define (chaincode: ChaincodeDescription): Promise<void>
  close (): Promise<void>
}

/** How a network is opened. The description's options count only when the folder is new. */
export interface NetworkOptions extends DescriptionOptions {
  readonly folder: string
  /** The disk refused a block. */
  onFailure (error: unknown): void
}

/** Opens the network of a folder, exclusively; makes it if the folder is empty. */
export async function openNetwork (options: NetworkOptions): Promise<EmbeddedNetwork> {
  const folder = privateFolder(options.folder)
  const store = await openStore(join(folder, 'ledger')) // the lock comes first: nobody makes keys in another process's folder
  try {
    return await open(folder, store, options)
  } catch (error) {
    await store.close()
    throw error
  }
}

async function open (folder: string, store: Store, options: NetworkOptions): Promise<EmbeddedNetwork> {
  const description = readDescription(folder) ?? await create(folder, options)
  const { channel, kind } = description
  const orgs = description.organizations.map((org, i) => loadOrganization(join(folder, 'crypto', org.name), org, kind, i + 1))
  const operator = orgs.find(({ name }) => name === description.operator)
  if (operator === undefined) throw new EmbeddedNetworkError({ code: 'FOLDER_DAMAGED', message: `the operator ${description.operator} is no organization` })
  const ledger = await openLedger({ store, channel, orgs, onFailure: (error) => { options.onFailure(error) } })
  return {
    folder,
    description,
    orgs,
    ledger,
    savePorts: () => { writeDescription(folder, withPorts(description, orgs)) },
    define: async (chaincode) => { await defineOwn(ledger, operator, chaincode) },
    close: async () => {
      await ledger.stop()
      await store.close()
    }
  }
}

async function create (folder: string, options: DescriptionOptions): Promise<NetworkDescription> {
  const description = describeNetwork(options)
  const ports = await freePorts(description.organizations.length * 3)
  for (const [i, org] of description.organizations.entries()) {
    const [peer = 0, orderer = 0, ca = 0] = ports.slice(3 * i)
    Object.assign(org.ports, { peer, orderer, ca })
  }
  await Promise.all(description.organizations.map(async (org) => {
    await createOrganization(join(folder, 'crypto', org.name), org, description.kind)
  }))
  writeDescription(folder, description)
  return description
}

function withPorts (description: NetworkDescription, orgs: readonly Organization[]): NetworkDescription {
  return {
    ...description,
    organizations: description.organizations.map((org) => ({
      ...org, ports: { ...(orgs.find(({ name }) => name === org.name)?.ports ?? org.ports) }
    }))
  }
}
