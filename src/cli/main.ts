#!/usr/bin/env node
import { EXIT } from './exit-codes.js'
import { run } from './program.js'

/** A reader that leaves early (`steelyard verify ... | head -1`) changes nothing of the result. Output that is lost otherwise does. */
function onOutputError (error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') process.exitCode ||= EXIT.failed
}

process.stdout.on('error', onOutputError)
process.stderr.on('error', onOutputError)

const exitCode = await run(process.argv.slice(2))
process.exitCode = exitCode === EXIT.ok ? process.exitCode ?? EXIT.ok : exitCode
