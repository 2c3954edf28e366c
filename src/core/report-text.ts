import type { Finding, Remark, Report, Sentences } from './findings.js'
import { HEADLINES, NAMES, numberLine, STATE_NAMES } from './wording.js'

export type Language = 'en' | 'zh'

/** East Asian wide characters take two columns of a terminal. */
function width (text: string): number {
  let columns = 0
  for (const char of text) columns += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/u.test(char) ? 2 : 1
  return columns
}

function pad (text: string, columns: number): string {
  return text + ' '.repeat(Math.max(1, columns - width(text)))
}

// A name or a field from a file must not move the cursor or colour the terminal.
function printable (text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
}

/** The report as a terminal shows it (PROOF.md section 6), lines joined by newlines, without a final one. */
export function reportText (report: Report, language: Language): string {
  const line = (name: Sentences, state: Sentences, sentence: Sentences): string =>
    pad(pad(name[language], 11) + state[language], 28) + printable(sentence[language])
  const both = HEADLINES[report.outcome]
  return [
    `${pad(numberLine(report.number)[language], 42)}${both.en} · ${both.zh}`,
    '',
    ...report.findings.map((one: Finding) => line(NAMES[one.name], STATE_NAMES[one.state], one.sentences)),
    line(NAMES.trust, STATE_NAMES[report.trust.state], report.trust.sentences),
    ...report.remarks.map((one: Remark) => `${NAMES.remark[language]}: ${printable(one.sentences[language])}`),
    `${NAMES['not-checked'][language]}: ${report.notChecked.map(({ sentences }) => sentences[language]).join(language === 'en' ? '; ' : '；')}`
  ].join('\n')
}
