/** Tokens that are taken back, JWTs among them, by `openid-client`; what an API learns of it (RFC 7009, RFC 7662). */
import { SignJWT } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { grants } from '../../adapters/postgres/grants.ts'
import { sessions } from '../../adapters/postgres/sessions.ts'
import { authorize, pkce, redeem, refresh, tokensOf } from '../support/authorize.ts'
import { commandLine } from '../support/command-line.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const api = 'https://api.example/jwt'
const now = () => new Date()
let server: TestServer
let owner: TestClient
let web: TestClient
let service: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  owner = await server.resource(api, ['read'], 'jwt')
  web = await server.client('web', { resource_scopes: 'read' })
  service = await server.client('service', { resource_scopes: 'read' })
})
afterAll(() => server.stop())

function discovered(client: TestClient): Promise<oauth.Configuration> {
  const insecure = { execute: [oauth.allowInsecureRequests] }
  return oauth.discovery(new URL(server.origin), client.id, {}, oauth.ClientSecretBasic(client.secret), insecure)
}

/** A person's tokens for the API. */
async function forPerson(name: string, scope = 'openid offline_access read', visitor = server.visitor()) {
  const proof = pkce()
  const callback = await authorize(visitor, web, proof, { name, extra: { scope, resource: api } })
  return tokensOf(await redeem(server, web, callback.searchParams.get('code') ?? '', proof))
}

async function forService(): Promise<string> {
  const config = await discovered(service)
  return (await oauth.clientCredentialsGrant(config, { resource: api, scope: 'read' })).access_token
}

/** What the API is told. */
async function seen(token: string) {
  return oauth.tokenIntrospection(await discovered(owner), token)
}

test('a JWT of a service is taken back: the API sees it end, another token of the service lives on', async () => {
  const [first, second] = [await forService(), await forService()]
  expect(await seen(first)).toMatchObject({ active: true, client_id: service.id, scope: 'read' })
  await oauth.tokenRevocation(await discovered(service), first)
  expect(await seen(first)).toEqual({ active: false })
  expect((await seen(second)).active).toBe(true)
  // Again is no error (RFC 7009 §2.2).
  await oauth.tokenRevocation(await discovered(service), first)
})

test('a JWT of a person is taken back: the access behind it ends with it (RFC 7009 §2.1)', async () => {
  const { access, refresh: renewal } = await forPerson('alice')
  expect(await seen(access)).toMatchObject({ active: true, aud: api, client_id: web.id, scope: 'read' })
  await oauth.tokenRevocation(await discovered(web), access, { token_type_hint: 'access_token' })
  expect(await seen(access)).toEqual({ active: false })
  expect((await refresh(server, web, renewal)).body.error).toBe('invalid_grant')
})

test('a refresh token is taken back, and its JWT with it', async () => {
  const { access, refresh: renewal } = await forPerson('beatrice')
  await oauth.tokenRevocation(await discovered(web), renewal)
  expect(await seen(access)).toEqual({ active: false })
})

test('only the client that has a token takes it back, whatever its kind', async () => {
  const [{ access }, mine] = [await forPerson('carol'), await forService()]
  const stranger = await discovered(await server.client('web'))
  for (const token of [access, mine]) {
    await oauth.tokenRevocation(stranger, token)
    expect((await seen(token)).active).toBe(true)
  }
})

test('what is no token of ours is no error to take back, and shows nothing (RFC 7009 §2.2)', async () => {
  const config = await discovered(service)
  const [head, body, signature] = (await forService()).split('.')
  const changed = Buffer.from(JSON.stringify({ ...readPart(body), scope: 'read write' })).toString('base64url')
  const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'at+jwt' })).toString('base64url')
  const theirs = await new SignJWT(readPart(body))
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
    .sign(new TextEncoder().encode('x'.repeat(32)))
  for (const token of [`${head}.${changed}.${signature}`, `${none}.${body}.`, theirs, 'nonsense']) {
    expect(await seen(token)).toEqual({ active: false })
    await oauth.tokenRevocation(config, token)
  }
})

function readPart(part = ''): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
}

test('an ID token is no access token, though it bears our signature', async () => {
  const proof = pkce()
  const callback = await authorize(server.visitor(), web, proof, { name: 'dora' })
  const { body } = await redeem(server, web, callback.searchParams.get('code') ?? '', proof)
  const config = await discovered(web)
  expect(await oauth.tokenIntrospection(config, String(body.id_token))).toEqual({ active: false })
})

test('a JWT ends with its grant, its account and its client, as introspection sees it', async () => {
  const { db } = server.database.store
  const [ended, disabled] = [await forPerson('erika'), await forPerson('frida')]
  const [{ sub: erika }, { sub: frida }] = [await seen(ended.access), await seen(disabled.access)]
  await grants(db, now).revoke({ accountId: String(erika), clientId: web.id })
  await accounts(db, now).disable(String(frida))
  expect(await seen(ended.access)).toEqual({ active: false })
  expect(await seen(disabled.access)).toEqual({ active: false })
})

test('a JWT without offline access ends with the browser session', async () => {
  const { access } = await forPerson('gerda', 'openid read')
  const { sub } = await seen(access)
  const { db } = server.database.store
  await sessions(db, now).revokeByAccount(String(sub))
  expect(await seen(access)).toEqual({ active: false })
})

test('the grant of a JWT that lasts longer than its code’s row is kept until its end', async () => {
  const long = 'https://long.example'
  const argv = ['resource', 'add', long, '--name', 'Long', '--scope', 'read', '--token-ttl', '7200']
  await commandLine(server.database.store)(argv)
  const proof = pkce()
  const extra = { scope: 'openid read', resource: long }
  const callback = await authorize(server.visitor(), web, proof, { name: 'hanna', extra })
  const { access } = tokensOf(await redeem(server, web, callback.searchParams.get('code') ?? '', proof))
  const { exp } = readPart(access.split('.')[1])
  const rows = await server.database.store.db.selectFrom('grants').select('needed_until').execute()
  const kept = rows.flatMap(({ needed_until: until }) => (until === null ? [] : [Math.round(until.getTime() / 1000)]))
  expect(kept).toHaveLength(1)
  expect(Math.abs((kept[0] ?? 0) - Number(exp))).toBeLessThan(2)
})

test('what is kept of a JWT that was taken back is a hash, and nothing of one that was not', async () => {
  const [kept, untouched] = [await forService(), await forService()]
  await oauth.tokenRevocation(await discovered(service), kept)
  const dump = await server.database.dump()
  for (const token of [kept, untouched]) {
    for (const secret of [token, String(readPart(token.split('.')[1])['jti'])]) expect(dump).not.toContain(secret)
  }
})
