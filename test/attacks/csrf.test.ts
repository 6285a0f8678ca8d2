/**
 * Forms that another site sends in a person's name (docs/decisions/005-csrf.md).
 *
 * The addresses are read from the source of the routers, so that a form which is added later is tested without being
 * named here.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { routes as accountForms } from '../../server/account/desk.ts'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visitor } from '../support/visitor.ts'

const root = join(import.meta.dirname, '../..')
const source = (path: string) => readFileSync(join(root, path), 'utf8')
const posted = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, path = '']) => path)
const interactionForms = posted(source('server/interactions/router.ts'), /router\.post\(\s*'([^']+)'/g)
const accountFormNames = posted(source('server/account/routes.ts'), /router\.post\(\s*routes\.(\w+)/g)

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** What a browser says of a request that this server's own page did not make. */
const foreign: Record<string, Record<string, string>> = {
  'a page of another site': { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' },
  'a page of another site that claims our origin': { 'sec-fetch-site': 'cross-site' },
  'a page of a sister site': { 'sec-fetch-site': 'same-site', origin: 'https://sister.example' },
  'a page of another site, in an old browser': { 'sec-fetch-site': '', origin: 'https://evil.example' },
  'a page without an origin, in an old browser': { 'sec-fetch-site': '', origin: 'null' },
  'the other protocol, in an old browser': { 'sec-fetch-site': '', origin: 'https://localhost' },
}

// That of a device has one address, `test/attacks/device.test.ts`; those of links from the chat are in `telegram-connect.test.ts`.
test('every form of an interaction and of the account is known to this test', () => {
  expect(interactionForms.length).toBeGreaterThanOrEqual(6)
  expect(accountFormNames.toSorted()).toEqual(Object.keys(accountForms).toSorted())
  const takesForms = readdirSync(join(root, 'server'), { recursive: true, encoding: 'utf8' })
    .filter(
      (path) =>
        path.endsWith('.ts') && /\b(router\.(post|put|patch|delete|all)|readForm)\(/.test(source(`server/${path}`)),
    )
    .map((path) => path.split('/')[0])
  // A page of the house sends the one of `ifttt/` with an access token; cookies open nothing there (ifttt-authorizations).
  expect(new Set(takesForms)).toEqual(new Set(['interactions', 'account', 'device', 'forms.ts', 'ifttt', 'routes']))
})

describe.each(Object.entries(foreign))('%s', (_name, headers) => {
  test('sends no form of an interaction', async () => {
    const person = server.visitor()
    const page = await person.get(authorizeUrl(await server.client('web'), pkce()))
    const uid = page.url.pathname.split('/')[2] ?? ''
    for (const form of interactionForms) {
      const address = `/interaction${form.replace(':uid', uid).replace(':provider', 'password')}`
      const answer = await person.post(address, { decision: 'allow', email: 'a@example.com', password: 'x' }, headers)
      expect([form, answer.status]).toEqual([form, 403])
      expect(answer.text).toContain('sent by another site')
    }
    expect((await person.get(page.url.pathname)).text).toContain('name="password"')
  })

  test('sends no form of the account', async () => {
    const person = server.visitor()
    await register(person, '/account', somebody())
    for (const form of Object.values(accountForms)) {
      const answer = await person.post(form, {}, headers)
      expect([form, answer.status]).toEqual([form, 403])
    }
    expect((await person.get('/account')).text).toContain('This browser')
  })
})

test('an address in other letters is none: what judges forms compares the letters, too', async () => {
  const person = server.visitor()
  const { url } = await person.get(authorizeUrl(await server.client('web'), pkce()))
  expect(url.pathname).toMatch(/^\/interaction\/./)
  for (const address of [...Object.values(accountForms), `${url.pathname}/cancel`]) {
    const shouted = address.replace(/^\/[a-z]+/, (first: string) => first.toUpperCase())
    expect([shouted, (await person.post(shouted, {}, { 'sec-fetch-site': 'cross-site' })).status]).toEqual([
      shouted,
      404,
    ])
  }
})

test('the same forms are taken from this server’s own pages', async () => {
  for (const headers of [{}, { 'sec-fetch-site': '', origin: server.origin }]) {
    const person = server.visitor()
    const page = await person.get(authorizeUrl(await server.client('web'), pkce()))
    const answer = await person.post(
      `${page.url.pathname}/answer`,
      { email: 'a@example.com', password: 'x'.repeat(8) },
      headers as Record<string, string>,
    )
    expect(answer.text).toContain('don’t match')
  }
})

test('another site cannot sign a person out: the question carries a token of the session', async () => {
  const person = server.visitor()
  await register(person, '/account', somebody())
  await person.get('/logout')
  for (const form of [{ logout: 'yes' }, { logout: 'yes', xsrf: 'guessed' }]) {
    const answer = await person.post('/logout/confirm', form as Record<string, string>)
    expect(answer.status).toBe(400)
  }
  expect((await person.get('/account')).text).toContain('This browser')
})

test('a form from elsewhere does not sign the browser in as somebody else (login CSRF)', async () => {
  const attacker = server.visitor()
  const client = await server.client('web')
  const known = somebody('mallory')
  await register(attacker, authorizeUrl(client, pkce()), known)
  // The attacker's own interaction, sent by the victim's browser: the victim lacks its cookie.
  const open = await server.visitor().get(authorizeUrl(client, pkce()))
  const victim = server.visitor()
  const answer = await victim.post(`${open.url.pathname}/answer`, { email: known.email, password: known.password })
  expect(answer.status).toBe(400)
  expect(answer.text).toContain('This sign-in has expired')
  expect(victim.cookies).toEqual([])
})

describe('cookies', () => {
  const https = { ISSUER: 'https://auth.example', TRUST_PROXY: '127.0.0.1' }

  async function visited(person: Visitor): Promise<void> {
    await register(person, '/account', somebody())
    await person.get('/logout')
    const client = '/authorize?client_id=habitat-account&prompt=login&response_type=code&scope=openid'
    const redirect = `&redirect_uri=${encodeURIComponent('https://auth.example/account/signed-in')}`
    await person.get(`${client}${redirect}&code_challenge=${'x'.repeat(43)}&code_challenge_method=S256`)
  }

  test('are Secure, HttpOnly and SameSite=Lax under https, and no sub-domain can plant the session', async () => {
    await using behindProxy = await startTestServer({ settings: https })
    const person = behindProxy.visitor()
    const lines = collect(person)
    await visited(person)
    const names = new Set(lines.map((line) => line.split('=')[0] ?? ''))
    for (const name of ['__Host-session', '__Secure-interaction', '__Secure-resume', '__Secure-attempt']) {
      expect([...names]).toContain(name)
    }
    for (const line of lines) {
      expect(line).toMatch(/^__(Host|Secure)-/)
      expect(line).toMatch(/; secure(;|$)/i)
      expect(line).toMatch(/; httponly(;|$)/i)
      expect(line).toMatch(/; samesite=lax(;|$)/i)
      expect(line).not.toMatch(/; domain=/i)
      if (line.startsWith('__Host-')) expect(line).toMatch(/; path=\/(;|$)/i)
    }
  })

  test('are HttpOnly and SameSite=Lax on a developer’s machine too', async () => {
    const person = server.visitor()
    const lines = collect(person)
    await register(person, '/account', somebody())
    expect(lines.length).toBeGreaterThan(3)
    for (const line of lines) expect(line).toMatch(/; samesite=lax; httponly/i)
  })

  /** Every Set-Cookie line from now on. */
  function collect(person: Visitor): string[] {
    const lines: string[] = []
    const push = person.cookies.push.bind(person.cookies)
    person.cookies.push = (...added) => {
      lines.push(...added.map(({ name, value, attributes }) => `${name}=${value}; ${attributes}`))
      return push(...added)
    }
    return lines
  }
})
