/**
 * A test facility: between every two steps that change something durable the code passes a named point. When the configuration
 * names one (STEELYARD_FAULT_POINT=name or name:n for the n-th passage), the process ends itself there by SIGKILL, as a power cut
 * would. Otherwise a passage is a call of an empty function. The fault tests walk through this list, so a new step needs a line here.
 */
export const FAULT_POINTS = [
  'upload.created', // an upload in parts is in the database, nobody told
  'upload.written', // more of it synced in its file, not in the database
  'upload.noted', // how far it is, synced; nobody told
  'upload.hashed', // all bytes there, their digests synced
  'upload.deposited', // its deposit synced, the upload still open in the database
  'upload.ended', // nobody told
  'content.received', // bytes in a temporary file, not synced
  'content.synced', // temporary file synced, not yet under its name
  'content.kept', // under its name, folder synced; no record yet
  'intake.validated', // before the deposit is queued
  'commit.signed', // records built and receipt signed, nothing written
  'commit.written', // synced, nobody told
  'seal.started', // batch chosen
  'seal.built', // tree and header built, nothing written
  'seal.written', // header, tiles, log tiles and watermark synced
  'anchor.chosen', // headers read
  'anchor.noted', // transaction id persisted, nothing sent
  'anchor.sent', // the ledger has answered, nothing written
  'anchor.written', // watermark synced
  'final.attested', // read-back in memory
  'final.located', // block in memory
  'final.stored', // block and read-back synced, not verified
  'final.verified', // our verifier accepts the proof, watermark not written
  'final.written'
] as const
export type FaultPoint = typeof FAULT_POINTS[number]

/** Marks a step. */
export type Checkpoint = (name: FaultPoint) => void

/** The hook for a configured point, `name` or `name:n`; without one it does nothing. */
export function createCheckpoint (selected?: string): Checkpoint {
  if (selected === undefined) return () => undefined
  const [name, nth = '1'] = selected.split(':')
  let left = Number(nth)
  return (passed) => {
    if (passed === name && --left <= 0) process.kill(process.pid, 'SIGKILL')
  }
}

/** Whether a configured value names a point of the list. */
export function isFaultPoint (selected: string): boolean {
  const [name, nth = '1', ...rest] = selected.split(':')
  return rest.length === 0 && /^[1-9]\d*$/.test(nth) && FAULT_POINTS.some((point) => point === name)
}
