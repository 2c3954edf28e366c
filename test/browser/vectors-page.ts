import { createBrowserCrypto } from '../../src/platform/browser.js'
import { type AllVectors, checkVectors } from '../support/vectors.js'

declare global {
  // What the test calls in the page.
  var checkAll: (vectors: string) => Promise<ReturnType<typeof checkVectors>>
}

globalThis.checkAll = async (vectors) => checkVectors(await createBrowserCrypto(), JSON.parse(vectors) as AllVectors)
