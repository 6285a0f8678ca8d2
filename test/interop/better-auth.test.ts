/** An app with better-auth's generic OAuth plugin, in a process of its own. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, traveller } from '../support/interop.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('better-auth: discovery, sign-in, userinfo, refresh, logout', async () => {
  await using app = await startApp(server, { program: 'better-auth.js', callback: '/api/auth/callback/habitat' })
  const { person, open, travel, atApp, atServer } = traveller(server, app)
  /** What the app's own page asks of it (`authClient`). */
  const ask = async (path: string, body: Record<string, unknown>) => {
    const headers = { 'content-type': 'application/json', origin: app.origin }
    const { text } = await atApp.request(`/api/auth${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return JSON.parse(text) as Record<string, string>
  }
  const goTo = async (address: string | undefined) => travel(await atServer.get(String(address)))

  const home = await goTo((await ask('/sign-in/social', { provider: 'habitat', callbackURL: '/' })).url)
  expect(home.text).toBe('The app')
  expect((await open('/api/auth/get-session')).text).toContain(`"email":"${person.email}"`)

  // Without a database the account is kept in a cookie.
  const account = { useAccountCookie: true }
  const before = await ask('/get-access-token', account)
  const after = await ask('/refresh-token', account)
  expect(after.accessToken).toBeTruthy()
  expect(after.accessToken).not.toBe(before.accessToken)
  expect((await open('/person')).text).toContain(person.email)

  expect((await goTo((await ask('/sign-out', {})).url)).text).toBe('The app')
  expect((await open('/api/auth/get-session')).text).toBe('null')
  expect((await atServer.get('/account')).text).toContain('name="password"')
})
