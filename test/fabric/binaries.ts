import { findBinaries, type Binaries } from '../../network/native/binaries.js'

/** Fabric's programs, or why the tests that need them are skipped. scripts/test-fabric fails without them instead. */
export function fabricBinaries (): { readonly binaries?: Binaries, readonly skip: string | false } {
  try {
    return { binaries: findBinaries(), skip: false }
  } catch {
    return { skip: 'needs the official Fabric binaries: set FABRIC_BIN and FABRIC_CFG_PATH' }
  }
}
