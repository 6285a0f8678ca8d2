/** Apps with the certified libraries that leave each step to the app, each in a process of its own. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, traveller } from '../support/interop.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test.for(['openid-client', 'oauth4webapi'])('%s: discovery, sign-in, userinfo, refresh, logout', async (program) => {
  await using app = await startApp(server, { program })
  const { person, open, atServer } = traveller(server, app)
  const shown = await open('/login')
  expect(JSON.parse(shown.text)).toMatchObject({ email: person.email, email_verified: false })
  expect((await open('/refresh')).text).toBe(shown.text)
  expect((await open('/logout')).text).toBe('Nobody is signed in')
  expect((await atServer.get('/account')).text).toContain('name="password"')
})
