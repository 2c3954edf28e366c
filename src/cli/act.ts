import type { Terminal } from './terminal.js'

/** Registers what a sub-command does; its exit code becomes the program's. Sub-commands are imported when they run: the verifier needs little. */
export type Act = (work: (terminal: Terminal) => Promise<number>, json: boolean | undefined) => Promise<void>
