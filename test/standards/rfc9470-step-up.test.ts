/** A bank that asks for a better sign-in, and an app on `openid-client` that follows what it says (RFC 9470). */

import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import * as oauth from 'openid-client'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { bankApi } from '../../examples/bank-api/api.ts'
import { commandLine } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { enrol, type Person, register, somebody } from '../support/people.ts'
import { allowing, type RelyingParty, relyingParty } from '../support/relying-party.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visitor } from '../support/visitor.ts'

const payment = {
  amount: { value: '123.50', currency: 'EUR' },
  creditor: 'Merchant A',
  iban: 'DE02100100109307118603',
}
const authorization_details = JSON.stringify([{ type: 'payment_initiation', ...payment }])
const errors: unknown[] = []
let database: TestDatabase
let server: TestServer
let api: Server
let bank: string
let app: RelyingParty
beforeAll(async () => {
  database = await openTestDatabase()
  api = createServer()
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  bank = `http://localhost:${(api.address() as AddressInfo).port}`
  const types = readFileSync(join(import.meta.dirname, '../../examples/bank-api/types.json'), 'utf8')
  const argv = ['resource', 'add', bank, '--name', 'Bank', '--scope', 'accounts:read=Look at your payments', '--json']
  const declared = ['--authorization-types', types, '--acr', 'two-factors', '--max-age', '300']
  const added = (await commandLine(database.store)([...argv, ...declared])).json()
  expect(added).toMatchObject({ acr: 'urn:habitat:acr:two-factors', max_age: 300 })
  server = await startTestServer({ database })
  const own = { resource: bank, clientId: added.client_id, clientSecret: added.client_secret }
  api.on('request', bankApi({ issuer: server.origin, ...own, onError: (error) => errors.push(error) }))
  const client = await server.client('web', {
    resource_scopes: 'accounts:read',
    authorization_details_types: ['payment_initiation'],
  })
  app = await relyingParty(server, client)
})
afterAll(async () => {
  api.close()
  await server.stop()
  await database.close()
})
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
})
afterEach(() => {
  vi.useRealTimers()
  expect(errors).toEqual([])
})

const asked = { scope: 'openid accounts:read', resource: undefined, authorization_details }

/** Somebody with a second factor who signed in before they had it, in a browser of theirs. */
async function careful(): Promise<{ person: Person; browser: Visitor }> {
  const [person, browser] = [somebody('careful'), server.visitor()]
  await register(browser, '/account', person)
  await enrol(browser, person, new Date())
  return { person, browser }
}

/** A token, by the sign-in that there is. */
async function tokenOf(browser: Visitor, params: Record<string, string | undefined> = asked): Promise<string> {
  const attempt = await app.begin(params)
  return (await attempt.finish(await allowing(browser, await browser.get(attempt.path)))).access_token
}

function pay(token: string, order: unknown = payment): Promise<Response> {
  const headers = new Headers({ 'content-type': 'application/json' })
  const url = new URL('/payments', bank)
  return oauth.fetchProtectedResource(app.config, token, url, 'POST', JSON.stringify(order), headers)
}

/** What the bank says is missing, as the client library reads it. */
async function challenged(token: string): Promise<Record<string, string>> {
  const refusal = await pay(token).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(refusal instanceof oauth.WWWAuthenticateChallengeError)) throw new Error('no challenge', { cause: refusal })
  const [challenge] = refusal.cause
  return (challenge?.parameters ?? {}) as Record<string, string>
}

/** Follows a challenge: the same request with what the bank demands (§4), answered with password and recovery code. */
async function steppedUp(browser: Visitor, person: Person, said: Record<string, string>): Promise<string> {
  const { acr_values, max_age } = said
  const attempt = await app.begin({ ...asked, acr_values, max_age })
  const page = await browser.get(attempt.path)
  const form = page.text.includes('/start/password"') ? await browser.submit(page, '/start/password') : page
  const { email, password } = person
  const second = await browser.submit(form, '/answer', { email, password })
  const back = await browser.submit(second, '/answer', { code: person.recoveryCodes?.pop() ?? '' })
  return (await attempt.finish(await allowing(browser, back))).access_token
}

test('looking takes the sign-in that there is, paying names what is missing, and who follows it gets through (§3, §4, §5)', async () => {
  const { person, browser } = await careful()
  const first = await tokenOf(browser)
  const looked = await oauth.fetchProtectedResource(app.config, first, new URL('/payments', bank), 'GET')
  expect(await looked.json()).toEqual({ payments: [] })
  const said = await challenged(first)
  expect(said).toMatchObject({
    error: 'insufficient_user_authentication',
    acr_values: 'urn:habitat:acr:two-factors',
    max_age: '300',
  })
  const second = await steppedUp(browser, person, said)
  expect((await pay(second)).status).toBe(201)
  // What was agreed to once happens once.
  expect((await pay(second)).status).toBe(409)
})

test('a sign-in that is too long ago is asked for again, though it had two factors (§4)', async () => {
  const { person, browser } = await careful()
  const said = await challenged(await tokenOf(browser))
  await steppedUp(browser, person, said)
  vi.setSystemTime(Date.now() + 301_000)
  // The browser is still signed in, so the app gets a token; its sign-in is as old as before.
  expect(await challenged(await tokenOf(browser))).toMatchObject({ error: 'insufficient_user_authentication' })
  expect((await pay(await steppedUp(browser, person, said))).status).toBe(201)
})

test('a token for one payment pays no other one (RFC 9396)', async () => {
  const { person, browser } = await careful()
  const token = await steppedUp(browser, person, await challenged(await tokenOf(browser)))
  const others = [{ ...payment, amount: { value: '1123.50', currency: 'EUR' } }, { ...payment, iban: 'X' }, {}, null]
  for (const other of others) expect((await pay(token, other)).status).toBe(403)
  expect((await pay(token)).status).toBe(201)
})

test('a token that was taken back a moment ago pays nothing (RFC 7009)', async () => {
  const { person, browser } = await careful()
  const token = await steppedUp(browser, person, await challenged(await tokenOf(browser)))
  await oauth.tokenRevocation(app.config, token)
  expect(await challenged(token)).toMatchObject({ error: 'invalid_token' })
})

test('a token for another API, and one without the scope, are refused (RFC 6750 §3.1)', async () => {
  const { browser } = await careful()
  await server.resource('https://other.example', ['accounts:read'], 'jwt')
  const elsewhere = await tokenOf(browser, { scope: 'openid accounts:read', resource: 'https://other.example' })
  expect(await challenged(elsewhere)).toMatchObject({ error: 'invalid_token' })
  const look = async (token: string) => fetch(`${bank}/payments`, { headers: { authorization: `Bearer ${token}` } })
  const without = await look(await tokenOf(browser, { ...asked, scope: 'openid' }))
  expect([without.status, without.headers.get('www-authenticate')]).toEqual([
    403,
    expect.stringContaining('scope="accounts:read"'),
  ])
  expect((await look('')).headers.get('www-authenticate')).toBe('Bearer')
})

test('who has no second factor is told here, and the app gets an error that it cannot take for a refusal (§5)', async () => {
  const [person, browser] = [somebody('simple'), server.visitor()]
  await register(browser, '/account', person)
  const { acr_values = '', max_age = '' } = await challenged(await tokenOf(browser))
  const attempt = await app.begin({ ...asked, acr_values, max_age })
  const form = await browser.submit(await browser.get(attempt.path), '/start/password')
  const page = await browser.submit(form, '/answer', { email: person.email, password: person.password })
  const back = await browser.submit(page, '/cancel')
  expect(back.url.searchParams.get('error')).toBe('unmet_authentication_requirements')
})
