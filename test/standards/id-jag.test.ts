/**
 * Identity assertions between authorization servers (ID-JAG, draft 04) by openid-client, with two instances of this
 * server: one where people sign in, and one that guards an API and trusts the first.
 */
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oauth from 'openid-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { type AssertionIssuer, assertionIssuer } from '../support/assertions.ts'
import { authorize, pkce, redeem } from '../support/authorize.ts'
import { commandLine } from '../support/command-line.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange'
const bearerGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const idJag = 'urn:ietf:params:oauth:token-type:id-jag'
const idToken = 'urn:ietf:params:oauth:token-type:id_token'
const chat = 'https://chat.example/api'

/** Where people sign in. */
let idp: TestServer
/** What guards the chat. */
let guard: TestServer
/** The wiki, as either server knows it. */
let [wiki, wikiThere]: TestClient[] = []
/** May introspect tokens for the chat. */
let chatResource: TestClient
let alice: { idToken: string; sub: string; there: string }
let forger: AssertionIssuer
beforeAll(async () => {
  ;[idp, guard] = await Promise.all([startTestServer({ providers: [toy()] }), startTestServer({ providers: [toy()] })])
  forger = await assertionIssuer(idp.origin)
  chatResource = await guard.resource(chat, ['chat.read', 'chat.write'])
  wiki = await idp.client('web', {
    first_party: true,
    scope: 'openid offline_access',
    grant_types: ['authorization_code', 'refresh_token', exchangeGrant],
  })
  wikiThere = await guard.client('service', { grant_types: [bearerGrant], resource_scopes: 'chat.read chat.write' })
  alice = await signedIn('alice')
  const run = commandLine(guard.database.store, { identityNames: ['idp'] })
  const trusted = ['--jwks-uri', `${idp.origin}/jwks`, '--client', wikiThere.id, '--provider', 'idp']
  expect(await run(['issuer', 'trust', idp.origin, ...trusted])).toMatchObject({ exitCode: 0 })
  const there = ['--issuer', guard.origin, '--client-there', wikiThere.id]
  const may = ['--scope', 'chat.read', '--scope', 'chat.write', '--resource', chat]
  const allow = ['exchange', 'allow', '--client', wiki.id, ...there, ...may]
  expect(await commandLine(idp.database.store)(allow)).toMatchObject({ exitCode: 0 })
})
afterAll(async () => {
  await forger[Symbol.asyncDispose]()
  await Promise.all([idp.stop(), guard.stop()])
})

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('missing')
  return value
}

/** Somebody who signs in to the wiki, and has signed in at the other server with the first one before. */
async function signedIn(name: string) {
  const proof = pkce()
  const extra = { scope: 'openid offline_access', prompt: 'consent' }
  const back = await authorize(idp.visitor(), present(wiki), proof, { name, extra })
  const { body } = await redeem(idp, present(wiki), back.searchParams.get('code') ?? '', proof)
  const token = String(body.id_token)
  const subject = decodeJwt(token).sub ?? ''
  const known = accounts(guard.database.store.db, () => new Date())
  const { id } = await known.create({ identity: { provider: 'idp', subject, label: name } })
  return { idToken: token, sub: subject, there: id }
}

function configured({ origin }: TestServer, { id, secret }: TestClient): Promise<oauth.Configuration> {
  const options = { execute: [oauth.allowInsecureRequests] }
  return oauth.discovery(new URL(origin), id, {}, oauth.ClientSecretBasic(secret), options)
}

/** The wiki asks for an assertion for the other server. */
async function assertion(further: Record<string, string> = {}, options: { DPoP?: oauth.DPoPHandle } = {}) {
  const asked = {
    requested_token_type: idJag,
    audience: guard.origin,
    scope: 'chat.read',
    resource: chat,
    subject_token: alice.idToken,
    subject_token_type: idToken,
    ...further,
  }
  return exchanged(asked, options)
}

async function exchanged(asked: Record<string, string>, options: { DPoP?: oauth.DPoPHandle } = {}) {
  return oauth.genericGrantRequest(await configured(idp, present(wiki)), exchangeGrant, asked, options)
}

/** The wiki brings an assertion there. */
async function presented(text: string, further: Record<string, string> = {}, as = present(wikiThere)) {
  return oauth.genericGrantRequest(await configured(guard, as), bearerGrant, { assertion: text, ...further })
}

/** The code of the refusal. */
async function refused(answer: Promise<unknown>): Promise<string> {
  try {
    await answer
  } catch (error) {
    if (error instanceof oauth.ResponseBodyError) return error.error
    throw error
  }
  return 'granted'
}

test('an app signs somebody in at one server and acts for them at the other (§4.3, §4.4)', async () => {
  const given = await assertion()
  expect(given).toMatchObject({ issued_token_type: idJag, token_type: 'n_a', scope: 'chat.read', expires_in: 300 })
  expect(given).not.toHaveProperty('refresh_token')
  const answer = await presented(given.access_token)
  expect(answer).toMatchObject({ token_type: 'bearer', scope: 'chat.read', resource: chat })
  expect(answer).not.toHaveProperty('refresh_token')
  const said = await oauth.tokenIntrospection(await configured(guard, chatResource), answer.access_token)
  const expected = { active: true, sub: alice.there, client_id: present(wikiThere).id, aud: chat, scope: 'chat.read' }
  expect(said).toMatchObject(expected)
})

test('the assertion says for whom, by whom and for how long it is, in its own type (§3.1)', async () => {
  const { access_token: text } = await assertion()
  const keys = createRemoteJWKSet(new URL(`${idp.origin}/jwks`))
  const { payload } = await jwtVerify(text, keys, { typ: 'oauth-id-jag+jwt' })
  expect(payload).toMatchObject({
    iss: idp.origin,
    sub: alice.sub,
    aud: guard.origin,
    client_id: present(wikiThere).id,
    scope: 'chat.read',
    resource: chat,
    jti: expect.any(String),
    auth_time: expect.any(Number),
  })
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300)
  expect(decodeProtectedHeader(text).alg).toBe('ES256')
})

test('an assertion that was asked for with a key is good with that key alone (§9.8.1)', async () => {
  const client = await configured(idp, present(wiki))
  const handle = oauth.getDPoPHandle(client, await oauth.randomDPoPKeyPair('ES256'))
  const { access_token: text } = await assertion({}, { DPoP: handle })
  expect(decodeJwt(text)['cnf']).toMatchObject({ jkt: expect.any(String) })
  expect(await refused(presented(text))).toBe('invalid_grant')
})

describe('the server where people sign in refuses', () => {
  test.for<[string, Record<string, string>, string]>([
    ['another server than the policy names', { audience: 'https://elsewhere.example' }, 'invalid_target'],
    ['a resource that the policy does not name', { resource: 'https://mail.example' }, 'invalid_target'],
    ['scopes that the policy does not name', { scope: 'chat.admin' }, 'invalid_scope'],
    ['an ID token that is not its own', { subject_token: 'e30.e30.e30' }, 'invalid_grant'],
    [
      'another kind of token',
      { subject_token_type: 'urn:ietf:params:oauth:token-type:access_token' },
      'invalid_request',
    ],
    ['an actor, of whom the draft says nothing', { actor_token: 'x' }, 'invalid_request'],
  ])('%s', async ([, further, error]) => {
    expect(await refused(assertion(further))).toBe(error)
  })

  test('no audience', async () => {
    const asked = { requested_token_type: idJag, subject_token: alice.idToken, subject_token_type: idToken }
    expect(await refused(exchanged(asked))).toBe('invalid_request')
  })

  test('somebody whose access was taken back', async () => {
    const bob = await signedIn('bob')
    const asked = { subject_token: bob.idToken }
    expect(await refused(assertion(asked))).toBe('granted')
    const { db } = idp.database.store
    await db.updateTable('grants').set({ revoked_at: new Date() }).where('account_id', '=', bob.sub).execute()
    expect(await refused(assertion(asked))).toBe('invalid_grant')
  })

  test('more scopes than the policy has, by giving fewer', async () => {
    expect(await assertion({ scope: 'chat.read chat.admin' })).toMatchObject({ scope: 'chat.read' })
  })
})

describe('the server that guards the API refuses', () => {
  const good = () => ({
    sub: alice.sub,
    aud: guard.origin,
    client_id: present(wikiThere).id,
    scope: 'chat.read',
    resource: chat,
  })
  const typ = 'oauth-id-jag+jwt'

  test('what is signed by somebody else', async () => {
    expect(await refused(presented(await forger.say(good(), { typ })))).toBe('invalid_grant')
  })

  test('a client that the assertion is not for (§4.4.1)', async () => {
    const { access_token: text } = await assertion()
    const other = await guard.client('service', { grant_types: [bearerGrant], resource_scopes: 'chat.read' })
    expect(await refused(presented(text, {}, other))).toBe('invalid_grant')
    expect(await refused(presented(text))).toBe('granted')
  })

  test('more than the assertion says, and what was used before', async () => {
    const { access_token: text } = await assertion()
    expect(await refused(presented(text, { scope: 'chat.write' }))).toBe('invalid_scope')
    expect(await refused(presented(text, { resource: 'https://mail.example' }))).toBe('invalid_target')
    expect(await refused(presented(text))).toBe('granted')
    expect(await refused(presented(text))).toBe('invalid_grant')
  })

  test('an ID token of the same server: it is of another type, for somebody else', async () => {
    expect(await refused(presented(alice.idToken))).toBe('invalid_grant')
  })

  test('who never signed in here with that server', async () => {
    const { db } = guard.database.store
    const { access_token: text } = await assertion()
    await db.updateTable('identities').set({ provider: 'gone' }).where('subject', '=', alice.sub).execute()
    expect(await refused(presented(text))).toBe('invalid_grant')
    await db.updateTable('identities').set({ provider: 'idp' }).where('subject', '=', alice.sub).execute()
    expect(await refused(presented(text))).toBe('granted')
  })
})

describe('with another issuer that is trusted', () => {
  let issuer: AssertionIssuer
  beforeAll(async () => {
    issuer = await assertionIssuer('https://idp.example')
    const trusted = ['--jwks-uri', issuer.jwksUri, '--client', present(wikiThere).id, '--provider', 'idp']
    await commandLine(guard.database.store, { identityNames: ['idp'] })(['issuer', 'trust', issuer.issuer, ...trusted])
  })
  afterAll(() => issuer[Symbol.asyncDispose]())

  const good = () => ({
    sub: alice.sub,
    aud: guard.origin,
    client_id: present(wikiThere).id,
    scope: 'chat.read',
    resource: chat,
  })
  const say = (claims: Record<string, unknown>) => issuer.say({ ...good(), ...claims }, { typ: 'oauth-id-jag+jwt' })

  test.for<[string, () => Record<string, unknown>, string]>([
    ['a list with our name alone is taken', () => ({ aud: [guard.origin] }), 'granted'],
    ['a list with other names is not', () => ({ aud: [guard.origin, chat] }), 'invalid_grant'],
    ['who is for another client', () => ({ client_id: 'another' }), 'invalid_grant'],
    ['who is for no client', () => ({ client_id: undefined }), 'invalid_grant'],
    [
      'one of several resources has to be named',
      () => ({ resource: [chat, 'https://mail.example'] }),
      'invalid_target',
    ],
  ])('%s (§4.4.1)', async ([, claims, outcome]) => {
    expect(await refused(presented(await say(claims())))).toBe(outcome)
  })
})
