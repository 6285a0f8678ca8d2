/** How the answer of an authorization request comes back: query, fragment, form_post. */
import * as oauth from 'openid-client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { register, somebody } from '../support/people.ts'
import { type RelyingParty, relyingParty } from '../support/relying-party.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { formsOf, type Visit, type Visitor } from '../support/visitor.ts'

let server: TestServer
let app: RelyingParty
let browser: Visitor

beforeAll(async () => {
  server = await startTestServer()
  app = await relyingParty(server, await server.client('web', { first_party: true }))
  browser = server.visitor()
  await register(browser, (await app.begin()).path, somebody())
})
afterAll(() => server.stop())

/** What the browser sends to the app when it submits the page. */
function posted(page: Visit): { action: string; fields: Record<string, string> } {
  const [form] = formsOf(page.text)
  return { action: form?.action ?? '', fields: form?.hidden ?? {} }
}

test('the three are announced, and no other (OAuth 2.0 Multiple Response Types §2.1, Form Post §2)', () => {
  expect(app.config.serverMetadata()['response_modes_supported']).toEqual(
    expect.arrayContaining(['form_post', 'fragment', 'query']),
  )
})

test.each([
  [undefined, 'query'],
  ['query', 'query'],
  ['fragment', 'fragment'],
])('asked for %s a code comes in the %s, and nothing is in the other', async (mode, place) => {
  const attempt = await app.begin({ response_mode: mode })
  const back = await browser.get(attempt.path)
  expect([302, 303]).toContain(back.status)
  const [used, unused] = place === 'query' ? [back.url.search, back.url.hash] : [back.url.hash, back.url.search]
  expect(used).toContain('code=')
  expect(unused).toBe('')
  const seen = new URL(back.url)
  // What a page does with its fragment: it hands it on.
  if (place === 'fragment') [seen.search, seen.hash] = [seen.hash.slice(1), '']
  expect((await attempt.finish({ ...back, url: seen })).access_token).toBeTruthy()
})

test('form_post: a page that posts the answer to the app, by hand where scripts do not run (Form Post §2)', async () => {
  const attempt = await app.begin({ response_mode: 'form_post' })
  const page = await browser.get(attempt.path)
  expect(page.status).toBe(200)
  expect(page.headers.get('cache-control')).toContain('no-store')
  const { action, fields } = posted(page)
  expect(action).toBe(app.client.redirectUri)
  expect(Object.keys(fields).sort()).toEqual(['code', 'iss', 'state'])
  expect(page.text).toContain('<button')
  // The code is in the page alone: not in its address, where a proxy or the next site would read it.
  expect(page.url.href).not.toContain(String(fields['code']))
  const request = new Request(action, { method: 'POST', body: new URLSearchParams(fields) })
  const back = { ...page, left: true, url: new URL(action) }
  back.url.search = new URLSearchParams(await request.text()).toString()
  expect((await attempt.finish(back)).claims()?.sub).toMatch(/^usr_/)
})

test('form_post: openid-client takes the very request that the browser sends', async () => {
  const verifier = oauth.randomPKCECodeVerifier()
  const attempt = await app.begin({
    response_mode: 'form_post',
    state: undefined,
    nonce: undefined,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  })
  const { action, fields } = posted(await browser.get(attempt.path))
  const request = new Request(action, { method: 'POST', body: new URLSearchParams(fields) })
  const tokens = await oauth.authorizationCodeGrant(app.config, request, { pkceCodeVerifier: verifier })
  expect(tokens.access_token).toBeTruthy()
})

test('form_post: what an app sent comes back as text, never as markup', async () => {
  const state = `"><script>alert(1)</script>&'`
  const page = await browser.get((await app.begin({ response_mode: 'form_post', state })).path)
  expect(page.text).not.toContain('<script>alert')
  expect(posted(page).fields['state']).toContain('alert(1)')
})

test('errors come the same way', async () => {
  const form = await browser.get((await app.begin({ response_mode: 'form_post', prompt: 'sudo' })).path)
  expect(posted(form)).toMatchObject({ action: app.client.redirectUri, fields: { error: 'invalid_request' } })
  const { url } = await browser.get((await app.begin({ response_mode: 'fragment', prompt: 'sudo' })).path)
  expect(url.hash).toContain('error=invalid_request')
})

test('an app that was registered for some gets its answers in those alone (ASVS 5 §10.4.12)', async () => {
  const client = await server.client('web', { first_party: true, response_modes: ['form_post'] })
  const strict = await relyingParty(server, client)
  expect(
    posted(await browser.get((await strict.begin({ response_mode: 'form_post' })).path)).fields['code'],
  ).toBeTruthy()
  for (const mode of [undefined, 'query', 'fragment']) {
    const { url, text } = await browser.get((await strict.begin({ response_mode: mode })).path)
    expect(url.search + url.hash + text).not.toContain('code=')
    expect(url.search + url.hash).toContain('error=invalid_request')
  }
})

test.each(['web_message', 'cookie', 'query fragment', ''])('%j is refused', async (mode) => {
  const back = await browser.get((await app.begin({ response_mode: mode })).path)
  if (mode === '') return expect(back.url.searchParams.get('code')).toBeTruthy()
  expect(back.url.searchParams.get('error')).toBe('unsupported_response_mode')
})
