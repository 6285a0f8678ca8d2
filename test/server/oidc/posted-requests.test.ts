/** Requests of browsers by POST end as those by GET do (OIDC Core §3.1.2.1, RP-Initiated Logout §2). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, pkce, redeem } from '../../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../../support/server.ts'
import { toy } from '../../support/toy-provider.ts'

let server: TestServer
let client: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await server.client('web', { first_party: true })
})
afterAll(() => server.stop())

function post(path: string, body: string, contentType = 'application/x-www-form-urlencoded') {
  return server.visitor().request(path, { method: 'POST', body, headers: { 'content-type': contentType } })
}

test('an authorization request by POST ends in a code for the same parameters', async () => {
  const [visitor, proof] = [server.visitor(), pkce()]
  const query = authorizeUrl(client, proof, { state: 'a b&c=é' }).slice('/authorize?'.length)
  let visit = await visitor.post('/authorize', query)
  visit = await visitor.submit(visit, '/start/toy')
  visit = await visitor.submit(visit, '/answer', { email: 'alice' })
  expect(visit.left).toBe(true)
  expect(visit.url.searchParams.get('state')).toBe('a b&c=é')
  const { status } = await redeem(server, client, visit.url.searchParams.get('code') ?? '', proof)
  expect(status).toBe(200)
})

test('the browser is sent on within this server, whatever the form says, and gets no cookie on the way', async () => {
  for (const body of ['//evil.example/', '?x=%0d%0aset-cookie:%20a=b', '/../..//evil.example', '&&&', '']) {
    const { status, url, headers } = await post('/logout', body)
    expect([body, status, url.origin + url.pathname]).toEqual([body, 303, `${server.origin}/logout`])
    expect(headers.getSetCookie()).toEqual([])
  }
})

test('a parameter in address and form is a parameter that came twice (RFC 6749 §3.1)', async () => {
  const { url } = await post('/authorize?client_id=one', `client_id=${client.id}`)
  expect((await server.visitor().get(url.pathname + url.search)).status).toBe(400)
})

test('what no browser writes, and what is too long for an address, is not taken', async () => {
  expect((await post('/logout', 'state=a b')).status).toBe(404)
  expect((await post('/logout', 'state=é')).status).toBe(404)
  expect((await post('/logout', `state=${'x'.repeat(9_000)}`)).status).toBe(404)
  expect((await post('/logout', '{"state":"x"}', 'application/json')).status).toBe(404)
})
