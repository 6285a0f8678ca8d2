import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { formsOf } from '../support/visitor.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('text that no database row can hold is the sender’s mistake, and no error of the server', async () => {
  const [stranger, member, person] = [server.visitor(), server.visitor(), somebody()]
  await register(member, '/account', somebody())
  const page = await stranger.submit(await stranger.get('/account'), '/answer', { action: 'register', email: '' })
  const answers = [
    await stranger.get('/logos/%00/x'),
    await stranger.submit(page, '/answer', { email: person.email, password: person.password, name: 'a\0b' }),
    await member.post('/account/apps/revoke', { client_id: 'a\0' }),
    await member.post('/account/sessions/revoke', { uid: 'a\0' }),
  ]
  for (const { status } of answers) expect([400, 404]).toContain(status)
  expect(server.logged.filter((line) => line.includes('"level":"error"'))).toEqual([])
})

test('a browser that comes back without its cookie is offered to begin the same sign-in again', async () => {
  const client = await server.client('web')
  const person = server.visitor()
  const page = await person.get(authorizeUrl(client, pkce(), { state: 'the same state' }))
  const uid = /\/interaction\/([^/]+)\//.exec(formsOf(page.text)[0]?.action ?? '')?.[1] ?? ''
  for (const address of [`/interaction/${uid}`, `/authorize/${uid}`]) {
    const lost = await server.visitor().get(address)
    expect(lost.status).toBe(400)
    const restart = /href="(\/authorize\?[^"]+)"/.exec(lost.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    expect(new URL(restart, server.origin).searchParams.get('state')).toBe('the same state')
    expect((await server.visitor().get(restart)).text).toContain('name="password"')
  }
})
