import { readFile } from 'node:fs/promises'
import { claimText } from '../core/claim.js'
import { CliError } from './errors.js'
import { fileError } from './files.js'

/** A claim as the service takes it. */
export interface WalletClaim { readonly text: string, readonly address: string, readonly signature: string }

/** Signs claims with a wallet of its own. */
export type SignClaim = (sha256: string) => Promise<WalletClaim>

/**
 * Opens an encrypted wallet (Web3 Secret Storage, as wallets export it). The password comes from a file, without its final newline;
 * the key stays in this process.
 * @throws CliError USAGE when the file is no wallet, or the password does not open it
 */
export async function openWallet (file: string, passwordFile: string | undefined): Promise<SignClaim> {
  if (passwordFile === undefined) throw new CliError({ code: 'USAGE', message: '--wallet needs --wallet-password FILE' })
  const [json, password] = await Promise.all([read(file), read(passwordFile)])
  const { Wallet } = await import('ethers') // half a second to load, for those who sign only
  let wallet: Awaited<ReturnType<typeof Wallet.fromEncryptedJson>>
  try {
    wallet = await Wallet.fromEncryptedJson(json, password.replace(/\r?\n$/, ''))
  } catch (cause) {
    throw new CliError({ code: 'USAGE', message: `${file} is not an encrypted wallet, or the password does not open it`, cause })
  }
  return async (sha256) => {
    const text = claimText(sha256)
    return { text, address: wallet.address.toLowerCase(), signature: await wallet.signMessage(text) }
  }
}

async function read (file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw fileError(file, 'read', cause)
  }
}
