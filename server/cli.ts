#!/usr/bin/env node
/**
 * The second program: `habitat-auth`, for those who administer.
 *
 * Owns the terminal and the choice of the process that runs a command: this one where the database can be opened, the
 * running server where that owns the embedded database. What commands do stands in `server/commands/`.
 */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { sealer } from '../adapters/crypto/seal.ts'
import { DatabaseInUse, openEmbedded, openPostgres, type Store } from '../adapters/postgres/database.ts'
import { type AdminRequest, callAdminSocket, maximumRequest, SocketPathTooLong } from './admin-socket.ts'
import type { Command, Input } from './commands/command.ts'
import { withContents } from './commands/contents.ts'
import { report } from './commands/doctor.ts'
import { parse } from './commands/parse.ts'
import { downloadPicture } from './commands/picture-download.ts'
import { readPicture } from './commands/picture-file.ts'
import { commands, exitCodes, runCommand, writeAnswer } from './commands/run.ts'
import { printable } from './commands/text.ts'
import { commandServices } from './composition/commands.ts'
import { secretsOf } from './composition/foundation.ts'
import { adminSocketPath, type Config, ConfigError, readConfig } from './config.ts'
import { Refusal } from './errors.ts'
import { isLoopbackHost } from './oidc/redirect-uris.ts'

const minimumNodeVersion = 24
/** Milliseconds that a command waits for a server that starts or stops, or for another command. */
const patience = 30_000
const pause = 100
/** Milliseconds after which it says what it waits for. */
const silence = 2_000

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
    const config = readConfig(process.env)
    const contents = await withContents(argv, request.command, request.input, {
      file: readPicture,
      address: (address) => downloadPicture(address, { allowPrivate: isLoopbackHost(new URL(config.issuer).hostname) }),
    })
    for (const notice of contents.notices) terminal.stderr(`${printable(notice)}\n`)
    const invocation = {
      command: request.command,
      ...(await withInput(contents.argv, request.command, request.input)),
    }
    return await (config.database.kind === 'postgres'
      ? runOnPostgres(config, config.database.url, invocation)
      : runOnEmbedded(config, invocation))
  } catch (error) {
    if (error instanceof ConfigError && request.command.name === 'doctor') {
      const findings = error.problems.map((message) => ({ check: 'settings', level: 'problem', message }) as const)
      return writeAnswer(terminal, report(findings), request.json)
    }
    terminal.stderr(`${explained(error)}\n`)
    return exitCodes.refused
  }
}

interface Invocation extends AdminRequest {
  readonly command: Command
}

async function runOnPostgres(config: Config, url: string, invocation: Invocation): Promise<number> {
  const store = openPostgres(url, { poolSize: 2 })
  try {
    return await runOn(store, config, invocation)
  } finally {
    await store.close()
  }
}

/** A server that runs owns the database and runs the command; otherwise it is opened here. */
async function runOnEmbedded(config: Config, invocation: Invocation): Promise<number> {
  const startedAt = Date.now()
  let told = false
  for (;;) {
    const response = await askServer(config.dataDir, invocation)
    if (response !== undefined && !(response instanceof SocketPathTooLong)) {
      terminal.stdout(response.stdout)
      terminal.stderr(response.stderr)
      return response.exitCode
    }
    try {
      await using store = disposable(await openEmbedded(config.dataDir))
      return await runOn(store, config, invocation)
    } catch (error) {
      if (!(error instanceof DatabaseInUse)) throw error
      if (response instanceof SocketPathTooLong) throw response
      const waited = Date.now() - startedAt
      if (waited > patience) throw error
      if (waited > silence && !told) terminal.stderr('Another process has the database open; waiting for it.\n')
      told ||= waited > silence
      await sleep(pause)
    }
  }
}

async function askServer(dataDir: string, { argv, stdin }: Invocation) {
  try {
    return await callAdminSocket(adminSocketPath(dataDir), { argv, stdin })
  } catch (error) {
    if (error instanceof SocketPathTooLong) return error
    throw error
  }
}

async function runOn(store: Store, config: Config, { command, argv, stdin }: Invocation): Promise<number> {
  if (command.needsNoTables !== true) await prepareTables(store)
  const now = () => new Date()
  const services = commandServices({ store, config, sealer: sealer(secretsOf(config)), insideServer: false, now })
  return runCommand({ ...services, ...terminal, stdin: async () => stdin }, argv)
}

/** Nobody else works on an empty database, or on an embedded one that is open here; any other is left as it is. */
async function prepareTables(store: Store): Promise<void> {
  const all = await store.migrations()
  const missing = all.filter(({ executedAt }) => executedAt === undefined)
  if (missing.length === 0) return
  if (store.kind === 'postgres' && missing.length < all.length) {
    const names = missing.map(({ name }) => name).join(', ')
    throw new Refusal('unavailable', `The database lacks ${names}. Run habitat-auth migrate up, or start the server.`)
  }
  await store.migrate()
}

function disposable(store: Store): Store & AsyncDisposable {
  return { ...store, [Symbol.asyncDispose]: () => store.close() }
}

function loadEnvironmentFile(): void {
  try {
    process.loadEnvFile()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** The command line with what it reads; a password that is missing on a terminal is asked for. */
async function withInput(argv: readonly string[], command: Command, input: Input): Promise<AdminRequest> {
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
    terminal.stderr(question)
    const answer = await lines.question('', { signal: stopped.signal })
    terminal.stderr('\n')
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
