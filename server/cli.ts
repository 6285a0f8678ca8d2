#!/usr/bin/env node
/**
 * The second program: `habitat-auth`, for those who administer.
 *
 * Owns the terminal and the exit code. What commands do stands in `server/commands/`, which process runs them in
 * `server/composition/command-home.ts`.
 */
import { DatabaseInUse } from '../adapters/postgres/database.ts'
import { SocketPathTooLong } from './admin-socket.ts'
import { withInput } from './command-input.ts'
import { withContents } from './commands/contents.ts'
import { report } from './commands/doctor.ts'
import { readJsonFile } from './commands/json-file.ts'
import { parse } from './commands/parse.ts'
import { downloadPicture } from './commands/picture-download.ts'
import { readPicture } from './commands/picture-file.ts'
import { commands, exitCodes, writeAnswer } from './commands/run.ts'
import { printable } from './commands/text.ts'
import { runInvocation } from './composition/command-home.ts'
import { readSettingsFile } from './composition/foundation.ts'
import { ConfigError, readConfig } from './config.ts'
import { Refusal } from './errors.ts'
import { isLoopbackHost } from './oidc/redirect-uris.ts'

const minimumNodeVersion = 24

const terminal = {
  stdout: (text: string) => void process.stdout.write(text),
  stderr: (text: string) => void process.stderr.write(text),
}

async function main(argv: readonly string[]): Promise<number> {
  const request = parse(commands, argv)
  if (request.kind === 'help') {
    terminal.stdout(`${request.text}\n`)
    return exitCodes.done
  }
  if (request.kind === 'wrong') {
    terminal.stderr(`${request.message}\n`)
    return exitCodes.usage
  }
  try {
    loadEnvironmentFile()
    const config = readConfig(process.env, readSettingsFile)
    const contents = await withContents(argv, request.command, request.input, {
      picture: readPicture,
      json: readJsonFile,
      address: (address) => downloadPicture(address, { allowPrivate: isLoopbackHost(new URL(config.issuer).hostname) }),
    })
    for (const notice of contents.notices) terminal.stderr(`${printable(notice)}\n`)
    const { argv: words, stdin } = await withInput(contents.argv, request.command, request.input)
    return await runInvocation(config, { command: request.command, argv: words, stdin, terminal })
  } catch (error) {
    if (error instanceof ConfigError && request.command.name === 'doctor') {
      const findings = error.problems.map((message) => ({ check: 'settings', level: 'problem', message }) as const)
      return writeAnswer(terminal, report(findings), request.json)
    }
    terminal.stderr(`${explained(error)}\n`)
    return exitCodes.refused
  }
}

function loadEnvironmentFile(): void {
  try {
    process.loadEnvFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** One paragraph for the terminal; the causes of a lost connection are the ones that people meet. */
function explained(error: unknown): string {
  if (!(error instanceof Error)) return 'Something failed without a reason.'
  const lines = error.message.split('\n').map(printable).join('\n')
  const expected = [Refusal, ConfigError, DatabaseInUse, SocketPathTooLong].some((kind) => error instanceof kind)
  if (expected) return lines
  const code = 'code' in error ? ` (${printable(String(error.code))})` : ''
  return `It failed: ${lines || error.name}${code}\nhabitat-auth doctor may know why.`
}

const nodeVersion = Number.parseInt(process.versions.node, 10)
if (nodeVersion < minimumNodeVersion) {
  terminal.stderr(`habitat-auth needs Node ${minimumNodeVersion} or later; this is ${process.versions.node}.\n`)
  process.exit(exitCodes.refused)
}
if (import.meta.main) {
  // Whoever reads may have seen enough (`| head`).
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
  process.exitCode = await main(process.argv.slice(2))
}
