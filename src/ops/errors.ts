/** What the operator's tools refuse; what they find is a report instead. */
export type OpsErrorCode =
  | 'ARCHIVE_INVALID' // an archive that is cut, altered or of another form
  | 'BLOCKS_UNREADABLE' // a file or folder of blocks that is cut off, or none
  | 'FOLDER_NOT_EMPTY' // an import goes into an empty data folder only
  | 'LOG_UNKNOWN' // no log was ever opened in this folder, and nothing says which
  | 'SOURCE_DIFFERS' // what was to be exported does not verify

export class OpsError extends Error {
  readonly code: OpsErrorCode

  constructor (options: { code: OpsErrorCode, message: string, cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'OpsError'
    this.code = options.code
  }
}
