/** A sign-in taken out of order: each step is reached only while it is waited for, and left only by what it asks for. */
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { enrol, type Person, register, signIn, somebody, totpCode } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let server: TestServer
let client: TestClient
let plain: Person
let guarded: Person
beforeAll(async () => {
  server = await startTestServer()
  client = await server.client('web')
  plain = somebody('plain')
  guarded = somebody('guarded')
  await register(server.visitor(), '/account', plain)
  const browser = server.visitor()
  await register(browser, '/account', guarded)
  await enrol(browser, guarded, new Date())
})
afterAll(() => server.stop())

const open = (browser: Visitor): Promise<Visit> => browser.get(authorizeUrl(client, pkce()))

/** Nothing was gained: no code at the app, no session at the account. */
async function expectNothing(browser: Visitor, answer: Visit): Promise<void> {
  expect(answer.status).toBeLessThan(500)
  expect(answer.url.searchParams.get('code')).toBeNull()
  const account = await browser.get('/account')
  expect(account.text).not.toContain('This browser')
}

test('no form of a later step is taken while the sign-in is waited for', async () => {
  const browser = server.visitor()
  const page = await open(browser)
  for (const step of ['consent', 'switch', 'newcomer', 'link', 'connect']) {
    for (const form of [{}, { decision: 'allow' }, { decision: 'create', name: 'x' }, { decision: 'connect' }]) {
      const answer = await browser.post(`${page.url.pathname}/${step}`, form as Record<string, string>)
      await expectNothing(browser, answer)
      expect(answer.text).toContain('name="password"')
    }
  }
})

test('consent cannot be reached by asking the library to go on', async () => {
  const browser = server.visitor()
  const page = await open(browser)
  const uid = page.url.pathname.split('/')[2] ?? ''
  await expectNothing(browser, await browser.get(`/authorize/${uid}`))
  const signedIn = server.visitor()
  const consent = await signIn(signedIn, authorizeUrl(client, pkce()), plain)
  const answer = await signedIn.get(`/authorize/${consent.url.pathname.split('/')[2]}`)
  expect(answer.url.searchParams.get('code')).toBeNull()
})

test('empty, strange and oversized answers to the sign-in page prove nothing', async () => {
  const { email, password } = plain
  const forms: (Record<string, string> | string)[] = [
    {},
    { email },
    { password },
    { email, password: '' },
    { email: '', password },
    { email: `${email}\0`, password },
    { email: [email, email].join(','), password },
    { code: '000000' },
    { email, code: '000000' },
    { action: 'second-factor', email },
    { action: 'register' },
    { email, password: password.toUpperCase() },
    { email, password: `${password}\0` },
    { 'email[]': email, 'password[]': password },
    { 'email[$ne]': '', 'password[$ne]': '' },
    { __proto__: 'x', constructor: 'x', email, password: 'x' },
    `email=${email}&password=wrong&password=${encodeURIComponent(password)}`,
    `email=${email}&email=${guarded.email}&password=${encodeURIComponent(password)}`,
    `email=%FF%FE&password=%00`,
    `email=${'a'.repeat(60_000)}&password=x`,
    '%',
    '&&&===',
  ]
  for (const form of forms) {
    const browser = server.visitor()
    const page = await open(browser)
    const answer = await browser.post(`${page.url.pathname}/answer`, form)
    await expectNothing(browser, answer)
    expect([JSON.stringify(form).slice(0, 80), answer.status]).toEqual([
      JSON.stringify(form).slice(0, 80),
      expect.toBeOneOf([200, 400, 413, 429]),
    ])
  }
})

test('a form of another type is no answer, even with the right content', async () => {
  const { email, password } = plain
  for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x', '']) {
    const browser = server.visitor()
    const page = await open(browser)
    const body = type.includes('json')
      ? JSON.stringify({ email, password })
      : new URLSearchParams({ email, password }).toString()
    const answer = await browser.post(`${page.url.pathname}/answer`, body, { 'content-type': type })
    await expectNothing(browser, answer)
    expect(answer.status).toBe(415)
  }
})

test('a password in the address is no answer', async () => {
  const browser = server.visitor()
  const page = await open(browser)
  const query = new URLSearchParams({ email: plain.email, password: plain.password })
  await expectNothing(browser, await browser.get(`${page.url.pathname}/answer?${query}`))
  await expectNothing(browser, await browser.get(`${page.url.pathname}?${query}`))
  await expectNothing(browser, await browser.post(`${page.url.pathname}/answer?${query}`, {}))
  const consent = await signIn(browser, authorizeUrl(client, pkce()), plain)
  const answer = await browser.get(`${consent.url.pathname}/consent?decision=allow`)
  expect(answer.url.searchParams.get('code')).toBeNull()
  expect(answer.status).toBe(404)
})

test('an answer without an attempt that was begun in this browser proves nothing', async () => {
  const { email, password } = plain
  const browser = server.visitor()
  const page = await open(browser)
  drop(browser, 'attempt')
  await expectNothing(browser, await browser.post(`${page.url.pathname}/answer`, { email, password }))
})

test('an attempt of another interaction, or of another browser, counts nowhere else', async () => {
  const { email, password } = guarded
  // The second factor is waited for in one browser …
  const first = server.visitor()
  const waiting = await signIn(first, authorizeUrl(client, pkce()), { email, password })
  expect(waiting.text).toContain('name="code"')
  // … and its cookie is carried to another, and to another interaction of the same browser.
  const attempt = first.cookies.filter(({ name }) => name.startsWith('attempt'))
  const other = server.visitor()
  const elsewhere = await open(other)
  drop(other, 'attempt')
  other.cookies.push(...attempt.map((cookie) => ({ ...cookie, path: elsewhere.url.pathname })))
  const code = totpCode(guarded, new Date(Date.now() + 30_000))
  await expectNothing(other, await other.post(`${elsewhere.url.pathname}/answer`, { code }))
  const second = await open(first)
  first.cookies.push(...attempt.map((cookie) => ({ ...cookie, path: second.url.pathname })))
  await expectNothing(first, await first.post(`${second.url.pathname}/answer`, { code: '000000' }))
})

test('the second factor cannot be skipped, however the steps are ordered', async () => {
  const { email, password } = guarded
  const forms: Record<string, string>[] = [
    {},
    { code: '' },
    { email, password },
    { email, password, code: '' },
    { action: 'register', email: 'new@example.com', password: 'a password that is long' },
    { decision: 'create', name: 'x' },
  ]
  for (const form of forms) {
    const browser = server.visitor()
    const waiting = await signIn(browser, authorizeUrl(client, pkce()), { email, password })
    await expectNothing(browser, await browser.post(`${waiting.url.pathname.replace(/\/answer$/, '')}/answer`, form))
  }
  const browser = server.visitor()
  const waiting = await signIn(browser, authorizeUrl(client, pkce()), { email, password })
  const path = waiting.url.pathname.replace(/\/answer$/, '')
  for (const step of ['consent', 'newcomer', 'switch', 'link', 'connect', 'start/password', 'answer']) {
    await expectNothing(browser, await browser.post(`${path}/${step}`, { decision: 'allow' }))
  }
  // Registering with the address and password of an account leads to its second factor too.
  const newcomer = server.visitor()
  const answer = await register(newcomer, authorizeUrl(client, pkce()), { email, password })
  expect(answer.text).toContain('name="code"')
  await expectNothing(newcomer, answer)
})

test('a code of one person does not finish the sign-in of another', async () => {
  const other: Person = somebody('other')
  const owner = server.visitor()
  await register(owner, '/account', other)
  await enrol(owner, other, new Date())
  const browser = server.visitor()
  const waiting = await signIn(browser, authorizeUrl(client, pkce()), other)
  const [recovery = ''] = guarded.recoveryCodes ?? []
  await expectNothing(browser, await browser.submit(waiting, '/answer', { code: recovery }))
  await expectNothing(browser, await browser.submit(waiting, '/answer', { code: '000000', email: guarded.email }))
})

test('the account’s forms do nothing for somebody who is not signed in', async () => {
  const before = await server.database.dump()
  const forms = [
    'apps/revoke',
    'sessions/revoke',
    'identities/add',
    'identities/remove',
    'second-factor/enrol',
    'second-factor/remove',
    'recovery-codes',
    'password',
  ]
  for (const form of forms) {
    const browser = server.visitor()
    const answer = await browser.post(`/account/${form}`, { client_id: 'x', uid: 'x', code: '000000' })
    expect([form, answer.text.includes('name="password"')]).toEqual([form, true])
  }
  const rows = (dump: string, table: string) => dump.split('\n').filter((line) => line.startsWith(`${table} `))
  const after = await server.database.dump()
  for (const table of ['passwords', 'totp_factors', 'recovery_codes', 'grants']) {
    expect(rows(after, table)).toEqual(rows(before, table))
  }
})

test('what an intruder at an open screen wants asks for a fresh sign-in (ASVS 5 §7.5.1)', async () => {
  await using late = await startTestServer()
  const browser = late.visitor()
  await register(browser, '/account', somebody())
  await sql`update sessions set payload = jsonb_set(payload, '{loginTs}',
    to_jsonb((payload->>'loginTs')::bigint - 301))`.execute(late.database.store.db)
  expect((await browser.get('/account')).text).toContain('This browser')
  for (const form of [
    'identities/remove',
    'password',
    'second-factor/enrol',
    'second-factor/remove',
    'recovery-codes',
  ]) {
    const answer = await browser.post(`/account/${form}`, { current_password: 'x', password: 'y' })
    expect([form, answer.text.includes('name="password"') && answer.text.includes('name="email"')]).toEqual([
      form,
      true,
    ])
  }
})

function drop(browser: Visitor, name: string): void {
  const kept = browser.cookies.filter((cookie) => !cookie.name.startsWith(name))
  browser.cookies.splice(0, browser.cookies.length, ...kept)
}
