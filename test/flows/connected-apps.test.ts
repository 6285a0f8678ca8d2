/** What a person has allowed can be seen and taken back, whatever has become of the tokens (ASVS 5 §10.7.3). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, pkce, redeem, token } from '../support/authorize.ts'
import { register, signIn, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('an app that is remembered is shown after sign-out too, and asks again once it is removed', async () => {
  const client = await server.client('web', { client_name: 'Remembered app' })
  const [person, who] = [server.visitor(), somebody()]
  const question = await register(person, authorizeUrl(client, pkce()), who)
  await person.submit(question, '/consent', { decision: 'allow' })
  await person.submit(await person.get('/logout'), '/logout/confirm', { logout: 'yes' })

  const account = await signIn(person, '/account', who)
  expect(account.text).toContain('Remembered app')
  expect((await person.get(authorizeUrl(client, pkce()))).left).toBe(true)
  const removed = await person.submit(await person.get('/account'), '/apps/revoke')
  expect(removed.text).not.toContain('Remembered app')
  expect((await person.get(authorizeUrl(client, pkce()))).text).toContain('value="allow"')
})

test('an app shows when it last fetched a token', async () => {
  const client = await server.client('web')
  const [person, proof] = [server.visitor(), pkce()]
  const question = await register(person, authorizeUrl(client, proof, { scope: 'openid offline_access' }), somebody())
  const back = await person.submit(question, '/consent', { decision: 'allow' })
  expect((await person.get('/account')).text).not.toContain('last used')
  const { body } = await redeem(server, client, back.url.searchParams.get('code') ?? '', proof)
  await token(server, client, { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) })
  expect((await person.get('/account')).text).toContain('last used')
})
