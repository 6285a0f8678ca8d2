import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type AdminRequest, callAdminSocket, SocketPathTooLong, serveAdminSocket } from '../../server/admin-socket.ts'

function socketPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'habitat-socket-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'admin.sock')
}

const echo = async (request: AdminRequest) => ({ stdout: JSON.stringify(request), stderr: 'noted', exitCode: 7 })

/** What the server answers to these bytes. */
function send(path: string, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path, allowHalfOpen: true })
    let answer = ''
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString()
    })
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EPIPE' || error.code === 'ECONNRESET' ? undefined : reject(error),
    )
    socket.on('close', () => resolve(answer))
    socket.on('end', () => socket.end())
    socket.end(bytes)
  })
}

test('a request comes back answered, whatever its words', async () => {
  const path = socketPath()
  const server = await serveAdminSocket({ path, run: echo })
  const request = { argv: ['client', 'add', '--name', 'a "b" \u001b[2J\n名'], stdin: 'pass\nword\u0000' }
  const response = await callAdminSocket(path, request)
  expect(response).toEqual({ stdout: JSON.stringify(request), stderr: 'noted', exitCode: 7 })
  await server.close()
})

test('the socket is for its owner alone and goes away with the server', async () => {
  const path = socketPath()
  const server = await serveAdminSocket({ path, run: echo })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  await server.close()
  expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined()
  expect(await callAdminSocket(path, { argv: [], stdin: '' })).toBeUndefined()
})

test('requests at the same time do not mix', async () => {
  const path = socketPath()
  const server = await serveAdminSocket({ path, run: echo })
  const requests = Array.from({ length: 20 }, (_, index) => ({ argv: [String(index)], stdin: 'x'.repeat(50_000) }))
  const responses = await Promise.all(requests.map((request) => callAdminSocket(path, request)))
  expect(responses.map((response) => response?.stdout)).toEqual(requests.map((request) => JSON.stringify(request)))
  await server.close()
})

test('the socket that a killed server left behind is replaced', async () => {
  const path = socketPath()
  const dead = `const { createServer } = require('node:net'); createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  const { spawnSync } = await import('node:child_process')
  spawnSync(process.execPath, ['-e', dead])
  expect(statSync(path).isSocket()).toBe(true)
  expect(await callAdminSocket(path, { argv: [], stdin: '' })).toBeUndefined()
  const server = await serveAdminSocket({ path, run: echo })
  expect((await callAdminSocket(path, { argv: [], stdin: '' }))?.exitCode).toBe(7)
  await server.close()
})

test('a file that is no socket is left alone', async () => {
  const path = socketPath()
  writeFileSync(path, 'precious')
  await expect(serveAdminSocket({ path, run: echo })).rejects.toThrow('no socket')
  expect(statSync(path).size).toBe(8)
})

test('a path that the system cannot take is refused in words by both sides', async () => {
  const path = join(socketPath(), 'x'.repeat(100))
  await expect(serveAdminSocket({ path, run: echo })).rejects.toThrow(SocketPathTooLong)
  await expect(callAdminSocket(path, { argv: [], stdin: '' })).rejects.toThrow('DATA_DIR')
})

test.each(['', '{', 'null', '[]', '{"argv":"x","stdin":""}', '{"argv":[1],"stdin":""}', '{"argv":[]}', '\u0000'])(
  'what is no request is not run: %j',
  async (bytes) => {
    const path = socketPath()
    let runs = 0
    const server = await serveAdminSocket({ path, run: async () => ({ stdout: '', stderr: '', exitCode: ++runs }) })
    expect(JSON.parse(await send(path, bytes))).toMatchObject({ exitCode: 1, stderr: 'This is no request.\n' })
    expect(runs).toBe(0)
    await server.close()
  },
)

test('a request beyond 1 MiB is refused before it is taken in', async () => {
  const path = socketPath()
  let runs = 0
  const server = await serveAdminSocket({ path, run: async () => ({ stdout: '', stderr: '', exitCode: ++runs }) })
  const big = { argv: [], stdin: 'x'.repeat(16 * 1024 * 1024) }
  await expect(callAdminSocket(path, big)).rejects.toThrow('larger')
  expect(await send(path, JSON.stringify(big))).not.toContain('"exitCode":0')
  expect(runs).toBe(0)
  await server.close()
})

test('what goes wrong inside is told to the log, not to the caller', async () => {
  const path = socketPath()
  const errors: unknown[] = []
  const failure = new Error('password of the database is hunter2')
  const run = () => Promise.reject(failure)
  const server = await serveAdminSocket({ path, run, onError: (error) => errors.push(error) })
  const response = await callAdminSocket(path, { argv: [], stdin: '' })
  expect(response?.exitCode).toBe(1)
  expect(JSON.stringify(response)).not.toContain('hunter2')
  expect(errors).toEqual([failure])
  await server.close()
})

test('closing waits for the command that is being run', async () => {
  const path = socketPath()
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>()
  const { promise: started, resolve: start } = Promise.withResolvers<void>()
  const server = await serveAdminSocket({
    path,
    run: async () => {
      start()
      await mayEnd
      return { stdout: 'done', stderr: '', exitCode: 0 }
    },
  })
  const answer = callAdminSocket(path, { argv: [], stdin: '' })
  await started
  let closed = false
  const closing = server.close().then(() => {
    closed = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(closed).toBe(false)
  end()
  expect((await answer)?.stdout).toBe('done')
  await closing
})
