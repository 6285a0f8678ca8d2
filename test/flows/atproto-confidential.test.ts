/** Our confidential client at a real PDS: an issuer on https, whose documents the PDS fetches. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pkce, redeem, tokensOf } from '../support/authorize.ts'
import { startPds, type TestPds } from '../support/pds.ts'
import { signInByHandle } from '../support/pds-sign-in.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

const issuer = 'https://auth.habitat-test.dev'
const realFetch = globalThis.fetch

const post = 'repo:app.bsky.feed.post'

let pds: TestPds
let server: TestServer
/** Registered before the PDS first reads what our client declares. */
let poster: TestClient

beforeAll(async () => {
  // What a TLS proxy in front of the issuer does; the PDS and the app find it there by its name.
  globalThis.fetch = (input, init) => {
    const { origin, pathname, search } = new URL(input instanceof Request ? input.url : input)
    if (origin !== issuer) return realFetch(input, init)
    const proxied = { 'x-forwarded-host': new URL(issuer).host, 'x-forwarded-proto': 'https' }
    const forwarded = new Request(new URL(pathname + search, server.address), new Request(input, init))
    for (const [name, value] of Object.entries(proxied)) forwarded.headers.set(name, value)
    return realFetch(forwarded)
  }
  pds = await startPds()
  server = await startTestServer({
    settings: { ISSUER: issuer, TRUST_PROXY: '127.0.0.1,::1' },
    outside: { open: true, plcUrl: pds.plcUrl, handleResolver: pds.url },
  })
  poster = await server.client('web', { scope: 'openid atproto', resource_scopes: post })
})
afterAll(async () => {
  await server.stop()
  await pds.close()
  globalThis.fetch = realFetch
})

test('the documents are where the client id says, for anybody, without a private key', async () => {
  const metadata = await fetch(`${issuer}/atproto/client-metadata.json`)
  expect(metadata.headers.get('content-type')).toBe('application/json')
  expect(await metadata.json()).toMatchObject({
    client_id: `${issuer}/atproto/client-metadata.json`,
    jwks_uri: `${issuer}/atproto/jwks.json`,
    redirect_uris: [`${issuer}/interaction/callback/atproto`],
    token_endpoint_auth_method: 'private_key_jwt',
    dpop_bound_access_tokens: true,
  })
  const { keys } = (await (await fetch(`${issuer}/atproto/jwks.json`)).json()) as { keys: Record<string, unknown>[] }
  expect(keys.length).toBeGreaterThan(0)
  for (const key of keys) {
    expect(key).toMatchObject({ kty: 'EC', crv: 'P-256' })
    expect(key).not.toHaveProperty('d')
  }
})

test('a person signs in, and the PDS keeps no session of ours', async () => {
  const client = await server.client('web')
  const alice = await pds.account()
  const proof = pkce()
  const person = server.visitor()
  const callback = await signInByHandle(server, pds, person, client, alice, proof, { scope: 'openid atproto' })
  const { access } = tokensOf(await redeem(server, client, callback.searchParams.get('code') ?? '', proof))
  const answer = await fetch(`${issuer}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
  expect(await answer.json()).toMatchObject({ did: alice.did, handle: alice.handle })
  await expect.poll(() => pds.sessions(alice)).toBe(0)
})

test('an app is allowed narrow scopes, which the PDS finds declared, and writes there with its token', async () => {
  const alice = await pds.account()
  const proof = pkce()
  const person = server.visitor()
  const scope = `openid atproto ${post}`
  const callback = await signInByHandle(server, pds, person, poster, alice, proof, { scope })
  const { access } = tokensOf(await redeem(server, poster, callback.searchParams.get('code') ?? '', proof))
  const record = { $type: 'app.bsky.feed.post', text: 'Hello', createdAt: new Date().toISOString() }
  const written = await fetch(`${issuer}/xrpc/com.atproto.repo.createRecord`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access}`, 'content-type': 'application/json' },
    body: JSON.stringify({ repo: alice.did, collection: 'app.bsky.feed.post', record }),
  })
  expect(written.status).toBe(200)
  expect(await pds.sessions(alice)).toBe(1)
  const link = await server.database.store.db.selectFrom('atproto_sessions').selectAll().executeTakeFirstOrThrow()
  expect(link).toMatchObject({
    did: alice.did,
    scope: `atproto ${post}`,
    client_id: `${issuer}/atproto/client-metadata.json`,
    key_id: expect.any(String),
  })
})

test('on https nothing arrives under another host name', async () => {
  const answer = await realFetch(`${server.address}/interaction/callback/atproto?state=x`, { redirect: 'manual' })
  expect(answer.status).toBe(421)
})
