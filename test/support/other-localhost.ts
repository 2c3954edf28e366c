/**
 * Preloaded into a process (`node --import`), it gives the name `localhost` the address OTHER_LOCALHOST, as that process sees it: what is configured
 * by name, or found by discovery, is then reached there, on the same ports. OTHER_LOCALHOST_OF: a part of the path of the program that is meant.
 */
import dns from 'node:dns'

const { OTHER_LOCALHOST: address = '', OTHER_LOCALHOST_OF: meant = '' } = process.env

if (process.argv[1]?.includes(meant) === true) {
  const renamed = <F extends (...args: never[]) => unknown>(lookup: F): F => new Proxy(lookup, {
    apply: (target, self, [hostname, ...rest]) => Reflect.apply(target, self, [hostname === 'localhost' ? address : hostname, ...rest]) as unknown
  })
  Object.assign(dns.promises, { lookup: renamed(dns.promises.lookup) })
  Object.assign(dns, { lookup: renamed(dns.lookup) })
}
