/**
 * The table of commands, and how one of them is run.
 *
 * Both programs use it: the CLI in its own process, and the server for the CLI when it owns the database.
 */

import type { AdminRequest, AdminResponse } from '../admin-socket.ts'
import { Refusal } from '../errors.ts'
import { atprotoCommands } from './atproto.ts'
import { auditCommands } from './audit.ts'
import { clientCommands } from './client.ts'
import { clientTransferCommands } from './client-transfer.ts'
import type { Answer, Command, Context, Services } from './command.ts'
import { UsageError } from './command.ts'
import { doctorCommands } from './doctor.ts'
import { exchangeCommands } from './exchange.ts'
import { grantCommands } from './grant.ts'
import { issuerCommands } from './issuer.ts'
import { keyCommands } from './keys.ts'
import { migrateCommands } from './migrate.ts'
import { parse } from './parse.ts'
import { registrationTokenCommands } from './registration-token.ts'
import { resourceCommands } from './resource.ts'
import { sessionCommands } from './session.ts'
import { shopCommands } from './shop.ts'
import { telegramCommands } from './telegram.ts'
import { jsonLine, printable } from './text.ts'
import { userCommands } from './user.ts'
import { userUnlink } from './user-unlink.ts'

export const exitCodes = { done: 0, refused: 1, usage: 2 } as const

/** Every command, in the order of the help. */
export const commands: readonly Command[] = [
  ...migrateCommands,
  ...clientCommands,
  ...clientTransferCommands,
  ...resourceCommands,
  ...userCommands,
  userUnlink,
  ...sessionCommands,
  ...grantCommands,
  ...exchangeCommands,
  ...issuerCommands,
  ...registrationTokenCommands,
  ...shopCommands,
  ...auditCommands,
  ...keyCommands,
  ...atprotoCommands,
  ...telegramCommands,
  ...doctorCommands,
]

/**
 * Runs a command line (without the program's name) and answers its exit code: 0 done, 1 refused or not found,
 * 2 wrong usage. Throws what is neither: a bug, or a database that does not answer.
 */
export async function runCommand(context: Context, argv: readonly string[]): Promise<number> {
  const request = parse(commands, argv)
  if (request.kind === 'help') {
    context.stdout(`${request.text}\n`)
    return exitCodes.done
  }
  if (request.kind === 'wrong') {
    context.stderr(`${request.message}\n`)
    return exitCodes.usage
  }
  const { command, input, json } = request
  try {
    if (context.insideServer && command.refusedInsideServer !== undefined) {
      throw new Refusal('forbidden', command.refusedInsideServer)
    }
    return writeAnswer(context, await command.run(context, input), json)
  } catch (error) {
    if (error instanceof UsageError) {
      context.stderr(`${printable(error.message)}\nSee: habitat-auth ${command.name} --help\n`)
      return exitCodes.usage
    }
    if (!(error instanceof Refusal)) throw error
    if (json) context.stdout(`${jsonLine({ error: error.code.replaceAll('-', '_'), message: error.message })}\n`)
    context.stderr(`${lines(error.message.split('\n'))}\n`)
    return exitCodes.refused
  }
}

/** Runs a command line that came over the admin socket. Throws what `runCommand` throws. */
export async function runRequest(services: Services, { argv, stdin }: AdminRequest): Promise<AdminResponse> {
  const stdout: string[] = []
  const stderr: string[] = []
  const exitCode = await runCommand(
    {
      ...services,
      stdin: async () => stdin,
      stdout: (text) => stdout.push(text),
      stderr: (text) => stderr.push(text),
    },
    argv,
  )
  return { stdout: stdout.join(''), stderr: stderr.join(''), exitCode }
}

/** Writes an answer in the form that was asked for; answers the exit code. */
export function writeAnswer(context: Pick<Context, 'stdout' | 'stderr'>, answer: Answer, json: boolean): number {
  context.stdout(json ? `${jsonLine(answer.json)}\n` : answer.text.length === 0 ? '' : `${lines(answer.text)}\n`)
  if (answer.notice !== undefined) context.stderr(`${printable(answer.notice)}\n`)
  return answer.exitCode ?? exitCodes.done
}

function lines(text: readonly string[]): string {
  return text.map(printable).join('\n')
}
