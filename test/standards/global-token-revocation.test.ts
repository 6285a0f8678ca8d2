/** A program of an administrator ends all access of a person (Global Token Revocation, draft 06), over plain HTTP. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { audit } from '../../adapters/postgres/audit.ts'
import { authorize, authorizeUrl, endpoint, isActive, pkce, redeem, refresh } from '../support/authorize.ts'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { approve, askForCodes, poll } from '../support/device.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const path = '/global-token-revocation'
const scope = 'global-token-revocation'

let server: TestServer
let run: CommandLine
/** Of the security tool. */
let key: string
let app: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  run = commandLine(server.database.store)
  app = await server.client('web')
  key = await keyOf(await server.client('service', { resource_scopes: scope }))
})
afterAll(() => server.stop())

async function keyOf(client: TestClient, params: Record<string, string> = {}): Promise<string> {
  const { body } = await endpoint(server, client, '/token', {
    grant_type: 'client_credentials',
    resource: server.origin + path,
    scope,
    ...params,
  })
  return String(body.access_token)
}

function send(body: unknown, init: { token?: string; headers?: Record<string, string>; method?: string } = {}) {
  const { token = key, headers = {}, method = 'POST' } = init
  return fetch(server.origin + path, {
    method,
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
    ...(method === 'GET' ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
}

const opaque = (id: unknown) => ({ sub_id: { format: 'opaque', id } })

let people = 0

/** Somebody new who has given the app access for good. */
async function person() {
  people += 1
  const [visitor, name, proof] = [server.visitor(), `person-${people}`, pkce()]
  const extra = { scope: 'openid offline_access' }
  const callback = await authorize(visitor, app, proof, { name, extra })
  const { body } = await redeem(server, app, callback.searchParams.get('code') ?? '', proof)
  const sub = String(decodeJwt(String(body.id_token)).sub)
  return { visitor, name, sub, access: String(body.access_token), refresh: String(body.refresh_token) }
}

test('discovery names the endpoint and how callers are known (§6)', async () => {
  for (const name of ['openid-configuration', 'oauth-authorization-server']) {
    expect(await (await fetch(`${server.origin}/.well-known/${name}`)).json()).toMatchObject({
      global_token_revocation_endpoint: server.origin + path,
      global_token_revocation_endpoint_auth_methods_supported: ['Bearer'],
    })
  }
})

test('sessions, refresh tokens, access tokens and codes of the person end, and of nobody else (§3.3)', async () => {
  const [alice, bob] = [await person(), await person()]
  const proof = pkce()
  const unspent = await authorize(alice.visitor, app, proof)
  const answer = await send(opaque(alice.sub))
  expect(answer.status).toBe(204)
  expect(await answer.text()).toBe('')
  expect(answer.headers.get('cache-control')).toBe('no-store')
  expect((await refresh(server, app, alice.refresh)).body.error).toBe('invalid_grant')
  expect(await isActive(server, app, alice.access)).toBe(false)
  expect((await redeem(server, app, unspent.searchParams.get('code') ?? '', proof)).body.error).toBe('invalid_grant')
  // The person has to sign in again before the app gets anything.
  const again = await alice.visitor.get(authorizeUrl(app, pkce(), { prompt: 'none' }))
  expect(again.url.searchParams.get('error')).toBe('login_required')
  expect((await refresh(server, app, bob.refresh)).status).toBe(200)
  expect((await bob.visitor.get('/account')).text).toContain('/account/sign-out')
  const [event] = await audit(server.database.store.db, () => new Date()).list({ accountId: alice.sub, limit: 1 })
  expect(event).toMatchObject({ event: 'account.access-ended', detail: { sessions: 1 } })
})

test('a device that the person has allowed and that has not asked since gets nothing (RFC 8628)', async () => {
  const device = await server.client('device')
  const someone = await person()
  const codes = await askForCodes(server, device)
  await approve(someone.visitor, codes, { name: someone.name })
  expect((await send(opaque(someone.sub))).status).toBe(204)
  expect((await poll(server, device, codes)).body.error).toBe('invalid_grant')
})

describe('names of a person (RFC 9493)', () => {
  test('issuer and subject of ours; e-mail address; DID; any of several', async () => {
    const { db } = server.database.store
    const [alice, bob, carol, dan] = [await person(), await person(), await person(), await person()]
    await db.updateTable('accounts').set({ email: 'Bob@Example.com' }).where('id', '=', bob.sub).execute()
    const did = 'did:plc:abcdefghijklmnopqrstuvwx'
    await db
      .insertInto('identities')
      .values({
        provider: 'atproto',
        subject: did,
        account_id: carol.sub,
        label: null,
        created_at: new Date(),
        last_used_at: null,
      })
      .execute()
    const subjects = [
      { format: 'iss_sub', iss: server.origin, sub: alice.sub },
      { format: 'email', email: 'bob@example.com' },
      { format: 'did', url: did },
      {
        format: 'aliases',
        identifiers: [
          { format: 'email', email: 'nobody@example.com' },
          { format: 'opaque', id: dan.sub },
        ],
      },
    ]
    for (const [at, someone] of [alice, bob, carol, dan].entries()) {
      expect((await send({ sub_id: subjects[at] })).status).toBe(204)
      expect((await refresh(server, app, someone.refresh)).body.error).toBe('invalid_grant')
    }
  })

  test('nobody has it: 404 (§3.4.2)', async () => {
    const strangers = [
      { format: 'opaque', id: 'usr_nobody' },
      { format: 'iss_sub', iss: 'https://elsewhere.example', sub: 'x' },
      { format: 'did', url: 'did:plc:nobody' },
    ]
    for (const stranger of strangers) expect((await send({ sub_id: stranger })).status).toBe(404)
  })

  test.each([
    ['no JSON', '{"sub_id":'],
    ['no object', '[]'],
    ['no sub_id', {}],
    ['more than sub_id', { ...opaque('usr_1'), subject: 'x' }],
    ['an unknown format', { sub_id: { format: 'phone_number', phone_number: '+49301234567' } }],
    ['a member too many', { sub_id: { format: 'opaque', id: 'usr_1', iss: 'x' } }],
    ['a list for a text', opaque(['usr_1'])],
    ['a NUL', opaque('usr_\0')],
    ['half a character', opaque('usr_\ud800')],
    ['an empty text', opaque('')],
    ['nested aliases', { sub_id: { format: 'aliases', identifiers: [{ format: 'aliases', identifiers: [] }] } }],
    ['a body of 20 KB', opaque('x'.repeat(20_000))],
  ])('%s: 400', async (_, body) => {
    expect((await send(body)).status).toBe(400)
  })

  test('another content type: 400, another method: 405', async () => {
    expect((await send(opaque('x'), { headers: { 'content-type': 'text/plain' } })).status).toBe(400)
    expect((await send('', { method: 'GET' })).status).toBe(405)
  })
})

describe('who may ask (§7.1)', () => {
  let someone: Awaited<ReturnType<typeof person>>
  beforeEach(async () => {
    someone = await person()
  })

  test('nobody without a token, with a made-up one, or with that of a person', async () => {
    const naked = await fetch(server.origin + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(opaque(someone.sub)),
    })
    expect(naked.status).toBe(401)
    expect(naked.headers.get('www-authenticate')).toBe('Bearer')
    for (const token of ['made-up', someone.access]) {
      const answer = await send(opaque(someone.sub), { token })
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"')
    }
    expect((await refresh(server, app, someone.refresh)).status).toBe(200)
  })

  test('no program that is not registered for the scope, nor with a token for another API', async () => {
    const plain = await server.client('service')
    expect(await keyOf(plain)).toBe('undefined')
    await server.resource('https://api.example', ['read'])
    const both = await server.client('service', { resource_scopes: `read ${scope}` })
    const elsewhere = await keyOf(both, { resource: 'https://api.example', scope: 'read' })
    expect((await send(opaque(someone.sub), { token: elsewhere })).status).toBe(401)
    expect((await refresh(server, app, someone.refresh)).status).toBe(200)
  })

  test('a program that was disabled may no more', async () => {
    const tool = await server.client('service', { resource_scopes: scope })
    const token = await keyOf(tool)
    await run(['client', 'disable', tool.id])
    // A node knows a client for a second at most.
    await vi.waitUntil(async () => (await send(opaque('usr_nobody'), { token })).status === 401, { timeout: 5_000 })
  })

  test('only a program (profile service) is registered for the scope', async () => {
    const add = (profile: string, ...more: string[]) =>
      run(['client', 'add', '--profile', profile, '--name', 'Tool', '--scope', scope, ...more])
    expect((await add('web', '--redirect-uri', 'https://app.example/cb')).stderr).toContain('profile service')
    expect((await add('service')).exitCode).toBe(0)
  })
})
