/**
 * Machines of a test: network namespaces with an address each, joined by a bridge that this process is on as well.
 */
import { execFileSync } from 'node:child_process'
import type { Test } from 'tap'

/** One of them. */
export interface Machine {
  readonly address: string
  /** The command that runs another one on it. */
  readonly enter: readonly string[]
  /** Unplugs it, or plugs it in again. */
  connect (connected: boolean): void
}

const ip = (...args: string[]): void => { execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] }) }

/** Why there can be none, or false. */
export function namespacesMissing (): string | false {
  const name = `sy${process.pid}-probe`
  try {
    ip('netns', 'add', name)
    ip('netns', 'del', name)
    return false
  } catch {
    return 'needs root and network namespaces (ip netns)'
  }
}

/** As many machines as there are names; they are gone after the test. */
export function machines (t: Test, names: readonly string[]): Map<string, Machine> {
  const id = process.pid % 60_000
  const subnet = `10.${200 + id % 50}.${Math.floor(id / 50) % 250}`
  const bridge = `sy${id}`
  ip('link', 'add', bridge, 'type', 'bridge')
  t.teardown(() => { ip('link', 'del', bridge) })
  ip('addr', 'add', `${subnet}.1/24`, 'dev', bridge)
  ip('link', 'set', bridge, 'up')
  return new Map(names.map((name, i) => [name, machine(t, { name: `sy${id}-${name}`, cable: `${bridge}v${i}`, bridge, address: `${subnet}.${11 + i}` })]))
}

function machine (t: Test, { name, cable, bridge, address }: { name: string, cable: string, bridge: string, address: string }): Machine {
  const enter = ['ip', 'netns', 'exec', name]
  const inside = (...args: string[]): void => { ip('-n', name, ...args) }
  ip('netns', 'add', name)
  t.teardown(() => { ip('netns', 'del', name) })
  ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name)
  ip('link', 'set', cable, 'master', bridge, 'up')
  inside('addr', 'add', `${address}/24`, 'dev', 'eth0')
  inside('link', 'set', 'lo', 'up')
  inside('link', 'set', 'eth0', 'up')
  return { address, enter, connect: (connected) => { ip('link', 'set', cable, connected ? 'up' : 'down') } }
}
