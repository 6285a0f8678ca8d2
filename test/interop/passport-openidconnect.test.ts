/** An app with passport-openidconnect on Express, in a process of its own. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, traveller } from '../support/interop.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('passport-openidconnect: sign-in, userinfo, logout', async () => {
  await using app = await startApp(server, { program: 'passport-openidconnect.js' })
  const { person, open, atServer } = traveller(server, app)
  const shown = await open('/login')
  expect(JSON.parse(shown.text)).toMatchObject({ issuer: server.origin, emails: [{ value: person.email }] })
  expect((await open('/logout')).text).toContain('Nobody is signed in')
  expect((await atServer.get('/account')).text).toContain('name="password"')
})
