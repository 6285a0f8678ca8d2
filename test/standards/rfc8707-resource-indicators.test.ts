/** Tokens for the API that is named and for no other, with `openid-client` and an API that checks with `jose` (RFC 8707). */
import { decodeJwt } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorize, authorizeUrl, pkce, redeem, refresh, token } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const [notes, photos, hidden] = ['https://notes.example', 'https://photos.example/api', 'https://hidden.example']
let server: TestServer
let web: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  await server.resource(notes, ['notes:read', 'notes:write'], 'jwt')
  await server.resource(photos, ['photos:read'], 'jwt')
  await server.resource(hidden, ['hidden:read'], 'jwt')
  web = await server.client('web', { resource_scopes: 'notes:read notes:write photos:read' })
})
afterAll(() => server.stop())

/** The token of a code that was asked for `resource`, redeemed for `wanted`. */
async function tokenFor(resource: string[], wanted: string | undefined, scope: string) {
  const proof = pkce()
  const url = new URL(authorizeUrl(web, proof, { scope: `openid offline_access ${scope}` }), server.origin)
  for (const one of resource) url.searchParams.append('resource', one)
  const person = server.visitor()
  let visit = await person.get(url.pathname + url.search)
  visit = await person.submit(visit, '/start/toy')
  visit = await person.submit(visit, '/answer', { email: crypto.randomUUID() })
  if (!visit.left) visit = await person.submit(visit, '/consent', { decision: 'allow' })
  return token(server, web, {
    grant_type: 'authorization_code',
    code: visit.url.searchParams.get('code') ?? '',
    redirect_uri: web.redirectUri,
    code_verifier: proof.verifier,
    ...(wanted === undefined ? {} : { resource: wanted }),
  })
}

const readable = ({ body }: Awaited<ReturnType<typeof token>>) => decodeJwt(String(body.access_token))

test('the token is for the API that was named, with its scopes alone (§2.1, §2.2)', async () => {
  const answer = await tokenFor([notes], undefined, 'notes:read photos:read')
  expect(readable(answer)).toMatchObject({ aud: notes, scope: 'notes:read' })
})

test('of two that were named each gets a token of its own, by refresh too (§2.2)', async () => {
  const first = await tokenFor([notes, photos], notes, 'notes:read photos:read')
  expect(readable(first)).toMatchObject({ aud: notes, scope: 'notes:read' })
  const second = await refresh(server, web, String(first.body.refresh_token), { resource: photos })
  expect(readable(second)).toMatchObject({ aud: photos, scope: 'photos:read' })
})

test('a token for both at once is refused, as is one for an API that nobody agreed to (§2.2)', async () => {
  expect((await tokenFor([notes, photos], undefined, 'notes:read photos:read')).body.error).toBe('invalid_target')
  expect((await tokenFor([notes], photos, 'notes:read photos:read')).body.error).toBe('invalid_target')
})

test('a refresh brings fewer scopes where fewer are asked for, never more', async () => {
  const first = await tokenFor([notes], notes, 'notes:read notes:write')
  const renewal = String(first.body.refresh_token)
  const fewer = await refresh(server, web, renewal, { scope: 'notes:read' })
  expect(readable(fewer)['scope']).toBe('notes:read')
  const more = await refresh(server, web, String(fewer.body.refresh_token), { scope: 'notes:read photos:read' })
  expect(more.body.error).toBe('invalid_scope')
})

test('an API of which nothing is asked is refused: nobody would be asked about it (RFC 6749 §3.3)', async () => {
  for (const scope of ['openid', undefined]) {
    const back = await authorize(server.visitor(), web, pkce(), { extra: { resource: notes, scope } })
    expect(back.searchParams.get('error')).toBe('invalid_scope')
  }
  const { body } = await tokenFor([notes], notes, 'notes:read')
  const without = await refresh(server, web, String(body.refresh_token), { scope: 'openid' })
  expect(without.body.error).toBe('invalid_scope')
})

test('an API that is not registered, or that the client is not, is refused at once and by name (§2)', async () => {
  const config = await oauth.discovery(new URL(server.origin), web.id, {}, oauth.ClientSecretBasic(web.secret), {
    execute: [oauth.allowInsecureRequests],
  })
  for (const resource of ['https://unknown.example', hidden, `${notes}#part`, 'notes', `${notes}/`]) {
    const back = await authorize(server.visitor(), web, pkce(), { extra: { resource, scope: 'notes:read' } })
    expect(back.searchParams.get('error'), resource).toMatch(/^invalid_(target|request)$/)
    const refused = oauth.authorizationCodeGrant(config, back, { expectedState: 'state' })
    await expect(refused).rejects.toMatchObject({ error: back.searchParams.get('error') })
  }
})

test('what was agreed to for one API is asked again for another', async () => {
  const person = server.visitor()
  const visit = async (resource: string, scope: string) =>
    person.get(authorizeUrl(web, pkce(), { scope: `openid ${scope}`, resource }))
  let page = await visit(notes, 'notes:read')
  page = await person.submit(page, '/start/toy')
  page = await person.submit(page, '/answer', { email: 'henrietta' })
  expect((await person.submit(page, '/consent', { decision: 'allow' })).left).toBe(true)
  expect((await visit(notes, 'notes:read')).left).toBe(true)
  expect((await visit(photos, 'photos:read')).text).toContain(photos)
})

test('without a resource the token is about the person alone', async () => {
  const proof = pkce()
  const callback = await authorize(server.visitor(), web, proof)
  const { body } = await redeem(server, web, callback.searchParams.get('code') ?? '', proof)
  expect(() => decodeJwt(String(body.access_token))).toThrow()
})
