/**
 * Where everything of a native network lies. An organization's folder holds all of its private keys and nothing of the others:
 * on four machines each would have its own folder and, of the rest, only `channel/`.
 * @module
 */
import { join, resolve } from 'node:path'

/** Paths of one organization. */
export interface OrgLayout {
  readonly folder: string
  readonly ca: string
  readonly registrarSecret: string
  readonly peer: string
  readonly orderer: string
  readonly admin: string
  readonly ordererAdmin: string
  readonly chaincode: string
}

/** Paths of a network. */
export interface Layout {
  readonly folder: string
  /** Description and assigned ports: see state.ts. */
  readonly state: string
  readonly lock: string
  readonly genesis: string
  readonly packages: string
  readonly builder: string
  readonly profiles: string
  readonly facts: string
  /** What organizations on other machines give to each other: see public-part.ts. */
  readonly publicParts: string
  readonly run: string
  readonly logs: string
  org (name: string): OrgLayout
  profile (name: string): string
  log (node: string): string
}

/** The layout of a data folder. */
export function layoutOf (folder: string): Layout {
  const root = resolve(folder)
  const at = (...parts: string[]): string => join(root, ...parts)
  return {
    folder: root,
    state: at('network.json'),
    lock: at('lock.json'),
    genesis: at('channel', 'genesis.block'),
    packages: at('channel', 'packages'),
    builder: at('builder'),
    profiles: at('profiles'),
    facts: at('network-facts.json'),
    publicParts: at('public'),
    run: at('run'),
    logs: at('logs'),
    org: (name) => orgLayout(at('orgs', name)),
    profile: (name) => at('profiles', `${name}.json`),
    log: (node) => at('logs', `${node}.log`)
  }
}

/** The layout of one organization's folder. */
export function orgLayout (folder: string): OrgLayout {
  const at = (...parts: string[]): string => join(folder, ...parts)
  return {
    folder,
    ca: at('ca'),
    registrarSecret: at('ca', 'registrar-secret'),
    peer: at('peer'),
    orderer: at('orderer'),
    admin: at('admin'),
    ordererAdmin: at('orderer-admin'),
    chaincode: at('chaincode')
  }
}
