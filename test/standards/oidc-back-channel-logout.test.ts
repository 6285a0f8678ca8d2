/** Apps are told that somebody signed out (OpenID Connect Back-Channel Logout 1.0), by a receiver and by `jose`. */
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { authorize, authorizeUrl, pkce, redeem } from '../support/authorize.ts'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { openTestDatabase } from '../support/database.ts'
import { type LogoutReceiver, logoutReceiver } from '../support/logout-receiver.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { passSeconds, stopClock } from '../support/time-lapse.ts'
import { toy } from '../support/toy-provider.ts'
import type { Visitor } from '../support/visitor.ts'

let server: TestServer
let run: CommandLine
beforeAll(async () => {
  stopClock()
  server = await startTestServer({ providers: [toy()] })
  run = commandLine(server.database.store)
})
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
})
beforeEach(() => server.database.store.db.deleteFrom('logout_notices').execute())

interface App extends AsyncDisposable {
  readonly client: TestClient
  readonly receiver: LogoutReceiver
}

async function appOf(extra: Record<string, unknown> = {}, at = server): Promise<App> {
  const receiver = await logoutReceiver()
  const client = await at.client('web', {
    backchannel_logout_uri: receiver.uri,
    backchannel_logout_session_required: true,
    ...extra,
  })
  return { client, receiver, [Symbol.asyncDispose]: () => receiver[Symbol.asyncDispose]() }
}

let people = 0

/** Somebody new, or whoever this browser belongs to, signs in to an app; the claims of the ID token. */
async function signedIn(client: TestClient, visitor = server.visitor(), at = server) {
  people += 1
  const proof = pkce()
  const callback = await authorize(visitor, client, proof, { name: `person-${people}` })
  const { body } = await redeem(at, client, callback.searchParams.get('code') ?? '', proof)
  return { visitor, idToken: String(body.id_token), claims: decodeJwt(String(body.id_token)) }
}

/** The person signs out on the page of the server. */
async function signOut(visitor: Visitor, query = ''): Promise<void> {
  await visitor.submit(await visitor.get(`/logout${query}`), '/logout/confirm', { logout: 'yes' })
}

async function waiting(): Promise<number> {
  return (await server.database.store.db.selectFrom('logout_notices').selectAll().execute()).length
}

/** Waits until the server says that an app gave this answer, and has written it down. */
async function logged({ client }: App, status: string): Promise<void> {
  await vi.waitUntil(() => server.logged.some((it) => it.includes(client.id) && it.includes(`it answered ${status}`)))
}

test('discovery says so (§2.1)', async () => {
  const document = await (await fetch(`${server.origin}/.well-known/openid-configuration`)).json()
  expect(document).toMatchObject({ backchannel_logout_supported: true, backchannel_logout_session_supported: true })
})

test.each(['RS256', 'ES256'])(
  'the token names person, session and event, signed with %s as ID tokens are (§2.4, §2.5)',
  async (alg) => {
    await using app = await appOf({ id_token_signed_response_alg: alg })
    const { visitor, claims } = await signedIn(app.client)
    expect(claims['sid']).toEqual(expect.any(String))
    await signOut(visitor)
    const [notification] = await app.receiver.arrived(1)
    expect(notification).toMatchObject({ contentType: 'application/x-www-form-urlencoded', names: ['logout_token'] })
    const keys = createRemoteJWKSet(new URL(`${server.origin}/jwks`))
    const { payload, protectedHeader } = await jwtVerify(notification?.token ?? '', keys, {
      issuer: server.origin,
      audience: app.client.id,
      typ: 'logout+jwt',
      algorithms: [alg],
    })
    expect(protectedHeader.alg).toBe(alg)
    expect(payload).toEqual({
      iss: server.origin,
      aud: app.client.id,
      sub: claims.sub,
      sid: claims['sid'],
      iat: Math.floor(Date.now() / 1000),
      exp: Math.floor(Date.now() / 1000) + 120,
      jti: expect.any(String),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    })
  },
)

test('every app of the session is told, once, and none of another session (§2.3)', async () => {
  await using first = await appOf()
  await using second = await appOf()
  await using elsewhere = await appOf()
  const { visitor, claims } = await signedIn(first.client)
  const atSecond = await signedIn(second.client, visitor)
  expect(atSecond.claims.sub).toBe(claims.sub)
  expect(atSecond.claims['sid']).not.toBe(claims['sid'])
  await signedIn(elsewhere.client)
  await signedIn(await server.client('web'), visitor)
  await signOut(visitor)
  await Promise.all([first.receiver.arrived(1), second.receiver.arrived(1)])
  // Nothing is left that anybody could still be told.
  await vi.waitUntil(async () => (await waiting()) === 0)
  expect([first, second, elsewhere].map(({ receiver }) => receiver.notifications.length)).toEqual([1, 1, 0])
})

test('an app that asks for a sign-out of its own alone hears of it, and nobody else', async () => {
  await using first = await appOf()
  await using second = await appOf()
  const { visitor, idToken, claims } = await signedIn(first.client)
  await signedIn(second.client, visitor)
  const page = await visitor.get(`/logout?id_token_hint=${idToken}`)
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
  await visitor.post('/logout/confirm', { xsrf })
  const [notification] = await first.receiver.arrived(1)
  expect(decodeJwt(notification?.token ?? '')['sid']).toBe(claims['sid'])
  await vi.waitUntil(async () => (await waiting()) === 0)
  expect(second.receiver.notifications).toEqual([])
  // Back at the first app it is another session.
  const again = await signedIn(first.client, visitor)
  expect(again.claims.sub).toBe(claims.sub)
  expect(again.claims['sid']).not.toBe(claims['sid'])
})

test('an app that knows people by names of its own is told by that name (OIDC Core §8)', async () => {
  await using app = await appOf({ subject_type: 'pairwise' })
  await using other = await appOf()
  const { visitor, claims } = await signedIn(app.client)
  const elsewhere = await signedIn(other.client, visitor)
  expect(elsewhere.claims.sub).not.toBe(claims.sub)
  await signOut(visitor)
  const [notification] = await app.receiver.arrived(1)
  expect(decodeJwt(notification?.token ?? '')).toMatchObject({ sub: claims.sub, sid: claims['sid'] })
})

test('an app that does not require the session gets no sid, in neither token (§2.2)', async () => {
  await using app = await appOf({ backchannel_logout_session_required: false })
  const { visitor, claims } = await signedIn(app.client)
  await signOut(visitor)
  const [notification] = await app.receiver.arrived(1)
  expect(claims).not.toHaveProperty('sid')
  expect(decodeJwt(notification?.token ?? '')).not.toHaveProperty('sid')
})

describe('every other end of a session is told, too', () => {
  test('somebody else signs in in the same browser', async () => {
    await using app = await appOf()
    const { visitor, claims } = await signedIn(app.client)
    const page = await visitor.get(authorizeUrl(app.client, pkce(), { prompt: 'login' }))
    const asked = await visitor.submit(page, '/start/toy')
    await visitor.submit(asked, '/answer', { email: 'somebody-else' })
    const [notification] = await app.receiver.arrived(1)
    expect(decodeJwt(notification?.token ?? '')).toMatchObject({ sub: claims.sub, sid: claims['sid'] })
  })

  test.each([
    ['session revoke', (sub: string) => ['session', 'revoke', '--account', sub]],
    ['user disable', (sub: string) => ['user', 'disable', sub]],
    ['user remove', (sub: string) => ['user', 'remove', sub]],
  ])('%s', async (_, command) => {
    await using app = await appOf()
    const { claims } = await signedIn(app.client)
    const { exitCode, stderr } = await run(command(String(claims.sub)))
    expect(stderr).toBe('')
    expect(exitCode).toBe(0)
    const [notification] = await app.receiver.arrived(1)
    expect(decodeJwt(notification?.token ?? '')).toMatchObject({ sub: claims.sub, sid: claims['sid'] })
  })

  test('signing out everywhere', async () => {
    await using app = await appOf()
    const { visitor, claims } = await signedIn(app.client)
    await visitor.submit(await visitor.get('/account'), '/account/sign-out-everywhere')
    const [notification] = await app.receiver.arrived(1)
    expect(decodeJwt(notification?.token ?? '')['sid']).toBe(claims['sid'])
  })
})

describe('a receiver that cannot be told', () => {
  test('is told again with a token of that moment, later and later (§2.5, §2.8)', async () => {
    await using app = await appOf()
    app.receiver.answerWith(503, 500)
    const { visitor } = await signedIn(app.client)
    await signOut(visitor)
    await app.receiver.arrived(1)
    await logged(app, '503')
    const shown = await run(['client', 'show', app.client.id])
    expect(shown.stdout).toContain('It has yet to hear of 1 sign-out(s)')
    expect((await run(['doctor', '--json'])).json().findings).toContainEqual({
      check: 'sign-outs',
      level: 'warning',
      message: expect.stringContaining(`${app.client.id}: `),
      remedy: expect.any(String),
    })
    passSeconds(13)
    await app.receiver.arrived(2)
    await logged(app, '500')
    // The next pause is twice as long.
    passSeconds(13)
    const { due_at } = await server.database.store.db
      .selectFrom('logout_notices')
      .select('due_at')
      .executeTakeFirstOrThrow()
    expect(due_at.getTime()).toBeGreaterThan(Date.now())
    passSeconds(13)
    const tokens = (await app.receiver.arrived(3)).map(({ token }) => decodeJwt(token))
    await vi.waitUntil(async () => (await waiting()) === 0)
    expect(new Set(tokens.map(({ jti }) => jti)).size).toBe(3)
    expect(new Set(tokens.map(({ iat }) => iat)).size).toBe(3)
    expect(new Set(tokens.map(({ sid }) => sid)).size).toBe(1)
  })

  test('is told after the server was stopped and started', async () => {
    await using database = await openTestDatabase()
    const settings = { SECRETS: 'a secret that both servers have one after the other' }
    const before = await startTestServer({ providers: [toy()], database, settings })
    await using app = await appOf({}, before)
    app.receiver.answerWith(503)
    const { claims } = await signedIn(app.client, before.visitor(), before)
    await commandLine(database.store)(['session', 'revoke', '--account', String(claims.sub)])
    await app.receiver.arrived(1)
    await before.stop()
    passSeconds(60)
    const after = await startTestServer({ providers: [toy()], database, settings })
    const [, again] = await app.receiver.arrived(2)
    expect(decodeJwt(again?.token ?? '')).toMatchObject({ sub: claims.sub, sid: claims['sid'] })
    await after.stop()
  })

  test('and takes its time holds up nobody else', async () => {
    await using slow = await appOf()
    await using quick = await appOf()
    slow.receiver.answerWith('hang')
    const { visitor } = await signedIn(slow.client)
    await signedIn(quick.client, visitor)
    await signOut(visitor)
    await Promise.all([slow.receiver.arrived(1), quick.receiver.arrived(1)])
  })

  test('is left alone when it says no (400), and after a day; both are in the audit log', async () => {
    await using app = await appOf()
    const events = () =>
      server.database.store.db
        .selectFrom('audit_events')
        .selectAll()
        .where('event', '=', 'logout.undelivered')
        .where('client_id', '=', app.client.id)
        .execute()
    app.receiver.answerWith(400, 503, 503)
    await signOut((await signedIn(app.client)).visitor)
    await vi.waitUntil(async () => (await events()).length === 1)
    expect(await waiting()).toBe(0)
    await signOut((await signedIn(app.client)).visitor)
    await app.receiver.arrived(2)
    await logged(app, '503')
    passSeconds(24 * 60 * 60)
    await vi.waitUntil(async () => (await events()).length === 2, { timeout: 5000 })
    expect((await events())[1]?.detail).toMatchObject({ why: 'it answered 503' })
    expect(await waiting()).toBe(0)
  })
})

test('the header says that it is a logout token, so that no ID token passes for one (§2.4)', async () => {
  await using app = await appOf()
  const { idToken, visitor } = await signedIn(app.client)
  await signOut(visitor)
  const [notification] = await app.receiver.arrived(1)
  expect(decodeProtectedHeader(notification?.token ?? '').typ).toBe('logout+jwt')
  expect(decodeProtectedHeader(idToken).typ).not.toBe('logout+jwt')
  expect(decodeJwt(idToken)).not.toHaveProperty('events')
  // Nor is a logout token taken for an ID token here.
  const page = await visitor.get(authorizeUrl(app.client, pkce(), { id_token_hint: notification?.token ?? '' }))
  expect(page.text + page.url.href).not.toContain('code=')
})
