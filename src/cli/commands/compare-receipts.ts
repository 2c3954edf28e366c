import { fromBase64url } from '../../core/bytes.js'
import type { Sentences } from '../../core/findings.js'
import { RECEIPT_LIMITS } from '../../core/receipt.js'
import { BUNDLE_LIMITS } from '../../core/trust-bundle.js'
import { isAccepted } from '../../core/trust.js'
import { compareReceipts, type Language, parseReceipt, type ReceiptComparison } from '../../core/verify.js'
import { keyRemarks } from '../../core/verify/judge-proof.js'
import { openTrust } from '../../core/verify/trust-root.js'
import { nodeCrypto } from '../../platform/node.js'
import { CliError } from '../errors.js'
import { EXIT } from '../exit-codes.js'
import { readUpTo } from '../files.js'
import { logOf, pinsFor } from '../pins.js'
import { present } from '../present.js'
import type { Terminal } from '../terminal.js'

export interface CompareOptions {
  readonly trust?: string
  readonly pin?: string
  readonly trustAsGiven?: boolean
  readonly lang?: Language
}

interface Said { readonly exitCode: number, readonly sentences: Sentences }

const SAID: Readonly<Record<ReceiptComparison, Said>> = {
  equivocation: {
    exitCode: EXIT.failed,
    sentences: {
      en: 'EQUIVOCATION: the operator signed two different records for one position of its log; keep both files, they prove it',
      zh: '存在矛盾承诺：运营方对其日志的同一位置签署了两份不同的记录；请保留两份文件，它们即为证据'
    }
  },
  same: { exitCode: EXIT.ok, sentences: { en: 'both receipts promise the same record', zh: '两份回执承诺的是同一记录' } },
  unrelated: {
    exitCode: EXIT.ok,
    sentences: { en: 'the receipts are for different positions, or different logs: nothing contradicts', zh: '两份回执属于不同位置或不同日志：没有矛盾' }
  },
  unsigned: {
    exitCode: EXIT.couldNotCheck,
    sentences: {
      en: 'could not be checked: not both are signed by a receipt key of a trust bundle that is relied on (--trust with --pin, a stored pin or --trust-as-given)',
      zh: '未能核验：并非两份回执都由受信任的信任包中的回执密钥签署（--trust 配合 --pin、已存指纹或 --trust-as-given）'
    }
  },
  unreadable: { exitCode: EXIT.couldNotCheck, sentences: { en: 'could not be checked: not both files are receipts', zh: '未能核验：并非两份文件都是回执' } }
}

/** Compares two receipts by themselves. Resolves with 1 when they contradict, 2 when that could not be checked. */
export async function compare (files: readonly [string, string], options: CompareOptions, terminal: Terminal): Promise<number> {
  const first = await readUpTo(files[0], RECEIPT_LIMITS.bytes, EXIT.couldNotCheck)
  const second = await readUpTo(files[1], RECEIPT_LIMITS.bytes, EXIT.couldNotCheck)
  const bundle = options.trust === undefined ? undefined : await readUpTo(options.trust, BUNDLE_LIMITS.bytes, EXIT.couldNotCheck)
  const pins = await pinsFor(bundle === undefined ? undefined : logOf(bundle), options.pin)
  const { trust, root } = openTrust(nodeCrypto, { bundleSource: 'given', pins, ...present({ bundle, trustAsGiven: options.trustAsGiven }) })
  const keys = isAccepted(trust.state) ? [...root?.keys.values() ?? []].map(({ spki }) => fromBase64url(spki)) : []
  const comparison = compareReceipts(nodeCrypto, first, second, keys)
  const { exitCode, sentences } = SAID[comparison]
  const positions = comparison === 'unreadable' ? [] : [first, second].map(positionOf)
  // Of keys of a bundle that is not relied on nothing is said.
  const keyIds = keys.length === 0 ? [] : [...new Set(positions.map(({ keyId }) => keyId))]
  const remarks = keyIds.flatMap((keyId) => keyRemarks(present({ root }), { receipt: { statement: { keyId } } }))
  const language = options.lang ?? 'en'
  terminal.result(
    [...positions.map(({ log, sequence, number }, i) => `${files[i] ?? ''}: ${log} ${sequence}, ${number}`), sentences[language], ...remarks.map((each) => each.sentences[language]), trust.sentences[language]].join('\n'),
    { comparison, exitCode, sentences, receipts: positions, remarks, trust }
  )
  return exitCode
}

function positionOf (bytes: Uint8Array): { log: string, sequence: string, number: string, keyId: string } {
  const { record: { log, sequence, number }, statement: { keyId } } = parseReceipt(bytes)
  return { log, sequence, number, keyId }
}

/** The two files of a doubled --receipt; what else is on the command line has to make sense with them. */
export function pairOf (receipts: readonly string[], others: readonly unknown[]): readonly [string, string] {
  const [first, second] = receipts
  if (first === undefined || second === undefined || receipts.length > 2 || others.some((other) => other !== undefined)) {
    throw new CliError({ code: 'USAGE', message: 'two --receipt are compared with each other: not more, and without FILE, --proof, --status or --min-organizations' })
  }
  return [first, second]
}
