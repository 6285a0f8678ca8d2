/** Assertions as authorization grants (RFC 7523 §2.1, RFC 10070) by openid-client, from an issuer that is trusted. */
import { generateKeyPair } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { trustedIssuers } from '../../adapters/postgres/trusted-issuers.ts'
import { type AssertionIssuer, assertionIssuer } from '../support/assertions.ts'
import { signedIn } from '../support/authorize.ts'
import { postgresTest } from '../support/database.ts'
import { startNodes } from '../support/nodes.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const api = 'https://api.example'
const program = { grant_types: [grantType], resource_scopes: 'notes.read notes.write' }

let server: TestServer
let issuer: AssertionIssuer
let client: TestClient
let resource: TestClient
let account: string
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  issuer = await assertionIssuer('https://idp.example')
  resource = await server.resource(api, ['notes.read', 'notes.write'])
  client = await server.client('service', program)
  const app = await server.client('web', { first_party: true, scope: 'openid offline_access' })
  await signedIn(server, app, { name: 'alice' })
  account = await accountOf('alice')
  await trust(server, issuer, [client])
})
afterAll(async () => {
  await issuer[Symbol.asyncDispose]()
  await server.stop()
})

async function accountOf(subject: string): Promise<string> {
  const { db } = server.database.store
  const rows = db.selectFrom('identities').select('account_id').where('provider', '=', 'toy')
  return (await rows.where('subject', '=', subject).executeTakeFirstOrThrow()).account_id
}

async function trust(at: TestServer, { issuer, jwksUri }: AssertionIssuer, clients: TestClient[]): Promise<void> {
  const ids = clients.map(({ id }) => id)
  await trustedIssuers(at.database.store.db, () => new Date()).trust({ issuer, jwksUri, provider: 'toy', clients: ids })
}

type Claims = Record<string, unknown>

/** What a good assertion says of Alice. */
function alice(further: Claims = {}): Claims {
  return { sub: 'alice', aud: server.origin, ...further }
}

async function granted(assertion: string, further: Record<string, string> = {}, as = client, at = server) {
  const options = { execute: [oauth.allowInsecureRequests] }
  const config = await oauth.discovery(new URL(at.origin), as.id, {}, oauth.ClientSecretBasic(as.secret), options)
  return oauth.genericGrantRequest(config, grantType, { assertion, scope: 'notes.read', resource: api, ...further })
}

/** The code of the refusal. */
async function refused(answer: Promise<unknown>): Promise<string> {
  try {
    await answer
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return error.error
    if (error instanceof oauth.ClientError && error.cause instanceof Response) return String(error.cause.status)
    throw error
  }
  return 'granted'
}

async function introspected(token: string): Promise<oauth.IntrospectionResponse> {
  const options = { execute: [oauth.allowInsecureRequests] }
  const method = oauth.ClientSecretBasic(resource.secret)
  return oauth.tokenIntrospection(
    await oauth.discovery(new URL(server.origin), resource.id, {}, method, options),
    token,
  )
}

describe('an assertion of a trusted issuer', () => {
  test('is worth an access token for who is known here by its name for them, and no refresh token (§2.1)', async () => {
    const answer = await granted(await issuer.say(alice()))
    expect(answer).toMatchObject({ token_type: 'bearer', scope: 'notes.read', expires_in: 600 })
    expect(answer).not.toHaveProperty('refresh_token')
    expect(answer).not.toHaveProperty('issued_token_type')
    const said = await introspected(answer.access_token)
    expect(said).toMatchObject({ active: true, sub: account, client_id: client.id, aud: api, scope: 'notes.read' })
    const { db } = server.database.store
    const event = db.selectFrom('audit_events').selectAll().where('event', '=', 'assertion.accepted')
    const own = {
      account_id: account,
      client_id: client.id,
      detail: { issuer: issuer.issuer, kind: 'other', scope: 'notes.read' },
    }
    expect(await event.execute()).toContainEqual(expect.objectContaining(own))
  })

  test('may have the type of RFC 10070, and no type of something else (RFC 8725 §3.11)', async () => {
    for (const typ of ['authorization-grant+jwt', 'JWT']) {
      expect(await refused(granted(await issuer.say(alice(), { typ })))).toBe('granted')
    }
    for (const typ of ['at+jwt', 'client-authentication+jwt', 'logout+jwt', 'dpop+jwt']) {
      expect(await refused(granted(await issuer.say(alice(), { typ })))).toBe('invalid_grant')
    }
  })

  test('counts once (§3)', async () => {
    const assertion = await issuer.say(alice())
    expect(await refused(granted(assertion))).toBe('granted')
    expect(await refused(granted(assertion))).toBe('invalid_grant')
  })

  test('is not spent by a request that is wrong in something else', async () => {
    const assertion = await issuer.say(alice())
    expect(await refused(granted(assertion, { resource: 'https://other.example' }))).toBe('invalid_target')
    expect(await refused(granted(assertion, { scope: 'notes.none' }))).toBe('invalid_scope')
    expect(await refused(granted(assertion))).toBe('granted')
  })

  test('ends with the account, like whatever came of it', async () => {
    const { access_token } = await granted(await issuer.say(alice()))
    const { db } = server.database.store
    const set = (disabled_at: Date | null) =>
      db.updateTable('accounts').set({ disabled_at }).where('id', '=', account).execute()
    await set(new Date())
    expect(await introspected(access_token)).toEqual({ active: false })
    expect(await refused(granted(await issuer.say(alice())))).toBe('invalid_grant')
    await set(null)
  })
})

describe('refused (§3)', () => {
  const now = () => Math.floor(Date.now() / 1000)
  test.for<[string, () => Claims]>([
    ['somebody who is not known, and who becomes nobody', () => ({ sub: 'mallory' })],
    ['nobody', () => ({ sub: undefined })],
    ['another audience', () => ({ aud: 'https://elsewhere.example' })],
    ['the token endpoint as audience (RFC 10070)', () => ({ aud: `${server.origin}/token` })],
    ['a list of audiences (RFC 10070)', () => ({ aud: [server.origin] })],
    ['another audience beside ours', () => ({ aud: [server.origin, 'https://elsewhere.example'] })],
    ['no audience', () => ({ aud: undefined })],
    ['what has expired', () => ({ iat: now() - 200, exp: now() - 60 })],
    ['what lives too long', () => ({ exp: now() + 3600 })],
    ['what never ends', () => ({ exp: undefined })],
    ['what is not valid yet', () => ({ nbf: now() + 120 })],
    ['what comes from the future', () => ({ iat: now() + 120, exp: now() + 240 })],
    ['what has no name', () => ({ jti: undefined })],
    ['what is for another client', () => ({ client_id: 'another' })],
    ['somebody who acts for the person', () => ({ act: { sub: 'bob' } })],
    ['what is bound to a key that is not proved', () => ({ cnf: { jkt: 'x' } })],
    ['an issuer that nobody trusts', () => ({ iss: 'https://stranger.example' })],
    ['this server itself', () => ({ iss: server.origin })],
  ])('%s', async ([, claims]) => {
    expect(await refused(granted(await issuer.say(alice(claims()))))).toBe('invalid_grant')
    const { db } = server.database.store
    const known = await db.selectFrom('identities').select('subject').where('subject', '=', 'mallory').execute()
    expect(known).toEqual([])
  })

  test('a signature of somebody else, no signature, and what is no assertion', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    expect(await refused(granted(await issuer.say(alice(), { key: privateKey })))).toBe('invalid_grant')
    const [, payload] = (await issuer.say(alice())).split('.')
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
    for (const text of [none, 'nonsense', 'e30.e30.e30']) expect(await refused(granted(text))).toBe('invalid_grant')
    expect(await refused(granted(''))).toBe('invalid_request')
  })

  test('a client that the issuer was not trusted for, one without the grant type, and one that proves nothing', async () => {
    const [other, plain] = [await server.client('service', program), await server.client('service')]
    expect(await refused(granted(await issuer.say(alice()), {}, other))).toBe('invalid_grant')
    expect(await refused(granted(await issuer.say(alice()), {}, plain))).toBe('invalid_request')
    const open = await server.client('spa', { ...program, grant_types: ['authorization_code', grantType] })
    const form = { grant_type: grantType, client_id: open.id, assertion: await issuer.say(alice()), scope: 'openid' }
    const response = await fetch(`${server.origin}/token`, { method: 'POST', body: new URLSearchParams(form) })
    expect(await response.json()).toMatchObject({ error: 'unauthorized_client' })
  })
})

test('keys are fetched once for many assertions, and not for each unknown one', async () => {
  const before = issuer.fetched()
  for (let times = 0; times < 5; times += 1) {
    expect(await refused(granted(await issuer.say(alice(), { kid: `unknown-${times}` })))).toBe('invalid_grant')
  }
  expect(issuer.fetched() - before).toBeLessThanOrEqual(1)
})

test('an issuer whose keys cannot be had is no reason to give up the assertion: try again (RFC 9110 §15.6.4)', async () => {
  await using away = await assertionIssuer('https://away.example')
  away.answer(500)
  await trust(server, away, [client])
  const assertion = await away.say(alice())
  expect(await refused(granted(assertion))).toBe('503')
  away.answer(200)
  expect(await refused(granted(assertion))).toBe('granted')
})

postgresTest('of many who bring one assertion at once, one is served', async () => {
  await using nodes = await startNodes({ providers: [toy()] })
  const { first } = nodes
  await first.resource(api, ['notes.read'])
  const racer = await first.client('service', program)
  const app = await first.client('web', { first_party: true, scope: 'openid offline_access' })
  await signedIn(first, app, { name: 'alice' })
  await trust(first, issuer, [racer])
  const assertion = await issuer.say({ sub: 'alice', aud: first.origin })
  const all = await Promise.all(Array.from({ length: 8 }, () => refused(granted(assertion, {}, racer, first))))
  expect(all.filter((answer) => answer === 'granted')).toHaveLength(1)
})
