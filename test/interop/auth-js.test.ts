/** An app with Auth.js on Express, in a process of its own. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, traveller } from '../support/interop.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('Auth.js: discovery, sign-in, session, logout', async () => {
  await using app = await startApp(server, { program: 'auth-js.js', callback: '/auth/callback/habitat' })
  const { person, open, travel, atApp, atServer } = traveller(server, app)
  const press = async (path: string, button: string) =>
    travel(await atApp.submit(await atApp.get(path), button, { callbackUrl: app.origin }))
  const shown = await press('/auth/signin', '/auth/signin/habitat')
  expect(JSON.parse(shown.text)).toMatchObject({ user: { email: person.email } })
  expect((await press('/auth/signout', '/auth/signout')).text).toBe('null')
  expect((await open('/logout')).text).toBe('null')
  expect((await atServer.get('/account')).text).toContain('name="password"')
})
