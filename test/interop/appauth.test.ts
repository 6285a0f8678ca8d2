/** An app on a computer with AppAuth's support for Node, in a process of its own. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startApp, traveller } from '../support/interop.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
let folder: string
beforeAll(async () => {
  server = await startTestServer()
  folder = mkdtempSync(join(tmpdir(), 'habitat-appauth-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await server.stop()
})

test('AppAuth: discovery, browser and loopback on any port (RFC 8252 §7.3), refresh, userinfo, revocation', async () => {
  const opened = join(folder, 'opened')
  const tools = join(import.meta.dirname, 'clients/bin')
  await using app = await startApp(server, {
    program: 'appauth.js',
    preload: 'extensions.js',
    profile: 'native',
    host: '127.0.0.1',
    registration: { redirect_uris: ['http://127.0.0.1/callback'] },
    settings: { PATH: `${tools}:${process.env['PATH']}`, OPENED: opened },
  })
  const { person, travel, atServer } = traveller(server, app)
  await vi.waitUntil(() => existsSync(opened), { timeout: 30_000 })
  const done = await travel(await atServer.get(readFileSync(opened, 'utf8')))
  expect(done.text).toBe('Close your browser to continue')
  expect(JSON.parse(await app.line())).toMatchObject({ email: person.email, afterwards: 401 })
})
