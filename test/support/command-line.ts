/** Runs command lines in this process over a database of the test, as the CLI does. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sealer } from '../../adapters/crypto/seal.ts'
import type { Store } from '../../adapters/postgres/database.ts'
import type { Services } from '../../server/commands/command.ts'
import { runRequest } from '../../server/commands/run.ts'
import { commandServices } from '../../server/composition/commands.ts'
import { readConfig } from '../../server/config.ts'

export interface CommandResult {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
  /** Standard output as the one line of JSON that it must be. */
  // biome-ignore lint/suspicious/noExplicitAny: each test knows the shape it asks for
  readonly json: () => any
}

export type CommandLine = (argv: readonly string[], stdin?: string) => Promise<CommandResult>

/** What the commands of tests open sealed values with: the `SECRETS` of a server whose rows they read. */
export const commandLineSecret = 'a secret of the tests that is long enough'

/** A command line over `store`; `services` replaces parts. */
export function commandLine(store: Store, services: Partial<Services> = {}): CommandLine {
  const config = readConfig({ DATA_DIR: join(tmpdir(), 'habitat-commands-of-no-server'), ISSUER: 'http://localhost:1' })
  const all = commandServices({
    store,
    config,
    sealer: sealer([commandLineSecret]),
    insideServer: false,
    now: () => new Date(),
  })
  return async (argv, stdin = '') => {
    const result = await runRequest({ ...all, ...services }, { argv, stdin })
    return { ...result, json: () => parseLine(result.stdout) }
  }
}

function parseLine(stdout: string): unknown {
  if (!/^[^\n]+\n$/.test(stdout)) throw new Error(`not one line: ${JSON.stringify(stdout)}`)
  return JSON.parse(stdout)
}
