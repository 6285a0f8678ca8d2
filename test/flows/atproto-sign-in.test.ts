/** Signing in where one's account lives, through the whole server and a real PDS. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, endpoint, pkce, redeem, tokensOf } from '../support/authorize.ts'
import { type PdsAccount, startPds, type TestPds } from '../support/pds.ts'
import { comeBack, signInByHandle } from '../support/pds-sign-in.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let pds: TestPds
let server: TestServer
/** Milliseconds by which the server's clock is ahead of that of the PDS. */
let ahead = 0

beforeAll(async () => {
  pds = await startPds()
  server = await startTestServer({ settings: pds.settings, now: () => new Date(Date.now() + ahead) })
})
afterEach(() => {
  ahead = 0
})
afterAll(async () => {
  await server.stop()
  await pds.close()
})

test('a newcomer signs in with a handle, makes an account, and comes back to the same one with another handle', async () => {
  const client = await server.client('web')
  const alice = await pds.account()
  const first = await userinfo(client, alice, 'openid profile atproto')
  expect(first).toMatchObject({ did: alice.did, handle: alice.handle, name: alice.handle })

  const before = alice.handle
  await pds.rename(alice)
  ahead += 2 * 60_000
  const second = await userinfo(client, alice, 'openid profile atproto')
  expect(second).toEqual({ ...first, handle: alice.handle })
  expect(alice.handle).not.toBe(before)
})

test('the newcomer is asked before an account is made, and sees which handle it is for', async () => {
  const client = await server.client('web')
  const alice = await pds.account()
  const person = server.visitor()
  const callback = await pds.login((await openPds(person, client, alice)).url, alice)
  const page = await comeBack(person, callback)
  expect(page.status).toBe(200)
  expect(page.text).toContain(`<bdi>${alice.handle}</bdi>`)
  expect(await identities()).not.toContain(alice.did)
  await person.submit(page, '/newcomer', { decision: 'create', name: 'Alice' })
  expect(await identities()).toContain(alice.did)
})

test('signing in leaves no session at the PDS, and no token of it with us', async () => {
  const client = await server.client('web')
  const alice = await pds.account()
  await signInByHandle(server, pds, server.visitor(), client, alice)
  await expect.poll(() => pds.sessions(alice)).toBe(0)
  const { rows } = await server.database.store.db
    .selectFrom('atproto_sessions')
    .selectAll()
    .execute()
    .then((found) => ({ rows: found }))
  expect(rows).toEqual([])
})

test('without the scope atproto an app learns neither DID nor handle', async () => {
  const client = await server.client('web')
  const claims = await userinfo(client, await pds.account(), 'openid')
  expect(Object.keys(claims)).toEqual(['sub'])
})

test('discovery names the scope and its claims', async () => {
  const answer = await fetch(`${server.origin}/.well-known/openid-configuration`)
  const found = (await answer.json()) as Record<string, string[]>
  expect(found['scopes_supported']).toContain('atproto')
  expect(found['claims_supported']).toEqual(expect.arrayContaining(['did', 'handle']))
})

test.each(['handle', 'login_hint'])('%s in the request goes straight on to the PDS', async (name) => {
  const client = await server.client('web')
  const alice = await pds.account()
  for (const value of [alice.handle, alice.did]) {
    const visit = await server.visitor().get(authorizeUrl(client, pkce(), { [name]: value }))
    expect(visit.left).toBe(true)
    expect(visit.url.origin).toBe(pds.url)
  }
})

test('a handle in a pushed request goes straight on to the PDS (RFC 9126)', async () => {
  const client = await server.client('web')
  const alice = await pds.account()
  const request = new URL(authorizeUrl(client, pkce(), { handle: alice.handle }), server.origin).searchParams
  const pushed = await endpoint(server, client, '/par', Object.fromEntries(request))
  expect(pushed.status).toBe(201)
  const query = new URLSearchParams({ client_id: client.id, request_uri: String(pushed.body['request_uri']) })
  const visit = await server.visitor().get(`/authorize?${query}`)
  expect(visit.url.origin).toBe(pds.url)
})

test('the handle counts more than the hint, and a hint that is an email address stays with the password', async () => {
  const client = await server.client('web')
  const alice = await pds.account()
  const both = { handle: alice.handle, login_hint: 'alice@example.com' }
  expect((await server.visitor().get(authorizeUrl(client, pkce(), both))).url.origin).toBe(pds.url)
  const hinted = await server.visitor().get(authorizeUrl(client, pkce(), { login_hint: 'alice@example.com' }))
  expect(hinted.left).toBe(false)
  expect(hinted.text).toContain('name="password"')
})

test('a handle that is none shows the page that asks, with what was given and what is wrong, and stays there', async () => {
  const client = await server.client('web')
  const person = server.visitor()
  const page = await person.get(authorizeUrl(client, pkce(), { handle: 'not a handle' }))
  expect(page.status).toBe(400)
  expect(page.text).toContain('value="not a handle"')
  expect(page.text).toContain('That isn’t a handle')
  const again = await person.get(page.url.href)
  expect(again.text).toContain('value="not a handle"')
  const alice = await pds.account()
  const mended = await person.submit(again, '/answer', { handle: alice.handle })
  expect(mended.url.origin).toBe(pds.url)
})

test('who comes back from the PDS without an answer may choose anew, and is not sent there again', async () => {
  const client = await server.client('web')
  const alice = await pds.account()
  const person = server.visitor()
  await person.get(authorizeUrl(client, pkce(), { handle: alice.handle }))
  const interaction = interactionOf(person)
  for (let reload = 0; reload < 2; reload += 1) {
    const page = await person.get(interaction)
    expect(page.left).toBe(false)
    expect(page.text).toContain('/start/atproto"')
    expect(page.text).toContain('/start/password"')
  }
  const page = await person.submit(await person.get(interaction), '/start/atproto')
  expect(page.left).toBe(false)
  expect(page.text).toContain(`value="${alice.handle}"`)
  const away = await person.submit(page, '/answer', { handle: alice.handle })
  const callback = await pds.login(away.url, alice)
  expect((await comeBack(person, callback)).text).toContain(alice.handle)
})

test('a handle is taken as people write it: with an at sign, in capitals, with marks that nobody sees', async () => {
  const client = await server.client('web')
  const alice = await pds.account()
  for (const written of [`@${alice.handle}`, alice.handle.toUpperCase(), `\u202a${alice.handle}\u202c `, pds.url]) {
    expect((await openPds(server.visitor(), client, { ...alice, handle: written })).url.origin).toBe(pds.url)
  }
})

test('an app that names somebody else than who is signed in here gets that person, or none', async () => {
  const client = await server.client('web')
  const [alice, bob] = [await pds.account(), await pds.account()]
  const person = server.visitor()
  await signInByHandle(server, pds, person, client, alice)
  for (const same of [alice.handle, `@${alice.handle.toUpperCase()}`, alice.did]) {
    const again = await person.get(authorizeUrl(client, pkce(), { handle: same }))
    expect(again.url.searchParams.get('code')).toBeTruthy()
  }
  const quiet = await person.get(authorizeUrl(client, pkce(), { handle: bob.handle, prompt: 'none' }))
  expect(quiet.url.searchParams.get('error')).toBe('login_required')
  const page = await person.get(authorizeUrl(client, pkce(), { handle: bob.handle }))
  expect((await person.submit(page, '/answer', { handle: bob.handle })).url.origin).toBe(pds.url)
})

async function userinfo(client: TestClient, account: PdsAccount, scope: string): Promise<Record<string, unknown>> {
  const proof = pkce()
  const callback = await signInByHandle(server, pds, server.visitor(), client, account, proof, { scope })
  const { access } = tokensOf(await redeem(server, client, callback.searchParams.get('code') ?? '', proof))
  const answer = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
  expect(answer.status).toBe(200)
  return (await answer.json()) as Record<string, unknown>
}

async function openPds(person: Visitor, client: TestClient, account: PdsAccount): Promise<Visit> {
  const page = await person.submit(await person.get(authorizeUrl(client, pkce())), '/start/atproto')
  return person.submit(page, '/answer', { handle: account.handle })
}

function interactionOf(person: Visitor): string {
  const cookie = person.cookies.find(({ path }) => path.startsWith('/interaction/'))
  if (cookie === undefined) throw new Error('no interaction is open')
  return cookie.path
}

async function identities(): Promise<readonly string[]> {
  const rows = await server.database.store.db.selectFrom('identities').select('subject').execute()
  return rows.map(({ subject }) => subject)
}
