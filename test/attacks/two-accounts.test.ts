/** Two people at one browser: what one was given is never the other's. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, pkce, redeem, token } from '../support/authorize.ts'
import { type Person, register, signIn, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let server: TestServer
let alice: Person
let bob: Person
beforeAll(async () => {
  server = await startTestServer()
  alice = somebody('alice')
  bob = somebody('bob')
  await register(server.visitor(), '/account', alice)
  await register(server.visitor(), '/account', bob)
})
afterAll(() => server.stop())

/** Signs in at the client as `who`, allows where asked, redeems the code. */
async function enter(browser: Visitor, client: TestClient, who: Person, extra: Record<string, string> = {}) {
  const proof = pkce()
  const page = await signIn(
    browser,
    authorizeUrl(client, proof, { scope: 'openid email offline_access', ...extra }),
    who,
  )
  return { ...(await finish(browser, client, proof, page)), asked: !page.left }
}

async function finish(browser: Visitor, client: TestClient, proof: ReturnType<typeof pkce>, page: Visit) {
  const back = page.left ? page : await browser.submit(page, '/consent', { decision: 'allow' })
  const tokens = await redeem(server, client, back.url.searchParams.get('code') ?? '', proof)
  expect(tokens.status).toBe(200)
  return { tokens: tokens.body, subject: decodeJwt(tokens.body.id_token ?? '').sub }
}

async function emailOf(accessToken: unknown): Promise<unknown> {
  const response = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } })
  return response.status === 200 ? ((await response.json()) as { email: string }).email : response.status
}

test('a second person who signs in is asked for their own consent and gets tokens of their own', async () => {
  const client = await server.client('web')
  const browser = server.visitor()
  const first = await enter(browser, client, alice)
  const second = await enter(browser, client, bob, { prompt: 'login' })
  expect(first.asked).toBe(true)
  expect(second.asked).toBe(true)
  expect(second.subject).not.toBe(first.subject)
  expect(await emailOf(second.tokens.access_token)).toBe(bob.email)
  // Alice agreed to offline access: hers goes on, as hers.
  const refreshed = await token(server, client, {
    grant_type: 'refresh_token',
    refresh_token: String(first.tokens.refresh_token),
  })
  expect(await emailOf(refreshed.body.access_token)).toBe(alice.email)
  expect(decodeJwt(refreshed.body.id_token ?? '').sub).toBe(first.subject)
})

test('grants of the two stay apart: taking one back leaves the other', async () => {
  const client = await server.client('web')
  const browser = server.visitor()
  const first = await enter(browser, client, alice)
  const second = await enter(browser, client, bob, { prompt: 'login' })
  const account = await browser.get('/account')
  expect(account.text).toContain(bob.email)
  expect(account.text).not.toContain(alice.email)
  await browser.submit(account, '/apps/revoke')
  expect(await emailOf(second.tokens.access_token)).toBe(401)
  expect(await emailOf(first.tokens.access_token)).toBe(alice.email)
})

test('after the change nothing of the first session is left in the browser', async () => {
  const client = await server.client('web')
  const browser = server.visitor()
  await enter(browser, client, alice)
  const kept = structuredClone(browser.cookies)
  await enter(browser, client, bob, { prompt: 'login' })
  const silent = await browser.get(authorizeUrl(client, pkce(), { prompt: 'none' }))
  const proof = pkce()
  expect(silent.url.searchParams.get('code')).toBeTruthy()
  const again = await browser.get(authorizeUrl(client, proof, { prompt: 'none', scope: 'openid email' }))
  expect((await finish(browser, client, proof, again)).subject).not.toBeUndefined()
  const old = server.visitor()
  old.cookies.push(...kept)
  expect((await old.get('/account')).text).toContain('name="password"')
})

test('a sign-in for one person (id_token_hint) cannot be finished by another (OIDC Core §3.1.2.1)', async () => {
  const client = await server.client('web')
  const { tokens } = await enter(server.visitor(), client, alice)
  const browser = server.visitor()
  const proof = pkce()
  const address = authorizeUrl(client, proof, { id_token_hint: tokens.id_token ?? '' })
  const answer = await signIn(browser, address, bob)
  expect(answer.url.searchParams.get('code')).toBeNull()
  const silent = await browser.get(
    authorizeUrl(client, proof, { id_token_hint: tokens.id_token ?? '', prompt: 'none' }),
  )
  expect(silent.url.searchParams.get('error')).toMatch(/login_required/)
})

test('"Not you?" on the consent page asks who it is, and the other person decides for themselves', async () => {
  const client = await server.client('web')
  const browser = server.visitor()
  const proof = pkce()
  const consent = await signIn(browser, authorizeUrl(client, proof, { scope: 'openid email' }), alice)
  expect(consent.text).toContain(alice.email)
  const question = await browser.submit(consent, '/switch')
  expect(question.text).toContain('name="password"')
  const second = await browser.submit(question, '/answer', { email: bob.email, password: bob.password })
  expect(second.text).toContain(bob.email)
  expect(second.text).not.toContain(alice.email)
  const { subject, tokens } = await finish(browser, client, proof, second)
  expect(await emailOf(tokens.access_token)).toBe(bob.email)
  expect(subject).toBeTruthy()
})

test('a consent page that stands open while somebody else signs in does not speak for them', async () => {
  const client = await server.client('web', { client_name: 'Watched app' })
  const other = await server.client('web', { first_party: true })
  const browser = server.visitor()
  const proof = pkce()
  const open = await signIn(browser, authorizeUrl(client, proof, { scope: 'openid email' }), alice)
  await signIn(browser, authorizeUrl(other, pkce(), { prompt: 'login' }), bob)
  const answer = await browser.submit(open, '/consent', { decision: 'allow' })
  const code = answer.url.searchParams.get('code')
  if (code !== null) {
    const tokens = await redeem(server, client, code, proof)
    expect(await emailOf(tokens.body.access_token)).not.toBe(alice.email)
  }
  // Bob has not been asked, so nothing may stand in his name.
  const account = await browser.get('/account')
  expect(account.text).toContain(bob.email)
  expect(account.text).not.toContain('Watched app')
  expect(answer.status).toBeLessThan(500)
})

test('two tabs, two people: the second to finish is the one who is signed in, and each code is of who earned it', async () => {
  const client = await server.client('web', { first_party: true })
  const browser = server.visitor()
  const [one, two] = [pkce(), pkce()]
  const tabOne = await browser.get(authorizeUrl(client, one, { scope: 'openid email' }))
  const tabTwo = await browser.get(authorizeUrl(client, two, { scope: 'openid email' }))
  const first = await browser.submit(tabOne, '/answer', { email: alice.email, password: alice.password })
  const second = await browser.submit(tabTwo, '/answer', { email: bob.email, password: bob.password })
  const answers = [
    { page: first, proof: one, email: alice.email },
    { page: second, proof: two, email: bob.email },
  ]
  for (const { page, proof, email } of answers) {
    const code = page.url.searchParams.get('code')
    if (!page.left || code === null) continue
    const tokens = await redeem(server, client, code, proof)
    if (tokens.status === 200) expect([email, 401]).toContain(await emailOf(tokens.body.access_token))
  }
  expect(second.url.searchParams.get('code')).toBeTruthy()
  expect((await browser.get('/account')).text).toContain(bob.email)
})
