/** What every page says to the browser that shows it, so that no other site can dress it up (RFC 9700 §4.16, ASVS 5 §3.4). */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { enrol, register, signIn, somebody, totpCode } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit } from '../support/visitor.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** The policy as directives; throws when one stands twice (browsers would take the first). */
function policyOf({ headers }: Visit): Record<string, string> {
  const directives = (headers.get('content-security-policy') ?? '').split(';').map((part) => part.trim().split(/\s+/))
  const names = directives.map(([name = '']) => name)
  expect(new Set(names).size).toBe(names.length)
  return Object.fromEntries(directives.map(([name = '', ...values]) => [name, values.join(' ')]))
}

/** Holds a page to everything that all pages promise. */
function expectGuarded(name: string, page: Visit): void {
  expect([name, page.headers.get('content-type')]).toEqual([name, 'text/html; charset=utf-8'])
  const policy = policyOf(page)
  expect([name, policy['frame-ancestors']]).toEqual([name, "'none'"])
  expect([name, policy['default-src']]).toEqual([name, "'none'"])
  expect([name, policy['script-src'] ?? "'none'"]).toEqual([
    name,
    expect.stringMatching(/^('none'|'sha256-[\w+/=]+')$/),
  ])
  expect([name, policy['form-action']]).toEqual([name, expect.stringMatching(/^'self'/)])
  // Any port of this machine may be an app or a PDS on a developer's machine; nowhere else is anything left open.
  expect(
    page.headers.get('content-security-policy')?.replace(' http://localhost:* http://127.0.0.1:*', ''),
  ).not.toMatch(/unsafe|\*/)
  expect([name, page.headers.get('x-frame-options')]).toEqual([name, 'DENY'])
  expect([name, page.headers.get('referrer-policy')]).toEqual([name, 'no-referrer'])
  expect([name, page.headers.get('x-content-type-options')]).toEqual([name, 'nosniff'])
  expect([name, page.headers.get('cache-control')]).toEqual([name, expect.stringContaining('no-store')])
  // Nothing is loaded from elsewhere, and nothing in the markup acts by itself.
  for (const [, address = ''] of page.text.matchAll(/\b(?:src|srcset|poster|background)="([^"]*)"/g)) {
    expect([name, address]).toEqual([name, expect.stringMatching(/^(\/|data:)/)])
  }
  for (const [link = ''] of page.text.matchAll(/<link\b[^>]*>/g)) expect(link).toMatch(/href="(\/assets\/|data:image)/)
  expect(page.text).not.toMatch(/\son[a-z]+\s*=|\sstyle\s*=|<style|<iframe|<object|<embed|<base/i)
  if (policy['script-src'] === "'none'") expect(page.text).not.toMatch(/<script/i)
}

test('every page of signing in, consent, account and signing out', async () => {
  const client = await server.client('web', { logo_uri: 'https://app.example/logo.png' })
  const person = server.visitor()
  const somebodyNew = somebody()
  const signInPage = await person.get(authorizeUrl(client, pkce()))
  expectGuarded('sign in', signInPage)
  const registering = await person.submit(signInPage, '/answer', { action: 'register', email: '', password: '' })
  expectGuarded('register', registering)
  expectGuarded('register, refused', await person.submit(registering, '/answer', { email: 'x', password: 'x' }))
  const { email, password } = somebodyNew
  expectGuarded('consent', await person.submit(registering, '/answer', { email, password, name: '' }))
  expectGuarded('account', await person.get('/account'))
  expectGuarded('password', await person.get('/account/password'))
  expectGuarded('password, refused', await person.post('/account/password', { current_password: 'x', password: 'x' }))
  expectGuarded('enrol', await person.submit(await person.get('/account'), '/second-factor/enrol'))
  expectGuarded('enrol, refused', await person.post('/account/second-factor/enrol', { code: '000000' }))
  expectGuarded('recovery codes', await enrol(person, somebodyNew, new Date()))
  expectGuarded('sign out', await person.get('/logout'))
  expectGuarded('signed out', await person.submit(await person.get('/logout'), '/confirm', { logout: 'yes' }))
  const again = server.visitor()
  const second = await signIn(again, authorizeUrl(client, pkce()), somebodyNew)
  expect(second.text).toContain('name="code"')
  expectGuarded('second factor', second)
  expectGuarded(
    'second factor, refused',
    await again.submit(second, '/answer', { code: totpCode({ ...somebodyNew }, new Date(0)) }),
  )
  expectGuarded('home', await again.get('/'))
})

test('every page for what went wrong', async () => {
  const client = await server.client('web')
  const person = server.visitor()
  const pages: Record<string, Promise<Visit>> = {
    'no such page': person.get('/nowhere'),
    'unknown client': person.get('/authorize?client_id=nobody'),
    'wrong redirect URI': person.get(authorizeUrl(client, pkce(), { redirect_uri: 'https://evil.example' })),
    'interaction gone': person.get('/interaction/unknown'),
    'authorization gone': person.get('/authorize/unknown'),
    'callback from nowhere': person.get('/interaction/callback/password?state=x'),
    'other site': person.post('/account/sign-out', {}, { 'sec-fetch-site': 'cross-site' }),
    'logout, unknown client': person.get('/logout?client_id=nobody'),
    'logout, broken hint': person.get('/logout?id_token_hint=x'),
    'logout without a question': person.post('/logout/confirm', { logout: 'yes' }),
    'not a form': person.post('/account/sign-out', '{}', { 'content-type': 'application/json' }),
    'signed out already': person.get('/logout/success'),
    'signing out, not signed in': person.get('/logout'),
  }
  for (const [name, page] of Object.entries(pages)) expectGuarded(name, await page)
})

test('a page that posts the answer to the app names the app and nobody else (Form Post Response Mode)', async () => {
  const client = await server.client('native', { redirect_uris: ['http://127.0.0.1/cb'] })
  const person = server.visitor()
  const address = authorizeUrl(client, pkce(), { response_mode: 'form_post', redirect_uri: 'http://127.0.0.1:4567/cb' })
  const consent = await register(person, address, somebody())
  const page = await person.submit(consent, '/consent', { decision: 'allow' })
  expect(page.text).toContain('name="code"')
  expectGuarded('form_post', page)
  expect(policyOf(page)['form-action']).toBe("'self' https: http://127.0.0.1:4567")
  expect(policyOf(page)['script-src']).toMatch(/^'sha256-/)
})

test('a form that is answered with a redirect is answered 303, so that no password is sent on (RFC 9700 §4.12)', async () => {
  const client = await server.client('web')
  const person = server.visitor()
  const known = somebody()
  await register(server.visitor(), '/account', known)
  const page = await person.get(authorizeUrl(client, pkce()))
  const post = async (path: string, form: Record<string, string>) =>
    person.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: server.origin },
      body: new URLSearchParams(form),
    })
  const path = page.url.pathname
  const steps = [
    await post(`${path}/consent`, {}),
    await post(`${path}/answer`, { email: known.email, password: known.password }),
  ]
  const consent = await person.get(steps[1]?.url.href ?? '')
  steps.push(await post(`${consent.url.pathname}/consent`, { decision: 'allow' }))
  steps.push(await post('/account/revoke-nothing', {}))
  await person.get('/account')
  steps.push(await post('/account/sign-out', {}))
  const logout = await person.get('/logout')
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(logout.text)?.[1] ?? ''
  steps.push(await post('/logout/confirm', { xsrf, logout: 'yes' }))
  expect(steps.map(({ status }) => status)).toEqual([303, 303, 303, 404, 303, 303])
})
