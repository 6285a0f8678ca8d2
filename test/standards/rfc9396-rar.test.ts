/** Authorization details that an API declares and a person agrees to one by one, with `openid-client` (RFC 9396). */
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorizeUrl, type Pkce, pkce, refresh, token } from '../support/authorize.ts'
import { commandLine } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'
import type { Visitor } from '../support/visitor.ts'

const bank = 'https://bank.example'
const types = {
  payment_initiation: {
    title: 'Make one payment from your account',
    properties: {
      actions: { type: 'array', items: { type: 'string', enum: ['initiate', 'status', 'cancel'] } },
      amount: {
        type: 'object',
        title: 'Amount',
        properties: { currency: { type: 'string', maxLength: 3 }, value: { type: 'string', title: 'sum' } },
        required: ['currency', 'value'],
      },
      creditor: { type: 'string', title: 'To' },
      urgent: { type: 'boolean' },
      copies: { type: 'integer', minimum: 1, maximum: 3 },
    },
    required: ['amount', 'creditor'],
  },
}
const payment = {
  type: 'payment_initiation',
  actions: ['initiate', 'status'],
  amount: { currency: 'EUR', value: '123.50' },
  creditor: 'Merchant <b>A</b>',
}

const settings = { SECRETS: 'the-key-ring-of-the-test-of-authorization-details' }
let database: TestDatabase
let server: TestServer
let owner: TestClient
let web: TestClient
beforeAll(async () => {
  database = await openTestDatabase()
  const argv = ['resource', 'add', bank, '--name', 'Bank', '--scope', 'accounts', '--json']
  const added = await commandLine(database.store)([...argv, '--authorization-types', JSON.stringify(types)])
  const { client_id, client_secret } = added.json()
  owner = { id: client_id, secret: client_secret, redirectUri: '' }
  server = await startTestServer({ database, settings, providers: [toy()] })
  web = await server.client('web', {
    resource_scopes: 'accounts',
    authorization_details_types: ['payment_initiation'],
  })
})
afterAll(async () => {
  await server.stop()
  await database.close()
})

function discovered(client: TestClient): Promise<oauth.Configuration> {
  const insecure = { execute: [oauth.allowInsecureRequests] }
  return oauth.discovery(new URL(server.origin), client.id, {}, oauth.ClientSecretBasic(client.secret), insecure)
}

const asked = (details: unknown, extra: Record<string, string | undefined> = {}) => ({
  scope: 'openid offline_access',
  resource: bank,
  authorization_details: typeof details === 'string' ? details : JSON.stringify(details),
  ...extra,
})

/** The page on which a person is asked; they sign in where they have to. */
async function consentPage(person: Visitor, proof: Pkce, params: Record<string, string | undefined>) {
  let page = await person.get(authorizeUrl(web, proof, params))
  if (page.text.includes('/start/toy"')) {
    page = await person.submit(page, '/start/toy')
    page = await person.submit(page, '/answer', { email: crypto.randomUUID() })
  }
  return page
}

function redeem(code: string, proof: Pkce, extra: Record<string, string> = {}) {
  const request = { grant_type: 'authorization_code', code, redirect_uri: web.redirectUri }
  return token(server, web, { ...request, code_verifier: proof.verifier, ...extra })
}

/** A code for these details. */
async function agreed(details: unknown, extra: Record<string, string | undefined> = {}) {
  const [proof, person] = [pkce(), server.visitor()]
  const page = await consentPage(person, proof, asked(details, extra))
  const back = await person.submit(page, '/consent', { decision: 'allow' })
  return { code: back.url.searchParams.get('code') ?? '', proof, person }
}

/** The error that a request comes back with. */
async function refused(details: unknown, extra: Record<string, string | undefined> = {}) {
  const { url } = await server.visitor().get(authorizeUrl(web, pkce(), asked(details, extra)))
  return `${url.searchParams.get('error')}: ${url.searchParams.get('error_description')}`
}

test('discovery names the types that APIs declare (§10)', async () => {
  const config = await discovered(web)
  expect(config.serverMetadata()['authorization_details_types_supported']).toEqual(['payment_initiation'])
})

test('what an API declares is named by every node a moment later, and no longer than it is declared', async () => {
  let at = Date.now()
  await using other = await startTestServer({ database, settings, now: () => new Date(at) })
  const run = commandLine(database.store)
  const namedAfter = async (declared: unknown) => {
    await run(['resource', 'update', bank, '--authorization-types', JSON.stringify(declared)])
    at += 2_000
    const response = await fetch(`${other.origin}/.well-known/openid-configuration`)
    return ((await response.json()) as Record<string, unknown>)['authorization_details_types_supported']
  }
  const seeing = { title: 'See', properties: {} }
  expect(await namedAfter({ ...types, account_information: seeing })).toEqual([
    'account_information',
    'payment_initiation',
  ])
  expect(await namedAfter({})).toBeUndefined()
  expect(await namedAfter(types)).toEqual(['payment_initiation'])
})

test('the person sees every member, in the API’s words and escaped, each time anew (§13)', async () => {
  const { person } = await agreed([payment])
  const page = await consentPage(person, pkce(), asked([payment]))
  for (const text of ['Make one payment from your account', 'Amount: sum', '123.50', 'EUR', 'initiate, status', 'To']) {
    expect(page.text, text).toContain(text)
  }
  expect(page.text).toContain('Merchant &lt;b&gt;A&lt;/b&gt;')
  expect(page.text).not.toContain('<b>A</b>')
})

test('who denies gives nothing', async () => {
  const person = server.visitor()
  const page = await consentPage(person, pkce(), asked([payment]))
  const back = await person.submit(page, '/consent', { decision: 'deny' })
  expect(back.url.searchParams.get('error')).toBe('access_denied')
})

test('answer, JWT and introspection say what was agreed to (§7, §9.1, §9.2)', async () => {
  const { code, proof } = await agreed([payment])
  const { body } = await redeem(code, proof)
  expect(body['authorization_details']).toEqual([payment])
  const keys = createRemoteJWKSet(new URL(`${server.origin}/jwks`))
  const { payload } = await jwtVerify(String(body.access_token), keys, { audience: bank, typ: 'at+jwt' })
  expect(payload['authorization_details']).toEqual([payment])
  const seen = await oauth.tokenIntrospection(await discovered(owner), String(body.access_token))
  expect(seen).toMatchObject({ active: true, authorization_details: [payment] })
})

test('a request that is pushed may hold them, and one that names no API means theirs (§5)', async () => {
  const config = await discovered(web)
  const [proof, person] = [pkce(), server.visitor()]
  const url = await oauth.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: web.redirectUri,
    scope: 'openid',
    code_challenge: proof.challenge,
    code_challenge_method: 'S256',
    authorization_details: JSON.stringify([payment]),
  })
  let page = await person.get(url.pathname + url.search)
  page = await person.submit(page, '/start/toy')
  page = await person.submit(page, '/answer', { email: 'ines' })
  const back = await person.submit(page, '/consent', { decision: 'allow' })
  const { body } = await redeem(back.url.searchParams.get('code') ?? '', proof)
  expect(body['authorization_details']).toEqual([payment])
  await expect(
    oauth.buildAuthorizationUrlWithPAR(config, { authorization_details: '[{"type":"unknown"}]', scope: 'openid' }),
  ).rejects.toThrow()
})

describe('a token may say less than was agreed to, never more (§6, §6.1)', () => {
  test('when the code is redeemed', async () => {
    const less = { ...payment, actions: ['status'] }
    const first = await agreed([payment])
    const { body } = await redeem(first.code, first.proof, { authorization_details: JSON.stringify([less]) })
    expect(body['authorization_details']).toEqual([less])
    const wishes = [
      { ...payment, actions: ['status', 'cancel'] },
      { ...payment, creditor: 'Merchant B' },
      { ...payment, amount: { currency: 'EUR', value: '1123.50' } },
      { type: payment.type, amount: payment.amount, creditor: payment.creditor },
    ]
    for (const wish of wishes) {
      const { code, proof } = await agreed([payment])
      const answer = await redeem(code, proof, { authorization_details: JSON.stringify([wish]) })
      expect(answer.body.error, JSON.stringify(wish)).toBe('invalid_authorization_details')
    }
  })

  test('when it is refreshed', async () => {
    const { code, proof } = await agreed([payment])
    const first = await redeem(code, proof)
    const less = JSON.stringify([{ ...payment, actions: ['status'] }])
    const second = await refresh(server, web, String(first.body.refresh_token), {
      authorization_details: less,
      resource: bank,
    })
    expect(second.body['authorization_details']).toEqual(JSON.parse(less))
    const more = JSON.stringify([{ ...payment, creditor: 'Merchant B' }])
    const third = await refresh(server, web, String(second.body.refresh_token), {
      authorization_details: more,
      resource: bank,
    })
    expect(third.body.error).toBe('invalid_authorization_details')
  })

  test('and a request without details brings none, though others were agreed to before', async () => {
    const { person } = await agreed([payment])
    const proof = pkce()
    const params = { scope: 'openid accounts', resource: bank }
    const page = await consentPage(person, proof, params)
    const back = page.left ? page : await person.submit(page, '/consent', { decision: 'allow' })
    const { body } = await redeem(back.url.searchParams.get('code') ?? '', proof)
    expect(body).not.toHaveProperty('authorization_details')
  })
})

test.each([
  ['no JSON', '{'],
  ['no list', payment],
  ['an unknown type', [{ type: 'account_information' }]],
  ['a type of the prototype', [{ type: 'constructor' }]],
  ['no type', [{ amount: payment.amount }]],
  ['an unknown member', [{ ...payment, reason: 'x' }]],
  ['an unknown member further in', [{ ...payment, amount: { ...payment.amount, hidden: '1' } }]],
  ['a member that is missing', [{ type: payment.type, amount: payment.amount }]],
  ['another kind of value', [{ ...payment, creditor: 7 }]],
  ['a value that is none of those named', [{ ...payment, actions: ['delete'] }]],
  ['a number out of range', [{ ...payment, copies: 4 }]],
  ['half a copy', [{ ...payment, copies: 1.5 }]],
  ['a text that is too long', [{ ...payment, amount: { currency: 'EURO', value: '1' } }]],
  ['a text that turns around', [{ ...payment, creditor: 'A\u202eB' }]],
  ['another location', [{ ...payment, locations: ['https://evil.example'] }]],
  ['too many', new Array(11).fill(payment)],
])('refused, before anybody is asked: %s (§5)', async (_what, details) => {
  expect(await refused(details)).toContain('invalid_authorization_details')
})

test('a client that is not registered for a type, and a request for another API, are refused (§5)', async () => {
  const stranger = await server.client('web', { resource_scopes: 'accounts' })
  const { url } = await server.visitor().get(authorizeUrl(stranger, pkce(), asked([payment])))
  expect(url.searchParams.get('error')).toBe('invalid_authorization_details')
  await server.resource('https://other.example', ['accounts'], 'jwt')
  expect(await refused([payment], { resource: 'https://other.example', scope: 'accounts' })).toContain(
    'invalid_authorization_details',
  )
})

test('a service gets details for itself if it is registered for their type, and not otherwise (§6)', async () => {
  const metadata = { resource_scopes: 'accounts' }
  const registered = await server.client('service', { ...metadata, authorization_details_types: [payment.type] })
  const request = {
    grant_type: 'client_credentials',
    scope: 'accounts',
    authorization_details: JSON.stringify([payment]),
  }
  const given = await token(server, registered, request)
  expect(given.body['authorization_details']).toEqual([payment])
  const refusal = await token(server, await server.client('service', metadata), request)
  expect(refusal.body.error).toBe('invalid_authorization_details')
})

test('with prompt=none nobody is asked, so nothing is given', async () => {
  const { person } = await agreed([payment])
  const { url } = await person.get(authorizeUrl(web, pkce(), asked([payment], { scope: 'openid', prompt: 'none' })))
  expect(url.searchParams.get('error')).toMatch(/_required$/)
})

test.each([
  [{ pay: { properties: {} } }, 'title'],
  [{ pay: { title: 'Pay' } }, 'properties'],
  [{ pay: { title: 'Pay', properties: { a: { type: 'string', pattern: '(a+)+$' } } } }, 'pattern'],
  [{ pay: { title: 'Pay', properties: { a: { type: 'date' } } } }, 'type'],
  [{ pay: { title: 'Pay', properties: { type: { type: 'string' } } } }, 'RFC 9396'],
  [{ pay: { title: 'Pay', properties: {}, required: ['a'] } }, 'requires'],
  [{ 'a b': { title: 'Pay', properties: {} } }, 'letters'],
])('a type that is not described as it should be is not registered: %j', async (value, reason) => {
  const run = commandLine(server.database.store)
  const result = await run(['resource', 'update', bank, '--authorization-types', JSON.stringify(value)])
  expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(reason) })
})

test('a type that another API declares is not registered twice', async () => {
  const run = commandLine(server.database.store)
  const argv = ['resource', 'add', 'https://second.example', '--name', 'Second']
  const result = await run([...argv, '--authorization-types', JSON.stringify(types)])
  expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(bank) })
})
