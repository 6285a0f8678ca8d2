/** A session that somebody else chose, kept, or remembers (ASVS 5 §7.2.4, §7.4.1). */
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, endpoint, pkce, redeem, token } from '../support/authorize.ts'
import { register, signIn, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Cookie, Visitor } from '../support/visitor.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const cookieOf = (person: Visitor, name: string) => person.cookies.find((cookie) => cookie.name === name)?.value

/** A browser that has kept (or was planted) these cookies. */
function withCookies(cookies: readonly Cookie[]): Visitor {
  const person = server.visitor()
  person.cookies.push(...cookies)
  return person
}

const sessionOf = ({ cookies }: Visitor) => structuredClone(cookies.filter(({ name }) => name.startsWith('session')))

async function allowed(
  person: Visitor,
  client: TestClient,
  scope = 'openid',
): Promise<{ code: string; proof: ReturnType<typeof pkce> }> {
  const proof = pkce()
  let page = await person.get(authorizeUrl(client, proof, { scope }))
  if (!page.left) page = await person.submit(page, '/consent', { decision: 'allow' })
  return { code: page.url.searchParams.get('code') ?? '', proof }
}

async function signOut(person: Visitor): Promise<void> {
  const done = await person.submit(await person.get('/logout'), '/logout/confirm', { logout: 'yes' })
  expect(done.text).toContain('You are signed out')
}

test('signing in gives the browser another session id, and the one before is dead', async () => {
  const client = await server.client('web')
  const person = server.visitor()
  const known = somebody()
  await register(server.visitor(), '/account', known)
  const before = authorizeUrl(client, pkce())
  const page = await person.get(before)
  const planted = sessionOf(person)
  await person.submit(page, '/answer', { email: known.email, password: known.password })
  expect(cookieOf(person, 'session')).toBeTruthy()
  expect(cookieOf(person, 'session')).not.toBe(planted.find(({ name }) => name === 'session')?.value)
  const thief = withCookies(planted)
  expect((await thief.get('/account')).text).toContain('name="password"')
  const silent = await thief.get(authorizeUrl(client, pkce(), { prompt: 'none' }))
  expect(silent.url.searchParams.get('error')).toBe('login_required')
})

test('signing in again gives a new session id, and the one before is dead', async () => {
  const person = server.visitor()
  const known = somebody()
  await register(person, '/account', known)
  const before = sessionOf(person)
  const client = await server.client('web', { first_party: true })
  await signIn(person, authorizeUrl(client, pkce(), { prompt: 'login' }), known)
  expect(cookieOf(person, 'session')).not.toBe(before.find(({ name }) => name === 'session')?.value)
  expect((await person.get('/account')).text).toContain('This browser')
  expect((await withCookies(before).get('/account')).text).toContain('name="password"')
})

test('a session id that the server did not give is not taken, signed with another key or not at all', async () => {
  const client = await server.client('web', { first_party: true })
  const known = somebody()
  await register(server.visitor(), '/account', known)
  const cookie = (name: string, value: string): Cookie => ({ name, value, path: '/', attributes: '' })
  for (const extra of [[], [cookie('session.sig', 'x'.repeat(27))]]) {
    const person = withCookies([cookie('session', 'planted-by-somebody-else'), ...extra])
    await signIn(person, authorizeUrl(client, pkce()), known)
    const values = person.cookies.filter(({ name }) => name === 'session').map(({ value }) => value)
    expect(values).not.toContain('planted-by-somebody-else')
    expect((await person.get('/account')).text).toContain('This browser')
  }
})

test('interaction cookies that were planted in another browser finish nothing there', async () => {
  const client = await server.client('web')
  const attacker = server.visitor()
  const known = somebody('mallory')
  await register(attacker, '/account', known)
  const page = await attacker.get(authorizeUrl(client, pkce(), { prompt: 'login' }))
  // Without the session that the interaction was begun in, its cookies alone.
  const planted = attacker.cookies.filter(({ name }) => !name.startsWith('session'))
  const victim = withCookies(planted)
  const answer = await victim.post(`${page.url.pathname}/answer`, { email: known.email, password: known.password })
  const account = await victim.get('/account')
  expect(answer.left ? 'left' : answer.status).not.toBe(500)
  expect(account.text).not.toContain(known.email)
})

test('signing out kills the cookie, silent sign-in and tokens that belong to the session (OIDC Core §11)', async () => {
  const client = await server.client('web')
  const person = server.visitor()
  await register(person, '/account', somebody())
  const { code, proof } = await allowed(person, client)
  const tokens = (await redeem(server, client, code, proof)).body
  const kept = sessionOf(person)
  await signOut(person)
  const thief = withCookies(kept)
  expect((await thief.get('/account')).text).toContain('name="password"')
  const silent = await person.get(authorizeUrl(client, pkce(), { prompt: 'none' }))
  expect(silent.url.searchParams.get('error')).toBe('login_required')
  const introspected = await endpoint(server, client, '/introspect', { token: String(tokens.access_token) })
  expect(introspected.body).toEqual({ active: false })
  const refreshed = await token(server, client, {
    grant_type: 'refresh_token',
    refresh_token: String(tokens.refresh_token),
  })
  expect(refreshed.body.error).toBe('invalid_grant')
})

test('a code that waits when its person signs out is worth nothing', async () => {
  const client = await server.client('web')
  const person = server.visitor()
  await register(person, '/account', somebody())
  const { code, proof } = await allowed(person, client)
  await signOut(person)
  expect((await redeem(server, client, code, proof)).body.error).toBe('invalid_grant')
})

test('offline access outlives the browser session, as the person agreed (OIDC Core §11)', async () => {
  const client = await server.client('web')
  const person = server.visitor()
  await register(person, '/account', somebody())
  const { code, proof } = await allowed(person, client, 'openid offline_access')
  const tokens = (await redeem(server, client, code, proof)).body
  await signOut(person)
  const refreshed = await token(server, client, {
    grant_type: 'refresh_token',
    refresh_token: String(tokens.refresh_token),
  })
  expect(refreshed.status).toBe(200)
  const userinfo = await fetch(`${server.origin}/userinfo`, {
    headers: { authorization: `Bearer ${refreshed.body.access_token}` },
  })
  expect(userinfo.status).toBe(200)
})

test('staying signed in is an answer too', async () => {
  const person = server.visitor()
  await register(person, '/account', somebody())
  await person.submit(await person.get('/logout'), '/logout/confirm', {})
  expect((await person.get('/account')).text).toContain('This browser')
})

test('a session ends after thirty days, however busy it is (ASVS 5 §7.3.2)', async () => {
  await using old = await startTestServer()
  const person = old.visitor()
  await register(person, '/account', somebody())
  const age = async (days: number) =>
    sql`update sessions set payload = jsonb_set(payload, '{loginTs}',
      to_jsonb((payload->>'loginTs')::bigint - ${days * 86_400}::bigint))`.execute(old.database.store.db)
  await age(29)
  expect((await person.get('/account')).text).toContain('This browser')
  await age(2)
  expect((await person.get('/account')).text).toContain('name="password"')
  const client = await old.client('web', { first_party: true })
  const silent = await person.get(authorizeUrl(client, pkce(), { prompt: 'none' }))
  expect(silent.url.searchParams.get('error')).toBe('login_required')
})
