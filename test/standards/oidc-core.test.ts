/** What an app may ask of a sign-in, and what it learns (OpenID Connect Core 1.0), by openid-client. */
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { endpoint } from '../support/authorize.ts'
import { type Person, register, signIn, somebody } from '../support/people.ts'
import { allowing, type RelyingParty, relyingParty, type Tokens } from '../support/relying-party.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let server: TestServer
/** Ours: nobody is asked for consent. */
let app: RelyingParty
let alice: Person
/** Where she is signed in. */
let browser: Visitor

beforeAll(async () => {
  server = await startTestServer()
  app = await relyingParty(server, await server.client('web', { first_party: true }))
  alice = somebody('alice')
  browser = server.visitor()
  const attempt = await app.begin()
  await attempt.finish(await register(browser, attempt.path, alice))
})
afterEach(() => {
  vi.useRealTimers()
})
afterAll(() => server.stop())

function later(seconds: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
}

function errorOf({ url, left }: Visit): string | null {
  return left ? url.searchParams.get('error') : `stayed at ${url.pathname}`
}

/** The tokens of somebody who is signed in. */
async function tokensFor(party: RelyingParty, params: Record<string, string> = {}, who = browser): Promise<Tokens> {
  const attempt = await party.begin(params)
  return attempt.finish(await allowing(who, await who.get(attempt.path)))
}

async function subjectOf(party: RelyingParty, who = browser): Promise<string> {
  return String((await tokensFor(party, {}, who)).claims()?.sub)
}

/** Whether a page asks for the password. */
function asksForPassword(page: Visit): boolean {
  return !page.left && page.text.includes('name="password"')
}

/** An app of somebody who was registered so. */
async function registered(extra: Record<string, unknown>, profile = 'web'): Promise<RelyingParty> {
  const client = await server.client(profile, { first_party: true, ...extra })
  return relyingParty(server, client, extra as Partial<oauth.ClientMetadata>)
}

describe('ID tokens (§2, §3.1.3.6)', () => {
  test('say who, when, how, for whom and for which request, and nothing else', async () => {
    const attempt = await app.begin({ scope: 'openid email profile' })
    const tokens = await attempt.finish(await browser.get(attempt.path))
    const claims = decodeJwt(tokens.id_token ?? '')
    expect(Object.keys(claims).sort()).toEqual(
      ['acr', 'amr', 'aud', 'auth_time', 'exp', 'iat', 'iss', 'nonce', 'sub'].sort(),
    )
    expect(claims).toMatchObject({ iss: server.origin, aud: app.client.id, nonce: attempt.nonce })
    expect(Number(claims.exp) - Number(claims.iat)).toBeLessThanOrEqual(3600)
  })

  test('have the nonce of their request, and an app that expects another one refuses them (§3.1.3.7)', async () => {
    const attempt = await app.begin({ nonce: 'another' })
    await expect(attempt.finish(await browser.get(attempt.path))).rejects.toMatchObject({
      cause: { cause: { claim: 'nonce' } },
    })
  })

  test('have none where none was sent', async () => {
    const attempt = await app.begin({ nonce: undefined })
    const back = await browser.get(attempt.path)
    const tokens = await attempt.finish(back, { expectedNonce: undefined as never })
    expect(tokens.claims()).not.toHaveProperty('nonce')
  })

  test.each([undefined, 'RS256', 'ES256', 'EdDSA'])('are signed as the app was registered: %s (§10.1)', async (alg) => {
    const party = await registered(alg === undefined ? {} : { id_token_signed_response_alg: alg })
    const tokens = await tokensFor(party)
    expect(decodeProtectedHeader(tokens.id_token ?? '').alg).toBe(alg ?? 'RS256')
    const keys = createRemoteJWKSet(new URL(party.config.serverMetadata().jwks_uri ?? ''))
    const options = { issuer: server.origin, audience: party.client.id }
    expect((await jwtVerify(tokens.id_token ?? '', keys, options)).payload.sub).toBe(tokens.claims()?.sub)
  })

  test('come with a refreshed access token, and still say when the person signed in (§12.2)', async () => {
    const tokens = await tokensFor(app, { scope: 'openid offline_access' })
    const renewed = await oauth.refreshTokenGrant(app.config, tokens.refresh_token ?? '')
    const [before, after] = [tokens.claims(), renewed.claims()]
    for (const name of ['iss', 'sub', 'aud', 'auth_time', 'acr', 'amr'] as const)
      expect(after?.[name]).toEqual(before?.[name])
  })
})

describe('prompt (§3.1.2.1)', () => {
  test('none answers at once where nothing is to be asked, and with an error where something is', async () => {
    const quiet = await app.begin({ prompt: 'none' })
    expect((await quiet.finish(await browser.get(quiet.path))).claims()?.sub).toBe(await subjectOf(app))
    expect(errorOf(await server.visitor().get(quiet.path))).toBe('login_required')
    const other = await relyingParty(server, await server.client('web'))
    const unknown = await other.begin({ prompt: 'none' })
    expect(errorOf(await browser.get(unknown.path))).toBe('consent_required')
  })

  test('login asks somebody who is signed in, and says that it was just now', async () => {
    later(60)
    const attempt = await app.begin({ prompt: 'login' })
    const page = await browser.get(attempt.path)
    expect(asksForPassword(page)).toBe(true)
    const { email, password } = alice
    const tokens = await attempt.finish(await browser.submit(page, '/answer', { email, password }))
    expect(Math.abs(Number(tokens.claims()?.['auth_time']) - Date.now() / 1000)).toBeLessThan(10)
  })

  test('consent asks somebody who has agreed before', async () => {
    const other = await relyingParty(server, await server.client('web'))
    await tokensFor(other)
    expect((await browser.get((await other.begin()).path)).left).toBe(true)
    expect((await browser.get((await other.begin({ prompt: 'consent' })).path)).text).toContain('value="allow"')
  })

  test('select_account asks which one: this one at a click', async () => {
    const attempt = await app.begin({ prompt: 'select_account' })
    const page = await browser.get(attempt.path)
    expect(page.text).toContain('Which account?')
    expect(page.text).toContain(alice.email)
    const tokens = await attempt.finish(await browser.submit(page, '/account/same'))
    expect(tokens.claims()?.sub).toBe(await subjectOf(app))
  })

  test('select_account, another one: who signs in then is who the app gets', async () => {
    const [visitor, bob] = [server.visitor(), somebody('bob')]
    await register(visitor, (await app.begin()).path, bob)
    const attempt = await app.begin({ prompt: 'select_account' })
    const form = await visitor.submit(await visitor.get(attempt.path), '/account/other')
    expect(asksForPassword(form)).toBe(true)
    // Coming back to it is not being asked the first question again.
    expect(asksForPassword(await visitor.get(form.url.pathname))).toBe(true)
    const { email, password } = alice
    const tokens = await attempt.finish(await visitor.submit(form, '/answer', { email, password }))
    expect(tokens.claims()?.sub).toBe(await subjectOf(app))
  })

  test('select_account with nobody here is a sign-in like any other, asked once', async () => {
    const attempt = await app.begin({ prompt: 'select_account' })
    await attempt.finish(await signIn(server.visitor(), attempt.path, alice))
  })

  test('create opens the page for a new account, for somebody who is signed in, too (Registration 1.0 §4.1)', async () => {
    const [visitor, { email, password }] = [server.visitor(), somebody('new')]
    const first = await app.begin({ prompt: 'create', login_hint: email })
    const page = await visitor.get(first.path)
    expect(page.text).toContain('name="name"')
    expect(page.text).toContain(email)
    const tokens = await first.finish(await visitor.submit(page, '/answer', { email, password, name: '' }))
    expect(tokens.claims()?.sub).not.toBe(await subjectOf(app))
    const attempt = await app.begin({ prompt: 'create' })
    expect((await browser.get(attempt.path)).text).toContain('name="name"')
  })

  test('create where nobody may create an account is an error, and not announced', async () => {
    await using closed = await startTestServer({ settings: { REGISTRATION: 'closed' } })
    const party = await relyingParty(closed, await closed.client('web'))
    expect(party.config.serverMetadata()['prompt_values_supported']).not.toContain('create')
    const attempt = await party.begin({ prompt: 'create' })
    expect(errorOf(await closed.visitor().get(attempt.path))).toBe('invalid_request')
  })

  test.each(['none login', 'none create', 'sudo', 'login sudo'])('%s is refused', async (prompt) => {
    const attempt = await app.begin({ prompt })
    expect(errorOf(await browser.get(attempt.path))).toBe('invalid_request')
  })

  test('offline access is given beside any of them but none (§11)', async () => {
    const attempt = await app.begin({ prompt: 'select_account', scope: 'openid offline_access' })
    const tokens = await attempt.finish(await browser.submit(await browser.get(attempt.path), '/account/same'))
    expect(tokens.refresh_token).toBeTruthy()
  })
})

describe('max_age (§3.1.2.1)', () => {
  test('asks again only who signed in longer ago, and the app can check it', async () => {
    const young = await app.begin({ max_age: '86400' })
    await young.finish(await browser.get(young.path), { maxAge: 86_400 })
    later(100_000)
    const old = await app.begin({ max_age: '86400' })
    const page = await browser.get(old.path)
    expect(asksForPassword(page)).toBe(true)
    const { email, password } = alice
    await old.finish(await browser.submit(page, '/answer', { email, password }), { maxAge: 86_400 })
  })

  test('0 asks always', async () => {
    expect(asksForPassword(await browser.get((await app.begin({ max_age: '0' })).path))).toBe(true)
  })

  test.each(['-1', '1.5', 'soon'])('%j is refused', async (max_age) => {
    expect(errorOf(await browser.get((await app.begin({ max_age })).path))).toBe('invalid_request')
  })

  test('an app may have it always (default_max_age, Registration §2)', async () => {
    const party = await registered({ default_max_age: 0 })
    expect(asksForPassword(await browser.get((await party.begin()).path))).toBe(true)
    const every = await registered({ default_max_age: 3600, require_auth_time: true })
    const visitor = server.visitor()
    const attempt = await every.begin()
    const tokens = await attempt.finish(await signIn(visitor, attempt.path, alice))
    expect(tokens.claims()).toHaveProperty('auth_time')
    later(3700)
    expect(asksForPassword(await visitor.get((await every.begin()).path))).toBe(true)
  })
})

describe('hints', () => {
  test('id_token_hint: the same person needs nothing, another one signs in, and a forged one is refused', async () => {
    const { id_token = '', claims } = await tokensFor(app)
    const attempt = await app.begin({ id_token_hint: id_token, prompt: 'none' })
    expect((await attempt.finish(await browser.get(attempt.path))).claims()?.sub).toBe(claims()?.sub)
    const [visitor, carol] = [server.visitor(), somebody('carol')]
    await register(visitor, (await app.begin()).path, carol)
    expect(errorOf(await visitor.get(attempt.path))).toBe('login_required')
    expect(asksForPassword(await visitor.get((await app.begin({ id_token_hint: id_token })).path))).toBe(true)
    for (const wrong of ['nonsense', `${id_token.slice(0, -4)}AAAA`]) {
      expect(errorOf(await browser.get((await app.begin({ id_token_hint: wrong })).path))).toBe('invalid_request')
    }
  })

  test('an ID token of another app is no hint', async () => {
    const { id_token = '' } = await tokensFor(app)
    const other = await registered({})
    expect(errorOf(await browser.get((await other.begin({ id_token_hint: id_token })).path))).toBe('invalid_request')
  })

  test('login_hint stands in the form', async () => {
    const attempt = await app.begin({ login_hint: 'dora@example.com' })
    expect((await server.visitor().get(attempt.path)).text).toContain('value="dora@example.com"')
  })

  test('ui_locales and display are taken, and answered in a language there is', async () => {
    const attempt = await app.begin({ ui_locales: 'tlh fr-CA en', display: 'popup', claims_locales: 'fr' })
    const page = await server.visitor().get(attempt.path)
    expect(page.status).toBe(200)
    expect(page.text).toContain('<html lang="en"')
    expect(app.config.serverMetadata()['ui_locales_supported']).toEqual(['en'])
  })
})

describe('claims (§5.5)', () => {
  const asking = (claims: object) => ({ claims: JSON.stringify(claims) })

  test('are given where they are asked for: in the ID token, at /userinfo', async () => {
    const inToken = await tokensFor(app, asking({ id_token: { email: { essential: true }, email_verified: null } }))
    expect(inToken.claims()).toMatchObject({ email: alice.email, email_verified: false })
    const sub = String(inToken.claims()?.sub)
    expect(await oauth.fetchUserInfo(app.config, inToken.access_token, sub)).toEqual({ sub })
    const atEndpoint = await tokensFor(app, asking({ userinfo: { email: null } }))
    expect(atEndpoint.claims()).not.toHaveProperty('email')
    expect(await oauth.fetchUserInfo(app.config, atEndpoint.access_token, sub)).toEqual({ sub, email: alice.email })
  })

  test('what is not known of a person is left out, essential or not (§5.5.1)', async () => {
    const tokens = await tokensFor(
      app,
      asking({ id_token: { name: { essential: true }, phone_number: { essential: true } } }),
    )
    expect(tokens.claims()).not.toHaveProperty('name')
    expect(tokens.claims()).not.toHaveProperty('phone_number')
  })

  test('are agreed to by the person like scopes, once', async () => {
    const other = await relyingParty(server, await server.client('web'))
    await tokensFor(other)
    const wish = asking({ id_token: { email: null } })
    const attempt = await other.begin(wish)
    const page = await browser.get(attempt.path)
    expect(page.text).toContain('value="allow"')
    expect((await attempt.finish(await allowing(browser, page))).claims()).toHaveProperty('email')
    expect((await browser.get((await other.begin(wish)).path)).left).toBe(true)
    const denied = await other.begin(asking({ id_token: { name: null } }))
    const back = await browser.submit(await browser.get(denied.path), '/consent', { decision: 'deny' })
    expect(errorOf(back)).toBe('access_denied')
  })

  test('a sub that is asked for is the person’s, or somebody has to sign in (§5.5.1)', async () => {
    const sub = await subjectOf(app)
    const same = await app.begin({ prompt: 'none', ...asking({ id_token: { sub: { value: sub } } }) })
    expect((await same.finish(await browser.get(same.path))).claims()?.sub).toBe(sub)
    const other = await app.begin({ prompt: 'none', ...asking({ id_token: { sub: { value: 'usr_nobody' } } }) })
    expect(errorOf(await browser.get(other.path))).toBe('login_required')
  })

  test.each(['{', '[]', '"email"', '{}', '{"id_token":[]}', '{"userinfo":"email"}', 'null'])(
    '%s is refused',
    async (claims) => {
      expect(errorOf(await browser.get((await app.begin({ claims })).path))).toBe('invalid_request')
    },
  )
})

describe('userinfo (§5.3)', () => {
  test('answers what the scopes give (§5.4)', async () => {
    const tokens = await tokensFor(app, { scope: 'openid email profile' })
    const sub = String(tokens.claims()?.sub)
    expect(await oauth.fetchUserInfo(app.config, tokens.access_token, sub)).toEqual({
      sub,
      email: alice.email,
      email_verified: false,
    })
  })

  test.each(['RS256', 'ES256', 'EdDSA'])('is signed where the app was registered so: %s (§5.3.2)', async (alg) => {
    const party = await registered({ userinfo_signed_response_alg: alg })
    oauth.enableNonRepudiationChecks(party.config)
    const tokens = await tokensFor(party, { scope: 'openid email' })
    const sub = String(tokens.claims()?.sub)
    expect(await oauth.fetchUserInfo(party.config, tokens.access_token, sub)).toMatchObject({
      sub,
      email: alice.email,
      iss: server.origin,
      aud: party.client.id,
    })
    const raw = await fetch(`${server.origin}/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    expect(raw.headers.get('content-type')).toMatch(/^application\/jwt/)
    expect(decodeProtectedHeader(await raw.text()).alg).toBe(alg)
  })

  test('takes the token in a form, too, never in the address, and says what is missing (RFC 6750 §2, §3)', async () => {
    const { access_token } = await tokensFor(app)
    const posted = await fetch(`${server.origin}/userinfo`, {
      method: 'POST',
      body: new URLSearchParams({ access_token }),
    })
    expect(posted.status).toBe(200)
    expect((await fetch(`${server.origin}/userinfo?access_token=${access_token}`)).status).toBe(400)
    const without = await fetch(`${server.origin}/userinfo`)
    expect(without.status).toBe(401)
    expect(without.headers.get('www-authenticate')).toMatch(/^Bearer/)
  })
})

describe('pairwise subjects (§8.1)', () => {
  const at = (host: string) => ({ subject_type: 'pairwise', redirect_uris: [`https://${host}/cb`] })

  test('another name at each site, the same at all apps of one, and everywhere that an app asks', async () => {
    const [one, again, other] = [
      await registered(at('one.example')),
      await registered(at('one.example')),
      await registered(at('two.example')),
    ]
    const tokens = await tokensFor(one, { scope: 'openid offline_access' })
    const sub = String(tokens.claims()?.sub)
    expect(sub).not.toContain('usr_')
    expect(await subjectOf(again)).toBe(sub)
    expect(new Set([sub, await subjectOf(other), await subjectOf(app)]).size).toBe(3)
    expect((await oauth.fetchUserInfo(one.config, tokens.access_token, sub)).sub).toBe(sub)
    expect((await oauth.tokenIntrospection(one.config, tokens.access_token)).sub).toBe(sub)
    expect((await oauth.refreshTokenGrant(one.config, tokens.refresh_token ?? '')).claims()?.sub).toBe(sub)
    const hinted = await one.begin({ id_token_hint: tokens.id_token ?? '', prompt: 'none' })
    expect((await hinted.finish(await browser.get(hinted.path))).claims()?.sub).toBe(sub)
    const value = await one.begin({ prompt: 'none', claims: JSON.stringify({ id_token: { sub: { value: sub } } }) })
    expect((await value.finish(await browser.get(value.path))).claims()?.sub).toBe(sub)
  })

  test('in a JWT for an API, too, and what the API is told of it', async () => {
    const [resource, opaque] = ['https://api.example/pairwise', 'https://api.example/pairwise-opaque']
    await server.resource(resource, ['read'], 'jwt')
    const owner = await server.resource(opaque, ['look'])
    const party = await registered({ ...at('three.example'), scope: 'openid', resource_scopes: 'read look' })
    const sub = await subjectOf(party)
    const jwt = await tokensFor(party, { scope: 'openid read', resource })
    expect(decodeJwt(jwt.access_token).sub).toBe(sub)
    const told = await tokensFor(party, { scope: 'openid look', resource: opaque })
    expect((await endpoint(server, owner, '/introspect', { token: told.access_token })).body['sub']).toBe(sub)
  })

  test('survives new signing keys and another start', async () => {
    const party = await registered(at('four.example'))
    const before = await subjectOf(party)
    await server.rebuild()
    expect(await subjectOf(party)).toBe(before)
  })
})

test('what is not offered is refused by its name (§3.1.2.6, §6)', async () => {
  for (const [params, error] of [
    [{ request_uri: 'https://app.example/request.jwt' }, 'request_uri_not_supported'],
    [{ registration: '{}' }, 'registration_not_supported'],
    [{ response_type: 'code id_token' }, 'unsupported_response_type'],
    [{ response_type: 'token' }, 'unsupported_response_type'],
    [{ response_mode: 'web_message' }, 'unsupported_response_mode'],
  ] as const) {
    const { url } = await browser.get((await app.begin(params)).path)
    const answer = new URLSearchParams(url.search === '' ? url.hash.slice(1) : url.search)
    expect([params, answer.get('error')]).toEqual([params, error])
  }
})
