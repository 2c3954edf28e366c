/**
 * DESIGN.md section 4, as rules: dependencies point down only.
 *
 *   core <- platform, ledger, store <- notary <- ops <- http, cli, web <- main
 *   network may use core and platform only; only main and cli may use network
 *
 * Types count as dependencies. Run by `npm run lint`.
 */
const CORE = '^src/core/'
const NPM = ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown', 'unknown', 'undetermined']

/** `folder` may reach, within this project, only what matches one of `allowed` (and itself). */
function layer (name, folder, allowed, except) {
  return {
    name,
    severity: 'error',
    comment: `${folder} may use ${allowed.join(', ') || 'nothing else'} of this project`,
    from: { path: folder, ...(except && { pathNot: except }) },
    to: { path: '^(src|network|chaincode|scripts|test)/', pathNot: [folder, ...allowed] }
  }
}

module.exports = {
  forbidden: [
    {
      name: 'no-circles',
      severity: 'error',
      comment: 'no circles, of types either',
      from: {},
      to: { circular: true }
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'every import must lead somewhere; tests load the built chaincode from beside dist',
      from: {},
      to: { couldNotResolve: true, pathNot: 'chaincode/dist/' }
    },

    layer('core-knows-nobody', CORE, []),
    {
      name: 'core-has-no-node',
      severity: 'error',
      comment: 'core runs in the browser and in the chaincode as well: no node: modules',
      from: { path: CORE },
      to: { dependencyTypes: ['core'] }
    },
    {
      name: 'core-packages',
      severity: 'error',
      comment: 'core needs no package',
      from: { path: CORE },
      to: { dependencyTypes: NPM }
    },
    {
      name: 'verifier-needs-no-io',
      severity: 'error',
      comment: 'whatever the public verifier reaches is core',
      from: { path: '^src/core/verify\\.ts$' },
      to: { reachable: true, path: '^(src|network|node_modules)/|^node:', pathNot: CORE }
    },

    {
      name: 'messages-are-written-elsewhere',
      severity: 'error',
      comment: 'the message classes of fabric-protos write and change messages, for ledger and network; core reads them itself',
      from: { path: '^src/', pathNot: '^src/ledger/' },
      to: { path: 'node_modules/(@hyperledger/fabric-protos|google-protobuf)/' }
    },

    layer('platform-above-core', '^src/platform/', [CORE]),
    layer('ledger-above-core', '^src/ledger/', [CORE, '^src/platform/']),
    layer('store-above-core', '^src/store/', [CORE, '^src/platform/']),
    layer('notary-above-ledger-and-store', '^src/notary/', [CORE, '^src/(platform|ledger|store)/']),
    layer('ops-above-notary', '^src/ops/', [CORE, '^src/(platform|ledger|store|notary|ops|config)']),
    layer('http-above-notary', '^src/http/', [CORE, '^src/(platform|ledger|store|notary|ops)/']),
    layer('web-stands-alone', '^src/web/', [CORE, '^src/platform/']),
    layer('cli-above-notary', '^src/cli/', [CORE, '^src/(platform|ledger|store|notary|ops|config)', '^network/'], '^src/cli/commands/serve\\.ts$'),
    layer('network-knows-fabric-only', '^network/', [CORE, '^src/platform/']),
    layer('chaincode-knows-core-only', '^chaincode/', [CORE, '^dist/src/core/']),
    {
      name: 'network-only-from-main-and-cli',
      severity: 'error',
      comment: 'the service sees a ledger, never the network that makes it',
      from: { path: '^src/', pathNot: '^src/(main\\.ts$|cli/)' },
      to: { path: '^network/' }
    },
    {
      name: 'nobody-needs-main',
      severity: 'error',
      comment: 'main is wiring; `steelyard serve` alone starts it',
      from: { path: '^(src|network)/', pathNot: ['^src/main\\.ts$', '^src/cli/commands/serve\\.ts$'] },
      to: { path: '^src/main\\.ts$' }
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: '^(src|network|chaincode/src|scripts)/' },
      to: { path: '^test/' }
    },

    {
      name: 'merkletreejs-in-one-place',
      severity: 'error',
      comment: 'its other functions are wrong for evidence (DESIGN.md section 3)',
      from: { path: '^(src|network)/', pathNot: '^src/notary/batch-tree\\.ts$' },
      to: { path: 'node_modules/merkletreejs/' }
    },
    {
      name: 'fabric-clients-behind-the-port',
      severity: 'error',
      comment: 'the archived client library sits alone behind the ledger port',
      from: { path: '^src/', pathNot: '^src/ledger/' },
      to: { path: 'node_modules/(fabric-network|fabric-common|fabric-ca-client|@hyperledger/fabric-gateway)/' }
    },
    {
      name: 'level-in-store-and-network',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/store/' },
      to: { path: 'node_modules/(level|classic-level|abstract-level)/' }
    },
    {
      name: 'no-development-packages-at-run-time',
      severity: 'error',
      comment: 'what ships may use production dependencies only',
      from: { path: '^(src|network|chaincode/src)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/@types/' }
    }
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', '^dist/', '^chaincode/dist/'] },
    exclude: { path: ['^dist/', '^src/web/.*\\.generated\\.'] },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default', 'types'] }
  }
}
