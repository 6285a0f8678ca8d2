import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, inject, test } from 'vitest'
import { authorize, pkce, redeem } from '../support/authorize.ts'
import { fillDataFolder } from '../support/data-folder.ts'
import { postgresTest } from '../support/database.ts'
import { databaseUrl } from '../support/postgres-server.ts'
import { startTestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const running: ChildProcess[] = []
const folders: string[] = []
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'habitat-auth-'))
  folders.push(path)
  return path
}

/** A folder to start in where a migrated database is already: not every test is about the first start. */
function preparedFolder(): string {
  const path = folder()
  fillDataFolder(join(path, '.data'))
  return path
}

/** Runs the program itself, with these settings and no others, in a folder of its own. */
function program(settings: Record<string, string>, cwd = folder()) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../server/main.ts')], {
    cwd,
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: inject('compileCache'), ...settings },
  })
  running.push(child)
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { child, exited, cwd, output: () => output }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function ready(origin: string): Promise<void> {
  await expect
    .poll(
      () =>
        fetch(`${origin}/health/ready`).then(
          ({ status }) => status,
          () => 0,
        ),
      { timeout: 30_000 },
    )
    .toBe(200)
}

test('nothing set: the embedded database, secrets of its own, and discovery at the address it prints', async () => {
  const port = await freePort()
  const { child, exited, cwd, output } = program({ PORT: String(port) })
  const origin = `http://localhost:${port}`
  await ready(origin)
  const discovery = await fetch(`${origin}/.well-known/openid-configuration`)
  expect(await discovery.json()).toMatchObject({ issuer: origin })
  expect(output()).toContain(origin)
  expect(statSync(join(cwd, '.data')).mode & 0o777).toBe(0o700)
  expect(statSync(join(cwd, '.data/secrets')).mode & 0o777).toBe(0o600)

  const second = program({ PORT: String(await freePort()) }, cwd)
  expect(await second.exited).toBe(1)
  expect(second.output()).toMatch(/is open in another process \(pid \d+\)/)

  child.kill('SIGTERM')
  expect(await exited).toBe(0)
})

test('production says everything that is wrong with its settings at once, and does not start', async () => {
  const { exited, output } = program({ NODE_ENV: 'production', PORT: 'many', ISSUER: 'http://auth.example' })
  expect(await exited).toBe(1)
  for (const name of ['PORT', 'ISSUER', 'DATABASE_URL', 'SECRETS']) expect(output()).toContain(name)
})

test('a port, an address or a data folder that cannot be used is said in one line', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const file = join(folder(), 'file')
  writeFileSync(file, '')
  const cases: [Record<string, string>, string][] = [
    [{ PORT: String(port) }, `Port ${port} is in use: set PORT to another one.\n`],
    [
      { PORT: '0', HOST: '192.0.2.1' },
      'This machine does not have the address 192.0.2.1: set HOST to one of its own.\n',
    ],
    [
      { PORT: '0', DATA_DIR: file, LOG_LEVEL: 'silent' },
      `${file} cannot be used (EEXIST). DATA_DIR must be a folder that belongs to the user the server runs as.\n`,
    ],
  ]
  for (const [settings, message] of cases) {
    const { exited, output } = program(settings, preparedFolder())
    expect(await exited).toBe(1)
    expect(output()).toBe(message)
  }
  taken.close()
})

postgresTest('a database that does not exist is said in one line, and not waited for', async () => {
  const DATABASE_URL = databaseUrl(inject('postgres')?.url ?? '', 'nowhere')
  const { exited, output } = program({ PORT: '0', DATABASE_URL })
  expect(await exited).toBe(1)
  expect(output()).toMatch(/^The database lets nobody in: .*nowhere.* Check the user.* in DATABASE_URL\.\n$/)
})

test('npm hands SIGTERM on: whoever stops `npm start` stops the server', async () => {
  const port = await freePort()
  const root = join(import.meta.dirname, '../..')
  const env = {
    PATH: process.env['PATH'],
    HOME: folder(),
    PORT: String(port),
    DATA_DIR: join(preparedFolder(), '.data'),
  }
  const npm = spawn('npm', ['start'], { cwd: root, env, stdio: 'ignore' })
  running.push(npm)
  const origin = `http://localhost:${port}`
  await ready(origin)
  npm.kill('SIGTERM')
  await once(npm, 'exit')
  await expect
    .poll(() =>
      fetch(origin).then(
        () => 'up',
        () => 'down',
      ),
    )
    .toBe('down')
})

test('in production every line is JSON and tells nobody to run the demo', async () => {
  const port = await freePort()
  const settings = {
    NODE_ENV: 'production',
    ALLOW_EMBEDDED_DATABASE: 'yes',
    HOST: '127.0.0.1',
    ISSUER: 'https://auth.example',
    PORT: String(port),
    SECRETS: 'a secret of the tests that is long enough',
  }
  const { child, exited, output } = program(settings, preparedFolder())
  await ready(`http://localhost:${port}`)
  await expect.poll(output).toContain('listening')
  const lines = output()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.at(-1)).toMatchObject({ msg: 'listening', issuer: 'https://auth.example', host: '127.0.0.1', port })
  child.kill('SIGTERM')
  expect(await exited).toBe(0)
})

test('a key ring that does not open the database is said in one line', async () => {
  const port = await freePort()
  const { child, exited, cwd } = program({ PORT: String(port) }, preparedFolder())
  await ready(`http://localhost:${port}`)
  child.kill('SIGTERM')
  await exited
  const other = program({ PORT: '0', SECRETS: 'another secret of the tests that is long enough' }, cwd)
  expect(await other.exited).toBe(1)
  expect(other.output()).toMatch(/^The signing keys were sealed with a secret that is not in SECRETS .*\n$/)
})

test('settings stand in .env as well', async () => {
  const cwd = preparedFolder()
  const port = await freePort()
  writeFileSync(join(cwd, '.env'), `PORT=${port}\nPRODUCT_NAME=Kuri\n`)
  program({}, cwd)
  await ready(`http://localhost:${port}`)
  expect(await (await fetch(`http://localhost:${port}/`)).text()).toContain('Kuri')
})

test('SIGTERM finishes what is in flight, then stops', async () => {
  const port = await freePort()
  const { child, exited } = program({ PORT: String(port) }, preparedFolder())
  const origin = `http://localhost:${port}`
  await ready(origin)
  // A form whose second half arrives after the signal.
  const { request } = await import('node:http')
  const answered = new Promise<number | undefined>((resolve, reject) => {
    const upload = request(`${origin}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '18' },
    })
    upload.on('response', (response) => resolve(response.statusCode)).on('error', reject)
    upload.write('grant_type')
    upload.once('socket', (socket) => {
      socket.once('connect', () => {
        setImmediate(async () => {
          child.kill('SIGTERM')
          await expect
            .poll(() =>
              fetch(origin).then(
                () => 'up',
                () => 'down',
              ),
            )
            .toBe('down')
          upload.end('=unknown')
        })
      })
    })
  })
  expect(await answered).toBe(400)
  expect(await exited).toBe(0)
})

test('the provider is built anew while people are signing in, and tokens of before stay good', async () => {
  await using server = await startTestServer({ providers: [toy()] })
  const client = await server.client('web')
  const before = pkce()
  const code = (await authorize(server.visitor(), client, before)).searchParams.get('code') ?? ''
  const people = ['ann', 'bert', 'cleo', 'dora'].map(async (name) => {
    const proof = pkce()
    const callback = await authorize(server.visitor(), client, proof, { name })
    return redeem(server, client, callback.searchParams.get('code') ?? '', proof)
  })
  const swaps = [1, 2, 3].map(() => server.rebuild())
  const answers = await Promise.all(people)
  await Promise.all(swaps)
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  expect((await redeem(server, client, code, before)).status).toBe(200)
})
