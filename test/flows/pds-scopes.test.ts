/** What an app may ask for at a person's PDS, and what its token says of it (RFC 8707, RFC 6749 §3.3; atproto permission spec). */
import { expect, test } from 'vitest'
import { authorizeUrl, endpoint, pkce, redeem, token, tokensOf } from '../support/authorize.ts'
import { commandLine } from '../support/command-line.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer, testRedirectUri } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

const post = 'repo:app.bsky.feed.post'
const registered = { scope: 'openid profile email atproto offline_access', resource_scopes: 'transition:generic' }

interface Flow {
  person: Visitor
  server: TestServer
  client: TestClient
}

/** Asks for `scope` as somebody who is signed in; ends at the app or at the page that asks. */
async function ask({ person, client }: Flow, scope: string, extra: Record<string, string> = {}) {
  const proof = pkce()
  const visit = await person.get(authorizeUrl(client, proof, { scope, ...extra }))
  return { proof, visit }
}

async function allow({ person }: Flow, visit: Visit): Promise<Visit> {
  return person.submit(visit, '/consent', { decision: 'allow' })
}

async function redeemed({ server, client }: Flow, visit: Visit, proof: ReturnType<typeof pkce>) {
  expect(visit.left, visit.text).toBe(true)
  return redeem(server, client, visit.url.searchParams.get('code') ?? visit.url.href, proof)
}

async function userinfo(server: TestServer, access: string) {
  const response = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

/** A person with a PDS that counts as linked, and an app that was registered for everything there. */
async function flow(server: TestServer, metadata: Record<string, string> = registered): Promise<Flow> {
  const person = server.visitor()
  const client = await server.client('web', metadata)
  const first = await server.client('web')
  const visit = await register(person, authorizeUrl(first, pkce(), { scope: 'openid' }), somebody())
  await person.submit(visit, '/consent', { decision: 'deny' })
  return { person, server, client }
}

test('an app that asks for atproto gets a token for this server, which works at userinfo', async () => {
  await using server = await startTestServer()
  const it = await flow(server)
  const { visit, proof } = await ask(it, 'openid email atproto')
  const answer = await redeemed(it, await allow(it, visit), proof)
  expect(answer.body['scope']).toBe('openid email atproto')
  const { access } = tokensOf(answer)
  expect(access).not.toContain('.')
  const seen = await endpoint(server, it.client, '/introspect', { token: access })
  expect(seen.body).toMatchObject({ active: true, aud: server.origin })
  const info = await userinfo(server, access)
  expect(info).toMatchObject({ status: 200, json: { sub: expect.any(String), email: expect.any(String) } })
})

test('the issuer with a slash at its end is the same resource, at every endpoint (RFC 3986 §6.2.3)', async () => {
  await using server = await startTestServer()
  const it = await flow(server)
  const resource = `${server.origin}/`
  const scope = 'openid atproto offline_access'
  const { visit, proof } = await ask(it, scope, { resource })
  const callback = await allow(it, visit)
  const code = callback.url.searchParams.get('code') ?? callback.url.href
  const redeem = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: testRedirectUri,
    code_verifier: proof.verifier,
  }
  const first = tokensOf(await token(server, it.client, { ...redeem, resource }))
  const second = await token(server, it.client, {
    grant_type: 'refresh_token',
    refresh_token: first.refresh,
    resource,
  })
  for (const access of [first.access, tokensOf(second).access]) {
    const seen = await endpoint(server, it.client, '/introspect', { token: access })
    expect(seen.body).toMatchObject({ active: true, aud: server.origin, scope })
  }
  const pushed = await endpoint(server, it.client, '/par', {
    ...Object.fromEntries(new URL(authorizeUrl(it.client, proof, { scope, resource }), server.origin).searchParams),
  })
  expect(pushed.status).toBe(201)
  const request_uri = String(pushed.body['request_uri'])
  const again = await it.person.get(`/authorize?${new URLSearchParams({ client_id: it.client.id, request_uri })}`)
  expect((await redeemed(it, again, proof)).body['scope']).toBe(scope)
  // Another path is another resource.
  const other = await ask(it, scope, { resource: `${server.origin}/other` })
  expect(other.visit.url.searchParams.get('error')).toBe('invalid_target')
})

test('userinfo still refuses the tokens of other resources', async () => {
  await using server = await startTestServer()
  await server.resource('https://api.example', ['notes:read', 'openid'])
  const it = await flow(server, { scope: 'openid', resource_scopes: 'notes:read openid' })
  const { visit, proof } = await ask(it, 'openid notes:read', { resource: 'https://api.example' })
  const { access } = tokensOf(await redeemed(it, await allow(it, visit), proof))
  expect((await userinfo(server, access)).status).toBe(401)
})

test('an app without atproto gets a token without an audience, as before', async () => {
  await using server = await startTestServer()
  const it = await flow(server)
  const { visit, proof } = await ask(it, 'openid profile')
  const { access } = tokensOf(await redeemed(it, await allow(it, visit), proof))
  const seen = await endpoint(server, it.client, '/introspect', { token: access })
  expect(seen.body['aud']).not.toBe(server.origin)
})

test('no token for this resource without a person', async () => {
  await using server = await startTestServer()
  const client = await server.client('service', { resource_scopes: 'transition:generic' })
  for (const scope of [post, 'transition:generic']) {
    const plain = await token(server, client, { grant_type: 'client_credentials', scope })
    expect(plain.body['scope']).toBeUndefined()
    const named = await token(server, client, { grant_type: 'client_credentials', scope, resource: server.origin })
    expect(named).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
  }
})

test.each([
  ['what it is not registered for', { resource_scopes: 'repo:app.bsky.feed.like' }, post],
  ['more than it is registered for', { resource_scopes: `${post}?action=create` }, post],
  ['what nobody registered', {}, post],
  ['more than this server asks of a PDS', { resource_scopes: 'account:email' }, 'account:email'],
  ['permission sets', registered, 'include:app.bsky.authFullApp'],
  ['more than can be read', registered, Array.from({ length: 120 }, (_, at) => `${post}${at}`).join(' ')],
])('an app that asks for %s learns so at once (RFC 6749 §4.1.2.1)', async (_what, metadata, scope) => {
  await using server = await startTestServer()
  const client = await server.client('web', { ...metadata })
  const person = server.visitor()
  const visit = await person.get(authorizeUrl(client, pkce(), { scope: `openid ${scope}` }))
  expect(visit.left).toBe(true)
  expect(visit.url.searchParams.get('error')).toBe('invalid_scope')
  expect(visit.url.searchParams.get('code')).toBeNull()
})

test('at the command line an app is registered for scopes of a PDS, within what this server may ask for', async () => {
  await using server = await startTestServer()
  const run = commandLine(server.database.store)
  const add = (...scopes: string[]) =>
    run([
      ...['client', 'add', '--profile', 'web', '--name', 'Poster', '--redirect-uri', testRedirectUri, '--json'],
      ...scopes.flatMap((scope) => ['--scope', scope]),
    ])
  const added = await add('openid', `repo?collection=app.bsky.feed.post`, 'blob:IMAGE/*')
  expect(added.json()).toMatchObject({ scope: 'openid atproto', resource_scopes: `${post} blob:image/*` })
  const shown = await run(['client', 'show', added.json().client_id])
  expect(shown.stdout).toContain(`resource_scopes: ${post} blob:image/*`)
  const updated = await run([
    'client',
    'update',
    added.json().client_id,
    '--scope',
    `openid ${post}?action=create`,
    '--json',
  ])
  expect(updated.json()).toMatchObject({ resource_scopes: `${post}?action=create` })

  expect((await add('include:app.bsky.authFullApp')).stderr).toContain('Permission sets (include:) are not supported')
  expect((await add('repo:everything')).stderr).toContain('Write repo:<collection>')
  expect((await add('transition:chat.bsky')).stderr).toContain('ATPROTO_SCOPE')
  const service = await run(['client', 'add', '--profile', 'service', '--name', 'Report', '--scope', post])
  expect(service.stderr).toContain('signs nobody in')
  const resource = await run(['resource', 'add', 'https://api.example', '--name', 'Notes', '--scope', post])
  expect(resource.stderr).toContain('belongs to no other API')
  expect((await run(['resource', 'add', 'http://localhost:1', '--name', 'Own'])).exitCode).toBe(1)
})

test('where PDSs know our client by its declaration, an app asks for what is registered word for word', async () => {
  const issuer = 'https://auth.example'
  await using server = await startTestServer({ settings: { ISSUER: issuer, TRUST_PROXY: '127.0.0.1' } })
  const client = await server.client('web', registered)
  const ask = () => server.visitor().get(authorizeUrl(client, pkce(), { scope: `openid ${post}` }))
  const refused = await ask()
  expect(refused.url.searchParams.get('error')).toBe('invalid_scope')
  expect(refused.url.searchParams.get('error_description')).toContain(`word for word, as ${post}`)
  await server.client('web', { resource_scopes: post })
  await expect.poll(async () => (await ask()).left, { timeout: 5_000 }).toBe(false)
})
