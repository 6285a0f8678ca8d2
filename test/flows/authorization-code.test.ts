import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorize, authorizeUrl, endpoint, pkce, redeem, token } from '../support/authorize.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
})
afterAll(() => server.stop())

test('a person signs in, allows, and the client gets tokens that work', async () => {
  const client = await server.client('web')
  const proof = pkce()
  const callback = await authorize(server.visitor(), client, proof, {
    extra: { scope: 'openid profile offline_access' },
  })
  expect(callback.searchParams.get('iss')).toBe(server.origin)
  expect(callback.searchParams.get('state')).toBe('state')
  const tokens = await redeem(server, client, callback.searchParams.get('code') ?? '', proof)
  expect(tokens.body).toMatchObject({ token_type: 'Bearer', expires_in: 3600 })
  expect(tokens.status).toBe(200)
  const userinfo = await fetch(`${server.origin}/userinfo`, {
    headers: { authorization: `Bearer ${tokens.body.access_token}` },
  })
  expect(await userinfo.json()).toMatchObject({ sub: expect.stringMatching(/^usr_/), name: 'alice' })
  const introspected = await endpoint(server, client, '/introspect', { token: String(tokens.body.access_token) })
  expect(introspected.body['active']).toBe(true)
  const refreshed = await token(server, client, {
    grant_type: 'refresh_token',
    refresh_token: String(tokens.body.refresh_token),
  })
  expect(refreshed.status).toBe(200)
  expect(refreshed.body.refresh_token).not.toBe(tokens.body.refresh_token)
  await endpoint(server, client, '/revoke', { token: String(refreshed.body.refresh_token) })
  const gone = await endpoint(server, client, '/introspect', { token: String(refreshed.body.access_token) })
  expect(gone.body).toEqual({ active: false })
})

test('what was allowed once is not asked again, in another browser either', async () => {
  const client = await server.client('web')
  const proof = pkce()
  await authorize(server.visitor(), client, proof, { name: 'bob' })
  const other = server.visitor()
  const first = await other.get(
    `/authorize?${new URLSearchParams({ client_id: client.id, redirect_uri: client.redirectUri, response_type: 'code', scope: 'openid', code_challenge: proof.challenge, code_challenge_method: 'S256' })}`,
  )
  const chosen = await other.submit(first, '/start/toy')
  const answered = await other.submit(chosen, '/answer', { email: 'bob' })
  expect(answered.left).toBe(true)
  expect(answered.url.searchParams.get('code')).toBeTruthy()
})

test('what was allowed in one browser later is not asked again in another that is signed in already', async () => {
  const client = await server.client('web')
  const [first, second] = [server.visitor(), server.visitor()]
  await authorize(first, client, pkce(), { name: 'carol' })
  await authorize(second, client, pkce(), { name: 'carol', extra: { scope: 'openid profile' } })
  const proof = pkce()
  const answered = await first.get(authorizeUrl(client, proof, { scope: 'openid profile' }))
  expect(answered.left).toBe(true)
  const tokens = await redeem(server, client, answered.url.searchParams.get('code') ?? '', proof)
  expect(tokens.body['scope']).toBe('openid profile')
})

test('the account pages are ours: whoever signs in there is not asked whether to allow it', async () => {
  const page = await register(server.visitor(), '/account', somebody())
  expect(page.url.pathname).toBe('/account')
})
