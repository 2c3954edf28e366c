import { printEvidenceNumber } from './evidence-number.js'
import type {
  FindingCode, FindingEvidence, FindingName, FindingState, OmissionCode, OmissionEvidence, Outcome, RemarkCode, RemarkEvidence,
  Sentences, Signers, TimeBound, TrustEvidence, TrustState
} from './findings.js'

/**
 * Every sentence that a verification says, in English and Chinese: the one place. DESIGN.md section 2 is law here: what is compared is
 * "consistent with what was deposited" or "differs"; a time is a bound with its source; what was not checked is said.
 * Pages, PDF and terminal take their words from here.
 */

type Said<E> = (evidence: E) => Sentences
const say = (en: string, zh: string): Said<unknown> => () => ({ en, zh })

const HOUR = 3_600_000

/** `2026-11-23 18:02:37 +08:00` of an RFC 3339 UTC time. Rounded up to the second, so that a bound never becomes earlier. */
export function localTime (time: string): string {
  const shifted = new Date(Math.ceil(Date.parse(time) / 1000) * 1000 + 8 * HOUR).toISOString()
  return `${shifted.slice(0, 10)} ${shifted.slice(11, 19)} +08:00`
}

/** The clock part of `localTime` when it falls on the same day as `other`, else all of it. */
function laterTime (time: string, other: string): string {
  const text = localTime(time)
  return text.slice(0, 10) === localTime(other).slice(0, 10) ? text.slice(11, 19) : text
}

/** The first digits of a digest, for reading; the evidence holds all of it. */
export function short (hex: string): string {
  return `${hex.slice(0, 6)}..`
}

/** A fingerprint as people compare it: the first 16 digits in groups of four. */
export function shortFingerprint (fingerprint: string): string {
  return (fingerprint.slice(0, 16).match(/.{4}/g) ?? []).join(' ')
}

function grouped (size: string): string {
  return size.replace(/\B(?=(\d{3})+$)/g, ',')
}

function digestsOf ({ sha256, sm3 }: { sha256: string, sm3?: string }, and: string): string {
  return sm3 === undefined ? `SHA-256 ${short(sha256)}` : `SHA-256 ${short(sha256)}${and}SM3 ${short(sm3)}`
}

function equal (e: FindingEvidence['EXHIBIT_EQUAL'], en: string, zh: string): Sentences {
  const compared: { sha256: string, sm3?: string } = e.sm3Compared ? e : { sha256: e.sha256 }
  const bytes = e.size === undefined ? { en: '', zh: '' } : { en: ` (${grouped(e.size)} bytes)`, zh: `（${grouped(e.size)} 字节）` }
  const name = e.name === undefined ? { en: ' of the file', zh: '文件' } : { en: ` of "${e.name}"`, zh: `“${e.name}”` }
  const verb = compared.sm3 === undefined ? 'equals' : 'equal'
  return {
    en: `${digestsOf(compared, ' and ')}${name.en}${bytes.en} ${verb} ${en}`,
    zh: `${name.zh}${bytes.zh}的 ${digestsOf(compared, ' 和 ')} ${zh}`
  }
}

function bound (e: TimeBound, en: string, zh: string): Sentences {
  const seconds = Math.ceil(e.skewMs / 1000)
  return {
    en: `existed no later than ${localTime(e.by)}, by the clocks of ${en} (each within ${seconds} s)`,
    zh: `不晚于 ${localTime(e.by)} 已经存在，依据为${zh}的时钟（各自误差在 ${seconds} 秒以内）`
  }
}

function signers (e: Signers): Sentences {
  const found = { en: `found on the ledger no later than ${localTime(e.foundBy)}`, zh: `不晚于 ${localTime(e.foundBy)} 已在账本上查得` }
  return {
    en: `endorsed by ${e.endorsed.length} of ${plural(e.organizations, 'organization')}, ${e.independent} of them not the operator; ` +
      `signed by ${e.orderers} of ${plural(e.consenters, 'orderer')} (${e.quorum} needed); ${found.en}`,
    zh: `${e.organizations} 个机构中有 ${e.endorsed.length} 个背书，其中 ${e.independent} 个不是运营方；` +
      `${e.consenters} 个排序节点中有 ${e.orderers} 个签名（需要 ${e.quorum} 个）；${found.zh}`
  }
}

function oneOperator (e: Signers): Sentences {
  return {
    en: `${e.endorsed.length} of ${plural(e.organizations, 'organization')} endorsed, ${e.orderers} of ${plural(e.consenters, 'orderer')} signed: ` +
      `one operator holds every key; found on the ledger no later than ${localTime(e.foundBy)}`,
    zh: `${e.organizations} 个机构中有 ${e.endorsed.length} 个背书，${e.consenters} 个排序节点中有 ${e.orderers} 个签名：` +
      `所有密钥都由同一运营方持有；不晚于 ${localTime(e.foundBy)} 已在账本上查得`
  }
}

function plural (count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

const DOCUMENTS = {
  proof: { en: 'proof', zh: '证明文件' },
  receipt: { en: 'receipt', zh: '回执' },
  bundle: { en: 'trust bundle', zh: '信任包' },
  status: { en: 'ledger status', zh: '账本状态声明' }
} as const

type DocumentEvidence = FindingEvidence['DOCUMENT_MALFORMED']
function inDocument (en: (name: string) => string, zh: (name: string) => string): Said<DocumentEvidence> {
  return ({ document, path }) => ({
    en: en(DOCUMENTS[document].en) + (path === undefined ? '' : ` (at ${path})`),
    zh: zh(DOCUMENTS[document].zh) + (path === undefined ? '' : `（位置：${path}）`)
  })
}

/** How a missing rule of the ledger proof is put: the code stands for the exact reason, PROOF.md section 4 for the rule. */
function ledgerRule (en: string, zh: string): Said<{ reason: string }> {
  return ({ reason }) => ({ en: `${en} [${reason}]`, zh: `${zh} [${reason}]` })
}

const days = (n: number): string => plural(n, 'day')

const FINDINGS: { readonly [C in FindingCode]: Said<FindingEvidence[C]> } = {
  EXHIBIT_EQUAL: (e) => equal(e, e.sm3Compared ? 'those deposited' : 'that deposited', '与存证时一致'),
  EXHIBIT_EQUAL_TO_RECEIPT: (e) => equal(e, 'what the receipt states', '与回执所载一致'),
  EXHIBIT_EQUAL_TO_PROOF: (e) => equal(e, 'what the proof states; neither the receipt\'s signature nor the ledger could be checked',
    '与证明文件所载一致；但回执签名与账本均未能核验'),
  EXHIBIT_DIFFERS: ({ deposited, found }) => ({
    en: `the file differs from what was deposited: ${digestsOf(found, ' and ')}, deposited ${digestsOf(deposited, ' and ')}`,
    zh: `该文件与存证内容不一致：现为 ${digestsOf(found, ' 和 ')}，存证时为 ${digestsOf(deposited, ' 和 ')}`
  }),
  DIGESTS_DISAGREE: ({ deposited, found }) => ({
    en: `alarm: one digest equals and the other differs (${digestsOf(found, ' and ')}, deposited ${digestsOf(deposited, ' and ')}); ask an expert`,
    zh: `警示：一种摘要一致而另一种不一致（现为 ${digestsOf(found, ' 和 ')}，存证时为 ${digestsOf(deposited, ' 和 ')}），应请专家鉴定`
  }),
  SIZE_DIFFERS: ({ deposited, found }) => ({
    en: `the file has ${grouped(found)} bytes, and ${grouped(deposited)} bytes were deposited`,
    zh: `该文件为 ${grouped(found)} 字节，存证时为 ${grouped(deposited)} 字节`
  }),
  EXHIBIT_IS_STORED_FORM: say(
    'the file is the form that the operator stored, not the content itself: compare the content after decryption',
    '该文件是运营方存储的形式，而不是内容本身：请解密后再作比对'),
  EXHIBIT_MISSING: (e) => ({
    en: `no file was given to compare with; deposited was ${digestsOf(e, ' and ')}`,
    zh: `未提供用于比对的文件；存证内容为 ${digestsOf(e, ' 和 ')}`
  }),
  OTHER_LOG: say('the parts of the proof name different logs', '证明文件各部分所指的日志不一致'),
  RECORD_OUTSIDE_BATCH: say('the record\'s sequence number lies outside the batch', '该记录的序号不在所称批次之内'),
  RECORD_NOT_IN_BATCH: say('the record differs from what the batch holds at its position', '该记录与批次中相应位置的内容不一致'),
  DISCLOSURE_DIFFERS: ({ name }) => ({
    en: `the disclosed field "${name}" differs from what the record commits to`,
    zh: `所披露的字段“${name}”与记录所承诺的内容不一致`
  }),
  RECEIPT_DOES_NOT_BIND: say('the receipt is not one for this record', '该回执并非针对本记录'),
  RECEIPT_SIGNATURE_DIFFERS: say('the receipt\'s signature does not fit its content', '回执的签名与其内容不符'),
  DOCUMENT_RESAVED: inDocument(
    (name) => `the ${name} was saved again by another program, which changed its bytes: use the file as it was issued`,
    (name) => `${name}曾被其他程序重新保存，字节已经改变：请使用签发时的原文件`),
  DOCUMENT_UNREADABLE: inDocument((name) => `the ${name} cannot be read`, (name) => `${name}无法读取`),
  DOCUMENT_TOO_LARGE: inDocument((name) => `the ${name} is larger than any of its kind`, (name) => `${name}超出了格式允许的大小`),
  DOCUMENT_MALFORMED: inDocument((name) => `the ${name} does not have the form of one`, (name) => `${name}不符合规定的格式`),
  DOCUMENT_OF_ANOTHER_KIND: inDocument(
    (name) => `the file given as ${name} is of another kind, or of a version that this program does not read`,
    (name) => `作为${name}提供的文件属于其他种类，或属于本程序不支持的版本`),
  NOTHING_TO_VERIFY: say('neither a proof nor a receipt was given', '未提供证明文件或回执'),

  TIME_BOUND: (e) => bound(e, e.organizations.join(', '), e.organizations.join('、')),
  TIME_BY_UNKNOWN_CLOCKS: (e) => bound(e, `${plural(e.organizations.length, 'organization')} whose identity was not checked`,
    `身份未经核对的 ${e.organizations.length} 个机构`),
  TIME_RECEIVED_AFTER_SEALED: ({ receivedAt, sealedAt }) => ({
    en: `received ${localTime(receivedAt)} is later than sealed ${localTime(sealedAt)}`,
    zh: `接收时间 ${localTime(receivedAt)} 晚于封存时间 ${localTime(sealedAt)}`
  }),
  TIME_SEALED_AFTER_LEDGER: ({ sealedAt, by }) => ({
    en: `sealed ${localTime(sealedAt)} is later than the ledger's bound ${localTime(by)}`,
    zh: `封存时间 ${localTime(sealedAt)} 晚于账本时间界限 ${localTime(by)}`
  }),
  TIME_RECEIPT_AFTER_LEDGER: ({ signedAt, by }) => ({
    en: `the receipt is signed ${localTime(signedAt)}, which is later than the ledger's bound ${localTime(by)}`,
    zh: `回执签署时间 ${localTime(signedAt)} 晚于账本时间界限 ${localTime(by)}`
  }),
  TIME_READ_BEFORE_ANCHOR: say('the read-back is earlier than the anchor that it reads', '回读时间早于所回读的上链时间'),
  TIME_WITHOUT_LEDGER: say('without a ledger proof that was verified there is no bound of the time', '没有经过验证的账本证明，无法给出时间界限'),

  RECEIPT_BEFORE_RECEIVED: ({ receivedAt, signedAt }) => ({
    en: `the receipt is signed ${localTime(signedAt)}, before the content was received ${localTime(receivedAt)}`,
    zh: `回执签署时间 ${localTime(signedAt)} 早于接收时间 ${localTime(receivedAt)}`
  }),
  RECEIPT_DEADLINE_BEYOND_LOG: ({ signedAt, deadline, deadlineMs }) => ({
    en: `the receipt is signed ${localTime(signedAt)} and promises ${localTime(deadline)}: not within the ${plural(Math.floor(deadlineMs / 60_000), 'minute')} ` +
      'that the ledger allows',
    zh: `回执签署于 ${localTime(signedAt)}，承诺期限为 ${localTime(deadline)}：不在账本所允许的 ${Math.floor(deadlineMs / 60_000)} 分钟之内`
  }),

  LEDGER_ENDORSED: signers,
  LEDGER_ONE_OPERATOR: oneOperator,
  LEDGER_WITHOUT_PROOF: say('there is no proof to check against the ledger', '没有可与账本核对的证明文件'),
  LEDGER_INCOMPLETE: ({ missing }) => ({
    en: `the proof is not complete yet: it lacks ${missing.join(' and ')}; ask the operator for the final one`,
    zh: `证明文件尚不完整，缺少 ${missing.join('、')}；请向运营方索取最终的证明文件`
  }),
  LEDGER_BLOCK_DIFFERS: ledgerRule('the block differs from one that the ledger\'s orderers signed', '该区块与账本排序节点所签名的区块不一致'),
  LEDGER_ANCHOR_DIFFERS: ledgerRule('the anchor transaction differs from one that the organizations endorsed', '该上链交易与各机构所背书的交易不一致'),
  LEDGER_READ_BACK_DIFFERS: ledgerRule('the read-back differs from one that the organizations endorsed', '该回读与各机构所背书的回读不一致'),
  LEDGER_UNSUPPORTED: ({ part }) => ({
    en: `the ledger uses something that this program does not read: ${part}`,
    zh: `账本使用了本程序不支持的内容：${part}`
  }),
  LEDGER_LOG_PATH_DIFFERS: say('the batch differs from what the log holds at its position', '该批次与日志中相应位置的内容不一致'),
  LEDGER_PREVIOUS_HEAD_DIFFERS: say('the batch does not continue the log that came before it', '该批次与之前的日志不相衔接'),
  LEDGER_ENTRY_DIFFERS: say('what the ledger answered differs from what the transaction wrote', '账本的回读内容与交易写入的内容不一致'),
  LEDGER_HEADER_DIFFERS: say('the batch header differs from the one on the ledger', '批次头与账本上的批次头不一致'),
  LEDGER_HEAD_DIFFERS: say('the log\'s head differs from the one on the ledger', '日志头与账本上的日志头不一致'),
  LEDGER_KIND_DIFFERS: ({ stated, certificate }) => ({
    en: `the trust bundle says ${stated}, and the certificates say ${certificate}`,
    zh: `信任包称网络类型为 ${stated}，而证书所载为 ${certificate}`
  }),
  ATTESTATION_MALFORMED: ({ type }) => ({ en: `the attestation ${type} cannot be read`, zh: `证明材料 ${type} 无法读取` }),
  ATTESTATION_MISPLACED: ({ type }) => ({
    en: `the attestation ${type} is there twice, out of order, or said of something that it cannot attest`,
    zh: `证明材料 ${type} 重复出现、次序不对，或其指向的对象不正确`
  }),
  IDENTITY_UNUSED: say('the proof carries a certificate that signs nothing in it', '证明文件中含有未用于任何签名的证书'),
  RECEIPT_KEY_UNKNOWN: say(
    'the key that signed the receipt is not among those in the trust bundle; a newer bundle may have it',
    '签署回执的密钥不在信任包所列密钥之中；更新的信任包可能包含该密钥'),
  RECEIPT_KEY_OUT_OF_RANGE: ({ batch }) => ({
    en: `the key that signed the receipt was not registered for batch ${batch}`,
    zh: `签署回执的密钥未登记用于第 ${batch} 批次`
  }),
  BUNDLE_MISSING: say('no trust bundle was given: who keeps the ledger is not known', '未提供信任包：无法得知账本由谁维护'),
  BUNDLE_INVALID: ledgerRule('the trust bundle contradicts itself and was not used', '信任包自相矛盾，未予采用'),
  BUNDLE_OF_ANOTHER_LOG: ({ expected, found }) => ({
    en: `the trust bundle is for the log ${found}, and the evidence is of ${expected}`,
    zh: `信任包针对日志 ${found}，而本证据属于日志 ${expected}`
  }),
  BUNDLE_OLDER: ({ bundleBlock, block }) => ({
    en: `the bundle (made at block ${bundleBlock}) is older than the proof (block ${block}); get a newer one, the fingerprint stays the same`,
    zh: `信任包（截至区块 ${bundleBlock}）早于证明文件（区块 ${block}）；请获取更新的信任包，其指纹不变`
  }),
  TRUST_NOT_PINNED: (e) => ({
    en: `${(e.oneOperator ? oneOperator(e) : signers(e)).en}; but who these organizations are could not be checked: compare the fingerprint ${e.fingerprint} with one from elsewhere`,
    zh: `${(e.oneOperator ? oneOperator(e) : signers(e)).zh}；但无法核对这些机构的身份：请将指纹 ${e.fingerprint} 与其他来源公布的指纹比对`
  }),
  TRUST_PIN_DIFFERS: (e) => ({
    en: `the trust bundle has the fingerprint ${e.fingerprint}, and pinned is ${e.pinned.join(' or ')}`,
    zh: `信任包的指纹为 ${e.fingerprint}，而固定的指纹为 ${e.pinned.join('、')}`
  }),
  TOO_FEW_ORGANIZATIONS: ({ required, independent }) => ({
    en: `${independent} of the organizations that endorsed are not the operator, and ${required} were asked for`,
    zh: `背书机构中有 ${independent} 个不是运营方，少于所要求的 ${required} 个`
  }),
  RETIRED_NOT_LINKED: ({ block }) => ({
    en: `signed with retired keys (block ${block}), not linked to the later ledger`,
    zh: `由已停用的密钥签名（区块 ${block}），且未与之后的账本相衔接`
  }),
  LEDGER_CLOSED_HEAD_DIFFERS: ({ block }) => ({
    en: `the batch (block ${block}) is not below the head of the log that was attested when its keys were retired`,
    zh: `该批次（区块 ${block}）不在密钥停用时所证明的日志头之下`
  }),
  CLOSED_HEAD_UNKNOWN: ({ lastConfig }) => ({
    en: `the proof has a path to a head of the log that the bundle (configuration of block ${lastConfig}) does not have; get a newer one, the fingerprint stays the same`,
    zh: `证明文件所含路径指向的日志头不在信任包（区块 ${lastConfig} 的配置）中；请获取更新的信任包，其指纹不变`
  }),

  DEPOSITOR_KEY_ONLY: ({ organization }) => ({
    en: `deposited with a key of organization ${shortId(organization)}; no signature of its own`,
    zh: `由机构 ${shortId(organization)} 的密钥提交；没有存证人自己的签名`
  }),
  DEPOSITOR_SIGNATURE_UNSUPPORTED: ({ scheme }) => ({
    en: `the depositor's signature is of the scheme ${scheme}, which this program does not check`,
    zh: `存证人签名采用 ${scheme} 方案，本程序未作核验`
  }),
  DEPOSITOR_SIGNED: ({ organization, keyId }) => ({
    en: `deposited with a key of organization ${shortId(organization)}; a claim that names this content's SHA-256 is signed by the wallet ${keyId}; ` +
      'whose wallet that is is not stated',
    zh: `由机构 ${shortId(organization)} 的密钥提交；载明本内容 SHA-256 的声明由钱包 ${keyId} 签名；该钱包归何人所有，未作说明`
  }),
  DEPOSITOR_CLAIM_OTHER_CONTENT: ({ keyId }) => ({
    en: `the claim signed by ${keyId} does not name this content's SHA-256`,
    zh: `由 ${keyId} 签名的声明未载明本内容的 SHA-256`
  }),
  DEPOSITOR_SIGNATURE_DIFFERS: ({ keyId }) => ({
    en: `the signature over the claim is not by ${keyId}, the signer that the record names`,
    zh: `声明上的签名并非记录所载签名人 ${keyId} 所作`
  }),
  DEPOSITOR_UNKNOWN: say('no record could be read', '无法读取存证记录'),

  BEFORE_NOT_STATED: say('the depositor does not say when the content came into being; nothing before the deposit is covered',
    '存证人未说明内容的形成时间；存证之前的情况不在证明范围内'),
  BEFORE_NOT_DISCLOSED: say('when the content came into being is not disclosed in this proof; nothing before the deposit is covered',
    '内容的形成时间未在本证明中披露；存证之前的情况不在证明范围内'),
  BEFORE_CREATED: ({ created, days: n }) => ({
    en: `created ${created} according to the depositor: ${days(n)} before the deposit are not covered by this proof`,
    zh: `存证人称内容形成于 ${created}：存证之前的 ${n} 天不在本证明范围内`
  }),
  BEFORE_CREATED_AFTER_DEPOSIT: ({ created }) => ({
    en: `created ${created} according to the depositor, which is after the deposit`,
    zh: `存证人称内容形成于 ${created}，晚于存证时间`
  }),

  PROMISE_KEPT: ({ foundBy, deadline }) => ({
    en: `kept: on the ledger by ${localTime(foundBy)}, promised for ${localTime(deadline)}`,
    zh: `已履行：不晚于 ${localTime(foundBy)} 已上链，承诺期限为 ${localTime(deadline)}`
  }),
  PROMISE_OPEN: ({ deadline }) => ({
    en: `open until ${localTime(deadline)}: the operator still has time to anchor the deposit`,
    zh: `尚未到期：运营方应在 ${localTime(deadline)} 之前上链`
  }),
  PROMISE_OVERDUE: ({ deadline }) => ({
    en: `was due ${localTime(deadline)}; ask the operator for the proof, or for the leaf at this position`,
    zh: `已于 ${localTime(deadline)} 到期；请向运营方索取证明文件或该位置的叶子哈希`
  }),
  PROMISE_FOUND_LATE: ({ foundBy, deadline }) => ({
    en: `promised for ${localTime(deadline)}; the read-back shows it on the ledger only by ${localTime(foundBy)}`,
    zh: `承诺期限为 ${localTime(deadline)}；回读仅显示不晚于 ${localTime(foundBy)} 已在账本上`
  }),
  PROMISE_POSITION_FILLED: say(
    'the ledger holds a record at this position; only the proof shows whether it is this one',
    '账本在该位置已有记录；需凭证明文件确认是否为本记录'),
  PROMISE_NOT_YET_DUE: ({ deadline }) => ({
    en: `open: the ledger's status is from before ${localTime(deadline)}`,
    zh: `尚未到期：账本状态声明的时间早于 ${localTime(deadline)}`
  }),
  PROMISE_BROKEN_NOT_INCLUDED: ({ time, deadline }) => ({
    en: `broken: at ${localTime(time)} the ledger did not hold this position, promised for ${localTime(deadline)}`,
    zh: `未履行：截至 ${localTime(time)} 账本上没有该位置的记录，承诺期限为 ${localTime(deadline)}`
  }),
  PROMISE_BROKEN_LATE: ({ ledgerTime, deadline }) => ({
    en: `broken: anchored ${localTime(ledgerTime)}, promised for ${localTime(deadline)}`,
    zh: `未按期履行：上链时间 ${localTime(ledgerTime)}，承诺期限为 ${localTime(deadline)}`
  }),
  PROMISE_BROKEN_OTHER_RECORD: ({ sequence }) => ({
    en: `broken: position ${sequence} was given to another record as well; the two signed documents prove it`,
    zh: `已违反：位置 ${sequence} 另被分配给了不同的记录，两份签名文件即为证据`
  }),
  PROMISE_UNSIGNED: say('the receipt differs from what its key signed: it promises nothing', '回执与其密钥所签内容不一致，不构成承诺'),
  PROMISE_KEY_UNKNOWN: say(
    'the key that signed the receipt is not among those in a trust bundle that was checked',
    '签署回执的密钥不在已核对的信任包所列密钥之中'),
  PROMISE_NOT_PINNED: ({ fingerprint }) => ({
    en: `the key that signed the receipt is among those in the trust bundle, but whose bundle that is could not be checked: compare the fingerprint ${fingerprint} with one from elsewhere`,
    zh: `签署回执的密钥在信任包所列密钥之中，但无法核对信任包的来源：请将指纹 ${fingerprint} 与其他来源公布的指纹比对`
  }),
  PROMISE_RECEIPT_UNREADABLE: inDocument((name) => `the ${name} cannot be read`, (name) => `${name}无法读取`),
  PROMISE_OF_ANOTHER_DEPOSIT: say('the receipt and the proof are of different deposits', '回执与证明文件属于不同的存证'),
  PROMISE_STATUS_DIFFERS: ledgerRule('the ledger status differs from one that the organizations endorsed', '账本状态声明与各机构所背书的内容不一致'),
  PROMISE_STATUS_UNCHECKED: say('the ledger status could not be checked against a trust bundle', '账本状态声明无法依据信任包核对')
}

function shortId (id: string): string {
  return id.length > 8 ? `${id.slice(0, 4)}..` : id
}

const REMARKS: { readonly [C in RemarkCode]: Said<RemarkEvidence[C]> } = {
  ENDORSER_CERTIFICATE_EXPIRED: ({ organization, notAfter }) => ({
    en: `the certificate with which ${organization} endorsed ended ${localTime(notAfter)}, before the endorsement`,
    zh: `${organization} 背书所用证书已于 ${localTime(notAfter)} 到期，早于背书时间`
  }),
  ENDORSER_CERTIFICATE_NOT_YET_VALID: ({ organization, notBefore }) => ({
    en: `the certificate with which ${organization} endorsed begins ${localTime(notBefore)}, after the endorsement`,
    zh: `${organization} 背书所用证书自 ${localTime(notBefore)} 起有效，晚于背书时间`
  }),
  READ_BACK_LATE: ({ ledgerTime, readAt }) => ({
    en: `the anchor has the time ${localTime(ledgerTime)}; it was read back ${laterTime(readAt, ledgerTime)}, and nothing says when in between it was committed`,
    zh: `上链交易时间为 ${localTime(ledgerTime)}，回读时间为 ${laterTime(readAt, ledgerTime)}，其间何时提交无从得知`
  }),
  RECEIVED_LONG_BEFORE: ({ receivedAt, ledgerTime }) => ({
    en: `received ${localTime(receivedAt)} (the operator's word), anchored ${localTime(ledgerTime)}: longer than the promised delay`,
    zh: `接收时间 ${localTime(receivedAt)}（运营方陈述），上链时间 ${localTime(ledgerTime)}：间隔超过承诺期限`
  }),
  DEADLINE_MISSED: ({ deadline, ledgerTime }) => ({
    en: `anchored ${localTime(ledgerTime)}; the receipt promised ${localTime(deadline)}`,
    zh: `上链时间 ${localTime(ledgerTime)}；回执承诺期限为 ${localTime(deadline)}`
  }),
  KEY_COMPROMISED: ({ from, registeredAt }) => ({
    en: `the receipt key is said to be compromised from ${localTime(from)} (registered on the ledger ${localTime(registeredAt)}); the receipt keeps its force`,
    zh: `据称回执密钥自 ${localTime(from)} 起泄露（于 ${localTime(registeredAt)} 登记上链）；回执效力不受影响`
  }),
  KEYS_READ_BEFORE_LEDGER: ({ keysReadAt, ledgerTime }) => ({
    en: `the trust bundle's receipt keys are those of ${localTime(keysReadAt)}, which is before the ledger time ${localTime(ledgerTime)}`,
    zh: `信任包所载回执密钥截至 ${localTime(keysReadAt)}，早于账本时间 ${localTime(ledgerTime)}`
  }),
  RETIRED_LINKED: ({ block }) => ({
    en: `block ${block} was signed with keys that are retired by now; a later head of the log, attested with the keys in force, holds the batch, and its time is the one that counts`,
    zh: `区块 ${block} 由现已停用的密钥签名；以现行密钥证明的后续日志头包含该批次，时间以该日志头为准`
  }),
  DEVELOPMENT_NETWORK: say('this is a development network: one process holds the keys of all its organizations',
    '这是开发用网络：所有机构的密钥都由同一进程持有'),
  ATTESTATION_UNKNOWN: ({ type }) => ({
    en: `the attestation ${type} could not be checked: this program does not know it`,
    zh: `证明材料 ${type} 未能核验：本程序不支持该类型`
  }),
  SM3_NOT_DEPOSITED: say('only SHA-256 was deposited, no SM3', '存证时仅记录了 SHA-256，没有 SM3'),
  SM3_NOT_RECOMPUTED: say('SM3 was not recomputed', '未重新计算 SM3'),
  DIGESTED_BY_SUBMITTER: say('the depositor computed the digests; the operator never saw the content', '摘要由存证人计算，运营方未接触内容'),
  NOW_BEFORE_LEDGER: ({ now, ledgerTime }) => ({
    en: `the clock here says ${localTime(now)}, which is before the ledger time ${localTime(ledgerTime)}`,
    zh: `本机时钟为 ${localTime(now)}，早于账本时间 ${localTime(ledgerTime)}`
  })
}

const OMISSIONS: { readonly [C in OmissionCode]: Said<OmissionEvidence[C]> } = {
  CONTENT: say('whether what the content says is so', '内容所述是否属实'),
  MAKER: say('who made the file', '文件由谁制作'),
  REVOCATION: ({ block }) => ({ en: `revocation lists later than block ${block}`, zh: `区块 ${block} 之后的证书吊销列表` }),
  CODE: say('which program each organization ran', '各机构实际运行的程序'),
  KEY_REVOCATION: ({ after }) => ({ en: `receipt keys revoked after ${localTime(after)}`, zh: `${localTime(after)} 之后停用的回执密钥` }),
  EXHIBIT: say('the file itself', '文件本身')
}

function source (from: string | undefined): string {
  return from === undefined ? '' : ` (${from})`
}

const TRUST: Readonly<Record<TrustState, Said<TrustEvidence>>> = {
  pinned: (e) => ({
    en: `bundle ${shortFingerprint(e.fingerprint ?? '')}, pinned ${e.pinnedOn === undefined ? 'by the fingerprint that was given with this verification' : `on ${e.pinnedOn}`}${source(e.from)}`,
    zh: `信任包 ${shortFingerprint(e.fingerprint ?? '')}，${e.pinnedOn === undefined ? '以本次核验时给出的指纹' : `于 ${e.pinnedOn} `}固定${source(e.from)}`
  }),
  'as-given': (e) => ({
    en: `bundle ${shortFingerprint(e.fingerprint ?? '')}, taken as given at the user's word, not pinned`,
    zh: `信任包 ${shortFingerprint(e.fingerprint ?? '')}，按使用者的意思直接采信，未固定`
  }),
  given: (e) => ({
    en: `bundle ${shortFingerprint(e.fingerprint ?? '')}, given, not pinned`,
    zh: `信任包 ${shortFingerprint(e.fingerprint ?? '')}，由使用者提供，未固定`
  }),
  operator: (e) => ({
    en: `bundle ${shortFingerprint(e.fingerprint ?? '')}, from the operator, not pinned`,
    zh: `信任包 ${shortFingerprint(e.fingerprint ?? '')}，来自运营方，未固定`
  }),
  proof: (e) => ({
    en: `bundle ${shortFingerprint(e.fingerprint ?? '')}, came with the proof, not pinned`,
    zh: `信任包 ${shortFingerprint(e.fingerprint ?? '')}，随证明文件而来，未固定`
  }),
  'pin-differs': (e) => ({
    en: `bundle ${shortFingerprint(e.fingerprint ?? '')} is not the pinned one`,
    zh: `信任包 ${shortFingerprint(e.fingerprint ?? '')} 并非所固定的信任包`
  }),
  none: say('no trust bundle', '没有信任包')
}

export const HEADLINES: Readonly<Record<Outcome, Sentences>> = {
  consistent: { en: 'Consistent with what was deposited', zh: '与存证内容一致' },
  differs: { en: 'Differs', zh: '存在不一致' },
  'could-not-check': { en: 'Could not be checked completely', zh: '未能全部核验' }
}

export const NAMES: Readonly<Record<FindingName | 'trust' | 'not-checked' | 'remark', Sentences>> = {
  integrity: { en: 'integrity', zh: '完整性' },
  time: { en: 'time', zh: '时间' },
  ledger: { en: 'ledger', zh: '账本' },
  depositor: { en: 'depositor', zh: '存证人' },
  before: { en: 'before', zh: '存证之前' },
  promise: { en: 'promise', zh: '回执承诺' },
  trust: { en: 'trust', zh: '信任来源' },
  'not-checked': { en: 'not checked', zh: '未核验事项' },
  remark: { en: 'note', zh: '说明' }
}

export const STATE_NAMES: Readonly<Record<FindingState | TrustState, Sentences>> = {
  consistent: { en: 'consistent', zh: '一致' },
  differs: { en: 'differs', zh: '不一致' },
  'could-not-check': { en: 'could not check', zh: '未能核验' },
  'not-stated': { en: 'not stated', zh: '未作说明' },
  pinned: { en: 'pinned', zh: '已固定' },
  'as-given': { en: 'as given', zh: '直接采信' },
  given: { en: 'not pinned', zh: '未固定' },
  operator: { en: 'not pinned', zh: '未固定' },
  proof: { en: 'not pinned', zh: '未固定' },
  'pin-differs': { en: 'not the pinned', zh: '指纹不符' },
  none: { en: 'none', zh: '无' }
}

/** `Evidence number` line of a report. */
export function numberLine (number: string | undefined): Sentences {
  const printed = number === undefined ? '-' : printEvidenceNumber(number)
  return { en: `Evidence number ${printed}`, zh: `证据编号 ${printed}` }
}

export function findingSentences<C extends FindingCode> (code: C, evidence: FindingEvidence[C]): Sentences {
  return FINDINGS[code](evidence)
}

export function remarkSentences<C extends RemarkCode> (code: C, evidence: RemarkEvidence[C]): Sentences {
  return REMARKS[code](evidence)
}

export function omissionSentences<C extends OmissionCode> (code: C, evidence: OmissionEvidence[C]): Sentences {
  return OMISSIONS[code](evidence)
}

export function trustSentences (state: TrustState, evidence: TrustEvidence): Sentences {
  return TRUST[state](evidence)
}

/** The codes that the catalogue speaks of, for tests and for documentation. */
export const CODES = {
  findings: Object.keys(FINDINGS) as FindingCode[],
  remarks: Object.keys(REMARKS) as RemarkCode[],
  omissions: Object.keys(OMISSIONS) as OmissionCode[],
  trust: Object.keys(TRUST) as TrustState[]
} as const
