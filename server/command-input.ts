/**
 * What a command reads before it runs, in whichever process it runs: standard input, or a password that is asked for.
 *
 * Knows what a command says it reads, nothing of what it does.
 */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { type AdminRequest, maximumRequest } from './admin-socket.ts'
import type { Command, Input } from './commands/command.ts'
import { Refusal } from './errors.ts'

/** The command line with what it reads; a password that is missing on a terminal is asked for. */
export async function withInput(argv: readonly string[], command: Command, input: Input): Promise<AdminRequest> {
  const { passwordOption } = command
  if (passwordOption !== undefined && !input.flag(passwordOption) && process.stdin.isTTY) {
    const stdin = await askPassword()
    return { argv: argv.toSpliced(command.name.split(' ').length, 0, `--${passwordOption}`), stdin }
  }
  return { argv, stdin: command.readsInput?.(input) ? await readStandardInput() : '' }
}

async function readStandardInput(): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > maximumRequest) throw new Refusal('too-large', `Standard input is larger than ${maximumRequest} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Asks twice, without echo. Throws `Refusal` when the answers differ. */
async function askPassword(): Promise<string> {
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: silence, terminal: true })
  const stopped = new AbortController()
  lines.once('SIGINT', () => stopped.abort())
  const ask = async (question: string) => {
    process.stderr.write(question)
    const answer = await lines.question('', { signal: stopped.signal })
    process.stderr.write('\n')
    return answer
  }
  try {
    const password = await ask('Password: ')
    if (password !== (await ask('Again: '))) throw new Refusal('invalid', 'The two passwords differ. Nothing was done.')
    return password
  } catch (error) {
    // Ctrl-C aborts our signal, Ctrl-D the question itself.
    if (stopped.signal.aborted || (error instanceof Error && error.name === 'AbortError'))
      throw new Refusal('invalid', 'Stopped. Nothing was done.', { cause: error })
    throw error
  } finally {
    lines.close()
  }
}
