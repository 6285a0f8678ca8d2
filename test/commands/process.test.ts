/** The CLI as a process of its own: how it is called, where it runs, what it leaves behind. */
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { sealer } from '../../adapters/crypto/seal.ts'
import { openEmbedded } from '../../adapters/postgres/database.ts'
import { serveAdminSocket } from '../../server/admin-socket.ts'
import { runRequest } from '../../server/commands/run.ts'
import { commandServices } from '../../server/composition/commands.ts'
import { adminSocketPath, readConfig } from '../../server/config.ts'
import { encodeLogo } from '../../server/oidc/logo.ts'
import { fillDataFolder } from '../support/data-folder.ts'
import { png } from '../support/pictures.ts'

const root = join(import.meta.dirname, '../..')
const cli = join(root, 'server/cli.ts')

function dataFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'habitat-cli-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'data')
}

/** A data folder with an empty, migrated database. */
function preparedFolder(): string {
  const path = dataFolder()
  fillDataFolder(path)
  return path
}

interface Result {
  exitCode: number | null
  stdout: string
  stderr: string
}

/** Runs a program with nothing in its environment but what is given. */
function execute(
  program: string,
  argv: string[],
  env: Record<string, string>,
  options: { stdin?: string; cwd?: string } = {},
) {
  return new Promise<Result>((resolve, reject) => {
    const home = process.env['HOME'] ?? '/'
    const child = spawn(program, argv, {
      cwd: options.cwd ?? root,
      env: { HOME: home, NODE_COMPILE_CACHE: inject('compileCache'), ...env },
    })
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => {
      output.stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output.stderr += chunk.toString()
    })
    child.on('error', reject)
    child.on('close', (exitCode) => resolve({ exitCode, ...output }))
    // Without input the pipe stays open, as it may in a script: nothing may wait for it.
    if (options.stdin !== undefined) child.stdin.end(options.stdin)
    child.on('exit', () => child.stdin.destroy())
  })
}

function habitatAuth(argv: string[], env: Record<string, string>, options: { stdin?: string; cwd?: string } = {}) {
  return execute(process.execPath, [cli, ...argv], env, options)
}

/** What a server that owns the embedded database does for the CLI. */
async function serve(dataDir: string) {
  const store = await openEmbedded(dataDir)
  await store.migrate()
  const config = readConfig({ DATA_DIR: dataDir })
  const services = commandServices({
    store,
    config,
    sealer: sealer(['a secret of the tests that is long enough']),
    insideServer: true,
    now: () => new Date(),
  })
  const socket = await serveAdminSocket({
    path: adminSocketPath(dataDir),
    run: (request) => runRequest(services, request),
  })
  const stop = async () => {
    await socket.close()
    await store.close()
  }
  return { services, stop }
}

test('npx habitat-auth registers an app and a person, whatever node the machine has', async () => {
  const ofTheMachine = ['/usr/local/bin', '/usr/bin', '/bin']
  const hasNpx = ofTheMachine.some((folder) => existsSync(join(folder, 'npx')))
  const PATH = hasNpx ? ofTheMachine.join(':') : (process.env['PATH'] ?? '')
  const env = { DATA_DIR: dataFolder(), PATH }
  const app = await execute(
    'npx',
    [
      'habitat-auth',
      'client',
      'add',
      '--profile',
      'web',
      '--name',
      'Example',
      '--redirect-uri',
      'https://app.example/cb',
      '--json',
    ],
    env,
  )
  expect(app.exitCode, app.stderr).toBe(0)
  expect(JSON.parse(app.stdout)).toMatchObject({ client_id: expect.any(String), client_secret: expect.any(String) })
  const person = await execute(
    'npx',
    ['habitat-auth', 'user', 'add', '--email', 'alice@example.com', '--password-stdin', '--json'],
    env,
    { stdin: 'correct horse battery\n' },
  )
  expect(person.exitCode, person.stderr).toBe(0)
  expect(JSON.parse(person.stdout)).toMatchObject({ account_id: expect.any(String) })
})

test('the program may be executed', () => {
  expect(statSync(cli).mode & 0o111).toBe(0o111)
})

test('help and wrong usage touch no database and no settings', async () => {
  const dataDir = dataFolder()
  const broken = { DATA_DIR: dataDir, PORT: 'nonsense' }
  expect(await habitatAuth(['--help'], broken)).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await habitatAuth(['client', 'add', '--help'], broken)).toMatchObject({ exitCode: 0, stderr: '' })
  expect(await habitatAuth(['clinet', 'add'], broken)).toMatchObject({ exitCode: 2, stdout: '' })
  expect(existsSync(dataDir)).toBe(false)
})

test('bad settings are all named at once, and doctor finds them', async () => {
  const broken = { DATA_DIR: dataFolder(), PORT: 'nonsense', LOG_LEVEL: 'loud' }
  const result = await habitatAuth(['client', 'list', '--json'], broken)
  expect(result).toMatchObject({ exitCode: 1, stdout: '' })
  expect(result.stderr).toMatch(/PORT[\s\S]*LOG_LEVEL/)
  const doctor = await habitatAuth(['doctor', '--json'], broken)
  expect(doctor.exitCode).toBe(1)
  expect(JSON.parse(doctor.stdout)).toMatchObject({
    healthy: false,
    findings: [{ check: 'settings' }, { check: 'settings' }],
  })
})

test('settings come from .env in the current folder, behind those of the environment', async () => {
  const dataDir = preparedFolder()
  const cwd = join(dataDir, '..')
  writeFileSync(join(cwd, '.env'), `DATA_DIR=${dataDir}\nPORT=nonsense\n`)
  expect(await habitatAuth(['client', 'list'], { PORT: '3000' }, { cwd })).toMatchObject({ exitCode: 0 })
  expect(existsSync(join(dataDir, 'secrets'))).toBe(true)
  expect(await habitatAuth(['client', 'list'], {}, { cwd })).toMatchObject({ exitCode: 1 })
})

test('a Postgres that does not answer is said in a sentence', async () => {
  const env = { DATA_DIR: dataFolder(), DATABASE_URL: 'postgres://alice:hunter2@127.0.0.1:1/none' }
  const result = await habitatAuth(['client', 'list'], env)
  expect(result).toMatchObject({ exitCode: 1, stdout: '' })
  expect(result.stderr).toContain('ECONNREFUSED')
  expect(result.stderr).not.toMatch(/hunter2|\.ts:\d/)
})

test('commands at the same time wait for each other on the embedded database', async () => {
  const env = { DATA_DIR: preparedFolder() }
  const add = (name: string) => habitatAuth(['client', 'add', '--profile', 'service', '--name', name, '--json'], env)
  const results = await Promise.all(['one', 'two'].map(add))
  expect(results.map(({ exitCode }) => exitCode)).toEqual([0, 0])
  expect(JSON.parse((await habitatAuth(['client', 'list', '--json'], env)).stdout).clients).toHaveLength(2)
})

test('while a server owns the embedded database, commands run inside it', async () => {
  const dataDir = preparedFolder()
  const env = { DATA_DIR: dataDir }
  const { services, stop } = await serve(dataDir)
  try {
    const added = await habitatAuth(
      ['user', 'add', '--email', 'alice@example.com', '--password-stdin', '--json'],
      env,
      {
        stdin: 'correct horse battery\n',
      },
    )
    expect(added.exitCode, added.stderr).toBe(0)
    expect((await services.accounts.byEmail('alice@example.com'))[0]?.id).toBe(JSON.parse(added.stdout).account_id)
    const refused = await habitatAuth(['client', 'show', 'nobody'], env)
    expect(refused).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('no client "nobody"') })
    const down = await habitatAuth(['migrate', 'down'], env)
    expect(down).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('Stop the server first') })
    expect((await services.migrations.migrations())[0]?.executedAt).toBeDefined()
  } finally {
    await stop()
  }
  const afterwards = await habitatAuth(['user', 'list', '--json'], env)
  expect(JSON.parse(afterwards.stdout).users).toHaveLength(1)
})

test('a logo is read where the command is typed, not where the server runs it', async () => {
  const dataDir = preparedFolder()
  const cwd = join(dataDir, '..')
  writeFileSync(join(cwd, 'logo.png'), png())
  writeFileSync(join(cwd, 'page.png'), '<script>alert(1)</script>')
  const { services, stop } = await serve(dataDir)
  const add = (file: string) =>
    habitatAuth(
      ['client', 'add', '--profile', 'service', '--name', 'x', '--logo-file', file, '--json'],
      { DATA_DIR: dataDir },
      { cwd },
    )
  try {
    const added = await add('logo.png')
    expect(added.exitCode, added.stderr).toBe(0)
    const client = await services.clients.find(JSON.parse(added.stdout).client_id)
    expect(client?.metadata['logo']).toBe(encodeLogo(png()))
    expect(await add('page.png')).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('markup') })
    expect(await add('none.png')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('no such file') })
    expect(await services.clients.list()).toHaveLength(1)
  } finally {
    await stop()
  }
})

test('the socket of a server that was killed does not stop a command', async () => {
  const dataDir = preparedFolder()
  const path = adminSocketPath(dataDir)
  const dead = `import { createServer } from 'node:net'; createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await execute(process.execPath, ['--input-type=module', '--eval', dead], {})
  expect(statSync(path).isSocket()).toBe(true)
  expect(await habitatAuth(['client', 'list'], { DATA_DIR: dataDir })).toMatchObject({ exitCode: 0 })
})

test('a server that goes away before it answers is said so, and nothing is tried a second time', async () => {
  const dataDir = preparedFolder()
  const server = createServer((socket) => socket.resume().once('end', () => socket.destroy()))
  const path = adminSocketPath(dataDir)
  await new Promise<void>((resolve) => server.listen(path, resolve))
  chmodSync(path, 0o600)
  const result = await habitatAuth(['client', 'add', '--profile', 'service', '--name', 'x', '--json'], {
    DATA_DIR: dataDir,
  })
  await new Promise((resolve) => server.close(resolve))
  expect(result).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('not known') })
  expect(JSON.parse((await habitatAuth(['client', 'list', '--json'], { DATA_DIR: dataDir })).stdout).clients).toEqual(
    [],
  )
})

test('a data folder too deep for a socket works as long as no server runs, and says why it does not otherwise', async () => {
  const dataDir = join(dataFolder(), 'x'.repeat(90))
  fillDataFolder(dataDir)
  expect(await habitatAuth(['client', 'list'], { DATA_DIR: dataDir })).toMatchObject({ exitCode: 0 })
  const store = await openEmbedded(dataDir)
  const result = await habitatAuth(['client', 'list'], { DATA_DIR: dataDir })
  await store.close()
  expect(result).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('shorter path') })
})
