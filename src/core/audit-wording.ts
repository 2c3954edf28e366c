/**
 * Every sentence of an audit's findings, in English and Chinese, beside those of a verification (wording.ts): a court-appointed expert or a
 * judge reads them. What a rule refused in detail stays in its technical English, after what the rule is about.
 * @module
 */
import type { FabricCode } from './fabric/refusal.js'
import type { Sentences } from './findings.js'
import type { LogRefusalCode } from './log-process.js'

const say = (en: string, zh: string): Sentences => ({ en, zh })

/** Sentences one after the other. */
export function joined (sentences: readonly Sentences[]): Sentences {
  return say(sentences.map(({ en }) => en).join('; '), sentences.map(({ zh }) => zh).join('；'))
}

const REFUSED: Readonly<Record<FabricCode, string>> = {
  MALFORMED: '字节不是所应有的消息或证书，或编码不唯一',
  HEADER: '区块头不成立',
  GENESIS: '创世区块不是信任身份所指的区块',
  CHANNEL: '属于另一通道',
  LAST_CONFIG: '所签的最新配置不是所用的配置',
  ORDERER_SIGNATURE: '排序节点的签名不成立、重复或形式不符',
  ORDERER_UNKNOWN: '签名者不是现行配置中的排序节点',
  ORDERER_QUORUM: '签名的排序节点数量不足',
  CONFIG: '配置区块与前一配置不相承接',
  TRANSACTION_INDEX: '区块中没有该交易',
  TRANSACTION_TYPE: '不是背书交易',
  TRANSACTION_ACTIONS: '交易不是恰有一个操作',
  TRANSACTION_ID: '交易编号不是随机数与创建者的摘要',
  TRANSACTION_FORM: '交易的各部分相互矛盾',
  CREATOR: '创建者身份无效，或其签名不成立',
  PROPOSAL_HASH: '所背书的摘要不是该提案的摘要',
  PROPOSAL: '查询的内容不同',
  RESPONSE_STATUS: '应答状态不是 200',
  CHAINCODE: '属于另一链码，或其版本不在已知定义之列',
  READ_WRITE_SET: '读写集不是该函数所应有的',
  READ_VERSION: '所读的键是另一版本',
  ENDORSER: '背书者不是配置中有效的节点身份',
  ENDORSER_SIGNATURE: '背书签名不成立',
  ENDORSER_TWICE: '同一机构背书两次',
  ENDORSEMENT_POLICY: '背书者不满足背书策略',
  IDENTITY: '所引用的身份缺失，或与其摘要不符',
  DEFINITION: '该区块没有提交链码的定义',
  VALIDATION_CODE: '账本未接受该交易',
  ENVELOPE: '应答中的信封与区块中的不同',
  BUNDLE_OLDER: '信任包早于所用的配置',
  UNSUPPORTED: '本版本不读取的算法、共识类型或策略'
}

const LOG_REFUSED: Readonly<Record<LogRefusalCode, string>> = {
  FORBIDDEN: '调用者无权写入',
  NOT_OPEN: '日志尚未开启',
  ALREADY_OPEN: '日志已以其他参数开启',
  FORMAT: '参数无法读取',
  BOUNDS: '大小、数量或位置超出日志的许可范围',
  GAP: '编号或序号与日志末尾不相承接',
  FORK: '该编号下已有另一批次头',
  HEAD: '所承接的不是日志的头',
  CLOCK: '交易时间与背书者的时钟相差过大',
  TIME_BACKWARDS: '早于日志的上一次变更',
  SEALED_IN_FUTURE: '封存时间在未来',
  ROOT_KNOWN: '该根已锚定在另一编号下',
  NOT_FOUND: '没有该项',
  KEY_KNOWN: '该密钥已经登记',
  KEY_UNKNOWN: '没有登记该密钥',
  KEY_REVOKED: '该密钥已经撤销',
  STATE: '账本所载无法读取'
}

/** What is said of blocks and transactions. */
export const BLOCK_SAYS = {
  refused: (code: FabricCode, detail: string) => say(`${detail} (${code})`, `${REFUSED[code]}（${code}：${detail}）`),
  otherGenesis: (hash: string, wanted: string) => say(`its hash is ${hash}, not ${wanted}`, `其摘要为 ${hash}，而非 ${wanted}`),
  noGenesis: say('not a block 0, or not with these data', '不是创世区块，或数据不是其数据'),
  otherNumber: (number: bigint) => say(`it calls itself block ${number}`, `其自称为区块 ${number}`),
  otherPrevious: (stated: string, height: number, hash: string) => say(
    `its previous hash is ${stated}, and block ${height} has ${hash}`, `其前一区块摘要为 ${stated}，而区块 ${height} 的摘要为 ${hash}`),
  otherData: say('its data hash is not that of its data', '其数据摘要不是其数据的摘要'),
  missing: (comes: bigint) => say(`it is missing: block ${comes} comes in its place`, `缺失：在其位置的是区块 ${comes}`),
  otherCode: (said: string | undefined, code: string) => say(
    `the peer says ${said ?? 'no code'}; from the blocks it is ${code}`, `节点称${said === undefined ? '无验证码' : `为 ${said}`}；由区块得出为 ${code}`),
  codesLeft: (codes: number, transactions: number) => say(`${codes} codes for ${transactions} transactions`, `${transactions} 笔交易有 ${codes} 个验证码`),
  otherCommitHash: (hash: string) => say(`the peer's commit hash is not ${hash}`, `节点的提交摘要不是 ${hash}`)
} as const

/** What could not be decided, and why. */
export const DOUBTS = {
  orderers: say('the orderers\' signatures', '排序节点的签名'),
  configuration: say('the configuration', '配置'),
  codes: say('the peer\'s validation codes', '节点的验证码'),
  code: say('the validation code of a transaction', '一笔交易的验证码'),
  commitHash: say('a commit hash', '提交摘要'),
  write: say('a write into a log', '对日志的一次写入'),
  noCodes: say('blocks that carry none: they were not committed by a peer', '区块不含验证码：未经节点提交'),
  noCommitHash: say('the block or the one before it carries none', '该区块或前一区块不含提交摘要'),
  undecided: say('it follows from a transaction that could not be decided', '它取决于一笔无法判定的交易'),
  keyPolicies: say('keys have endorsement policies of their own, which are not read here', '有的键有自己的背书策略，本程序不读取'),
  setsKeyPolicies: say('it sets key-level endorsement policies, which are not read here', '它设定键级背书策略，本程序不读取'),
  unknownWrites: say('what it read was written by one that cannot be read here', '它所读的内容由一笔本程序无法读取的交易写入'),
  identity: (reason: string) => say(`an identity of a kind that is not read here (${reason})`, `身份属于本程序不读取的种类（${reason}）`),
  form: (detail: string) => say(`a form that is not read here: ${detail}`, `本程序不读取的形式：${detail}`),
  policy: say('the policy is of a kind that is not read here', '背书策略属于本程序不读取的种类'),
  definedPolicy: say('an endorsement policy of a kind that is not read here', '所定义的背书策略属于本程序不读取的种类'),
  plugin: (name: string) => say(`the validation plugin ${name} is not run here`, `本程序不运行验证插件 ${name}`),
  lifecyclePolicy: say('the channel has no lifecycle policy of its own, and Fabric\'s default is not read here', '通道没有自己的生命周期策略，本程序不读取 Fabric 的默认策略'),
  oldChaincode: say('a chaincode of Fabric 1.x is not read here', '本程序不读取 Fabric 1.x 的链码'),
  definition: say('a definition that cannot be read', '无法读取的链码定义'),
  forgotten: say('it repeats a batch that was anchored long before, which is not kept', '它重复了很早以前锚定、已不再保留的批次')
} as const

/** What is otherwise in a log than its rules have it. */
export const LOG_SAYS = {
  otherCall: say('another chaincode, or a call that cannot be read, wrote into the log\'s state', '另一链码，或无法读取的调用，写入了日志的状态'),
  noFunction: (name: string) => say(`${name} is no function that writes`, `${name} 不是会写入的函数`),
  refused: (code: LogRefusalCode, detail: string) => say(
    `the log's rules refuse it: ${code}: ${detail}`, `日志规则不许可：${LOG_REFUSED[code]}（${code}：${detail}）`),
  otherValue: (key: string) => say(`it wrote another value under ${key} than the log's rules give`, `它在 ${key} 下写入的值与日志规则的结果不同`),
  otherCount: (wrote: number, wanted: number) => say(
    `it wrote ${wrote} keys where the log's rules give ${wanted}`, `它写入了 ${wrote} 个键，而日志规则的结果为 ${wanted} 个`),
  otherAnswer: say('it answered otherwise than the log\'s rules do', '其应答与日志规则的结果不同')
} as const

/** What of a proof, or of a batch as somebody states it, is otherwise than in the blocks. */
export const PROOF_SAYS = {
  attestations: (code: string) => say(`its attestations are not of their form (${code})`, `其证明材料的形式不符（${code}）`),
  record: (sequence: string) => say(`record ${sequence} is not in the batch at its place`, `记录 ${sequence} 不在批次中其应在的位置`),
  logPath: say('its log path does not lead to the log after its batch', '其日志路径不通向该批次之后的日志'),
  receiptKey: say('its receipt key is not registered on the ledger for this batch', '其回执密钥未在账本上就该批次登记'),
  noBatch: (number: string, log: string) => say(`the ledger has no batch ${number} of the log ${log}`, `账本上没有日志 ${log} 的批次 ${number}`),
  laterBatch: (number: string, log: string, height: number) => say(
    `batch ${number} of the log ${log} is not in these ${height} blocks, and may be later`, `日志 ${log} 的批次 ${number} 不在这 ${height} 个区块中，可能更晚`),
  otherHeader: say('the ledger holds another header under this number', '账本在该编号下载有另一批次头'),
  otherPlace: (transaction: number, block: number, statedTransaction: string, statedBlock: bigint) => say(
    `it stands in transaction ${transaction} of block ${block}, not in ${statedTransaction} of ${statedBlock}`,
    `它在区块 ${block} 的交易 ${transaction} 中，而非区块 ${statedBlock} 的交易 ${statedTransaction}`),
  otherBlock: (number: bigint) => say(`block ${number} is another on the channel`, `通道上的区块 ${number} 是另一区块`),
  readbackUnread: (detail: string) => say(`its read-back cannot be read: ${detail}`, `其回读无法读取：${detail}`),
  readbackEntry: say('its read-back is of another entry than the ledger has', '其回读的条目与账本所载不同'),
  readbackVersion: say('its read-back read the entry at another version', '其回读所读的条目是另一版本'),
  block: say('its block', '其区块'),
  readback: say('its read-back', '其回读'),
  noProof: say('it is not a proof, or was re-saved', '它不是证明文件，或经重新保存'),
  noLog: say('no log was opened in it', '其中没有开启日志'),
  unreadable: say('it cannot be read, here or on the ledger', '无法读取，在此处或在账本上'),
  notHere: say('the ledger has it and the data folder does not', '账本有而数据目录没有')
} as const

/** What of a trust bundle is otherwise than in the blocks. */
export const BUNDLE_SAYS = {
  channel: (stated: string, channel: string) => say(`it is of the channel ${stated}, not of ${channel}`, `其通道为 ${stated}，而非 ${channel}`),
  block: (what: Sentences, number: string) => say(`its ${what.en} of block ${number} is not the channel's`, `其区块 ${number} 的${what.zh}与通道不同`),
  leavesOut: (what: Sentences, number: number) => say(`it leaves out the ${what.en} of block ${number}`, `其缺少区块 ${number} 的${what.zh}`),
  configuration: say('configuration', '配置'),
  definition: say('definition', '链码定义')
} as const

/** What an audit's findings are about, and what it notes besides. */
export const AUDIT_SAYS = {
  block: (number: number) => say(`block ${number}`, `区块 ${number}`),
  transaction: (transaction: number, block: number) => say(`transaction ${transaction} of block ${block}`, `区块 ${block} 的交易 ${transaction}`),
  batch: (number: number) => say(`batch ${number}`, `批次 ${number}`),
  proof: (name: string) => say(`proof ${name}`, `证明文件 ${name}`),
  bundle: say('the trust bundle', '信任包'),
  dataFolder: say('the data folder', '数据目录'),
  inBlock: (what: Sentences, block: number) => say(`${what.en}, in block ${block}`, `区块 ${block} 中的${what.zh}`),
  times: (what: Sentences, count: number, block: number) => say(
    `${what.en}, ${count} times from block ${block} on`, `自区块 ${block} 起 ${count} 次：${what.zh}`),
  others: (count: number) => say(`${count} further things`, `另有 ${count} 项`),
  moreKinds: say('of more kinds than are told apart', '种类多于所区分的数量'),
  blocksLeft: (count: number, height: number) => say(`the ${count} blocks after block ${height}`, `区块 ${height} 之后的 ${count} 个区块`),
  standOnOne: say('they stand on one that cannot be gone on from', '它们所承接的区块无法继续'),
  channel: say('the channel', '通道'),
  noBlock: say('there is no block', '没有区块'),
  whichChannel: say('which channel this is', '这是哪一通道'),
  nobodySaid: (genesis: string) => say(
    `nobody said what the hash of block 0 has to be; it is ${genesis}`, `没有指明创世区块的摘要应为何；其摘要为 ${genesis}`),
  channelToBe: say('which channel this has to be', '这应是哪一通道'),
  notPinned: (print: string) => say(
    `the trust bundle's fingerprint ${print} is not one that was pinned`, `信任包的指纹 ${print} 不是已固定的指纹`),
  olderProof: (object: Sentences, missing: readonly Sentences[]) => say(
    `${object.en} is older than the ledger's part of it and was compared without ${missing.map(({ en }) => en).join(' and ')}`,
    `${object.zh}早于其账本部分，比对时没有${missing.map(({ zh }) => zh).join('和')}`),
  newerBatches: (count: number) => say(
    `${count} batches of the data folder are not in these blocks: they are newer, or wait for the ledger`, `数据目录中有 ${count} 个批次不在这些区块中：它们更新，或在等待账本`),
  newerBundle: (number: string) => say(
    `the trust bundle knows of block ${number}, which is not among these blocks`, `信任包提及区块 ${number}，而它不在这些区块之中`)
} as const
