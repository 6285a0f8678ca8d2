/** Apps that demand a second factor (`acr`, OIDC Core §5.5.1.1, RFC 9470 §5), by openid-client. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { oneFactor, twoFactors } from '../../server/oidc/acr.ts'
import { enrol, type Person, register, signIn, somebody } from '../support/people.ts'
import { allowing, type RelyingParty, relyingParty } from '../support/relying-party.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let server: TestServer
let app: RelyingParty
/** Has a second factor. */
let careful: Person
/** Has none. */
let simple: Person
/** The browser in which `simple` is signed in. */
let browser: Visitor

beforeAll(async () => {
  server = await startTestServer()
  app = await relyingParty(server, await server.client('web', { first_party: true }))
  careful = somebody('careful')
  const first = server.visitor()
  await register(first, '/account', careful)
  await enrol(first, careful, new Date())
  simple = somebody('simple')
  browser = server.visitor()
  await register(browser, (await app.begin()).path, simple)
})
afterAll(() => server.stop())

const demand = (acr: object) => ({ claims: JSON.stringify({ id_token: { acr } }) })
const second = { acr_values: twoFactors }

/** Signs in with password and a recovery code. */
async function withTwo(visitor: Visitor, address: string): Promise<Visit> {
  const code = careful.recoveryCodes?.pop() ?? ''
  return visitor.submit(await signIn(visitor, address, careful), '/answer', { code })
}

function errorOf({ url }: Visit): string | null {
  return url.searchParams.get('error')
}

test('every ID token says how and when the person signed in, and /userinfo does not', async () => {
  const attempt = await app.begin()
  const tokens = await attempt.finish(await browser.get(attempt.path))
  expect(tokens.claims()).toMatchObject({ acr: oneFactor, amr: ['pwd'], auth_time: expect.any(Number) })
  const answer = await fetch(`${server.origin}/userinfo`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  })
  expect(Object.keys((await answer.json()) as object)).toEqual(['sub'])
})

test('a second factor is the higher level, a recovery code too; the app that asks gets it at once', async () => {
  const visitor = server.visitor()
  for (const params of [second, demand({ essential: true, value: twoFactors }), {}]) {
    const attempt = await app.begin(params)
    const back = visitor.cookies.length === 0 ? await withTwo(visitor, attempt.path) : await visitor.get(attempt.path)
    const { claims } = await attempt.finish(back)
    expect(claims()).toMatchObject({ acr: twoFactors, amr: ['pwd', 'otp', 'mfa'] })
  }
  // Apps compare what they get with what they asked for.
  for (const params of [{ acr_values: `elsewhere ${oneFactor}` }, demand({ essential: true, value: oneFactor })]) {
    const attempt = await app.begin(params)
    expect((await attempt.finish(await visitor.get(attempt.path))).claims()?.['acr']).toBe(oneFactor)
  }
})

test('who is signed in at less is asked to sign in again, and gets through with a second factor', async () => {
  const visitor = server.visitor()
  const attempt = await app.begin()
  await signIn(visitor, attempt.path, simple)
  const wanted = await app.begin(second)
  const page = await visitor.get(wanted.path)
  expect(page.text).toContain('with a second factor')
  const form = await visitor.submit(page, '/start/password')
  const { email, password } = careful
  const asked = await visitor.submit(form, '/answer', { email, password })
  const back = await visitor.submit(asked, '/answer', { code: careful.recoveryCodes?.pop() ?? '' })
  expect((await wanted.finish(back)).claims()).toMatchObject({ acr: twoFactors })
})

test.each([
  ['acr_values (RFC 9470 §5)', second],
  ['an essential acr (OIDC Core §5.5.1.1)', demand({ essential: true, values: [twoFactors] })],
])('an account without one is told, as often as it tries, and turns back with an error: %s', async (_how, params) => {
  const attempt = await app.begin(params)
  let page = await browser.get(attempt.path)
  for (let tries = 0; tries < 2; tries += 1) {
    const form = await browser.submit(page, '/start/password')
    page = await browser.submit(form, '/answer', { email: simple.email, password: simple.password })
    expect(page.left).toBe(false)
    expect(page.text).toContain('you have signed in without one')
    expect(page.text).toContain('two-step sign-in')
  }
  const back = await browser.submit(page, '/cancel')
  expect(errorOf(back)).toBe('unmet_authentication_requirements')
  expect(back.url.searchParams.get('code')).toBeNull()
})

test('nobody is asked where nothing may be asked (prompt=none, OIDC Core §3.1.2.1)', async () => {
  const attempt = await app.begin({ ...second, prompt: 'none' })
  expect(errorOf(await browser.get(attempt.path))).toBe('login_required')
})

test('a level that nobody reaches here is refused where it is essential, and overlooked where it is a wish', async () => {
  const essential = await app.begin(demand({ essential: true, value: 'https://elsewhere.example/gold' }))
  expect(errorOf(await browser.get(essential.path))).toBe('unmet_authentication_requirements')
  for (const wish of [{ acr_values: 'gold 2' }, demand({ value: 'gold' }), demand({ essential: true })]) {
    const attempt = await app.begin(wish)
    expect((await attempt.finish(await browser.get(attempt.path))).claims()?.['acr']).toBe(oneFactor)
  }
})

test.each([{ values: twoFactors }, { value: 2 }, { essential: 'yes', value: twoFactors }])(
  'a demand that is none is refused: %j',
  async (wrong) => {
    const attempt = await app.begin(demand(wrong))
    expect(errorOf(await browser.get(attempt.path))).toBe('invalid_request')
  },
)

test('an app may demand it always (default_acr_values, Dynamic Client Registration §2)', async () => {
  const client = await server.client('web', { first_party: true, default_acr_values: [twoFactors] })
  const strict = await relyingParty(server, client)
  const attempt = await strict.begin()
  expect((await browser.get(attempt.path)).text).toContain('with a second factor')
  const visitor = server.visitor()
  const back = await allowing(visitor, await withTwo(visitor, attempt.path))
  expect((await attempt.finish(back)).claims()).toMatchObject({ acr: twoFactors })
})

test('the level stays with the refresh token', async () => {
  const visitor = server.visitor()
  const attempt = await app.begin({ ...second, scope: 'openid offline_access' })
  const tokens = await attempt.finish(await withTwo(visitor, attempt.path))
  const { refreshTokenGrant } = await import('openid-client')
  const renewed = await refreshTokenGrant(app.config, tokens.refresh_token ?? '')
  expect(renewed.claims()).toMatchObject({ acr: twoFactors, auth_time: tokens.claims()?.['auth_time'] })
})

test('who is signed in is told why the form is there again, and the way to a second factor', async () => {
  const says = async (visitor: Visitor, params: Record<string, string>) =>
    (await visitor.get((await app.begin(params)).path)).text
  for (const params of [{ prompt: 'login' }, { max_age: '0' }]) {
    expect(await says(browser, params)).toContain('asks you to sign in again.')
    expect(await says(server.visitor(), params)).not.toContain('asks you to sign in again')
  }
  expect(await says(browser, second)).toContain('href="/account"')
})
