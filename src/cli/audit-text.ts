import type { Language } from '../core/report-text.js'
import type { AuditReport } from '../ops/audit/audit.js'
import type { DifferenceCode, Report } from '../ops/report.js'

type Sentences = Readonly<Record<Language, string>>

const HEADLINES: Readonly<Record<Report['outcome'], Sentences>> = {
  clean: { en: 'consistent: everything agrees with the blocks of the channel', zh: '一致：全部内容与通道的区块相符' },
  differs: { en: 'differs', zh: '不一致' },
  'could-not-check': { en: 'nothing differs, but not everything could be checked', zh: '未发现不一致，但有内容无法核验' }
}

/** What a difference means, before its details. */
const MEANINGS: Readonly<Partial<Record<DifferenceCode, Sentences>>> = {
  GENESIS_DIFFERS: { en: 'block 0 is not the one that was to be started from', zh: '创世区块与指定的起点不同' },
  BLOCK_DIFFERS: { en: 'the block does not follow from the one before it and the orderers\' signatures', zh: '该区块与前一区块或排序节点的签名不相承接' },
  CONFIGURATION_DIFFERS: { en: 'the configuration does not follow the one before it', zh: '该配置与前一配置不相承接' },
  VALIDATION_DIFFERS: { en: 'the peer says of the transaction otherwise than the blocks', zh: '节点对该交易有效性的说法与区块不符' },
  COMMIT_HASH_DIFFERS: { en: 'the peer committed something else', zh: '节点提交的内容与区块不符' },
  LOG_RULES_DIFFER: { en: 'the ledger holds what the rules of the log do not give', zh: '账本所载与日志规则的结果不符' },
  BUNDLE_DIFFERS: { en: 'the trust bundle has another history than the channel', zh: '信任包的历史与通道不同' },
  PROOF_DIFFERS: { en: 'it is otherwise in the blocks', zh: '与区块所载不符' }
}

/** What was counted. */
const COUNTED: Readonly<Record<string, string>> = {
  blocks: '个区块', transactions: '笔交易', 'writes into logs': '次日志写入', proofs: '份证明', 'batches of the data folder': '个数据目录中的批次'
}

/** The report as a terminal shows it. */
export function auditText (report: AuditReport, language: Language): string {
  const say = <T>(en: T, zh: T): T => language === 'en' ? en : zh
  const { first, differences, examples, checked, couldNotCheck, outcomes } = report
  const notes = say(report.notes, report.notesZh ?? report.notes)
  const sign = say(': ', '：')
  const counted = (name: string): string => say(` ${name}`, COUNTED[name] ?? ` ${name}`)
  const list = (counts: Readonly<Record<string, number>>): string => {
    return Object.entries(counts).map(([name, count]) => `${count}${counted(name)}`).join(say(', ', '，'))
  }
  return [
    HEADLINES[report.outcome][language] + (first === undefined ? '' : say(`: ${differences}; the first is`, `：共 ${differences} 处，第一处为`)),
    ...examples.slice(0, 11).map(({ code, zh, ...en }) => {
      const { object, says } = say(en, zh ?? en)
      return `  ${object} (${code})${sign}${MEANINGS[code]?.[language] ?? ''}${sign}${says}`
    }),
    ...(differences > 11 ? [say(`  ... and ${differences - 11} more (--json has the first 100)`, `  ……另有 ${differences - 11} 处（--json 列出前 100 处）`)] : []),
    ...couldNotCheck.map(({ zh, ...en }) => {
      const { what, why } = say(en, zh ?? en)
      return `${say('could not check', '无法核验')} ${what}${sign}${why}`
    }),
    ...notes.map((note) => `${say('note', '附注')}${sign}${note}`),
    `${say('channel', '通道')}    ${report.channel}`,
    `${say('block 0', '创世区块')}    ${report.genesis}`,
    `${say('last block', '最后区块')} ${report.height - 1}, ${report.lastBlock}`,
    ...report.logs.map(({ log, size, root }) => `${say('log', '日志')}        ${log}: ${say(`${size} batches`, `${size} 个批次`)}, ${root}`),
    `${say('transactions', '交易')} ${list(outcomes)}`,
    `${say('checked', '已核验')} ${list(checked)}`
  ].join('\n')
}
