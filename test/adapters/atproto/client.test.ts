import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { LinkEnded, PdsUnreachable } from '../../../adapters/atproto/contract.ts'
import { guardedFetch } from '../../../adapters/atproto/guarded-fetch.ts'
import { sealer } from '../../../adapters/crypto/seal.ts'
import { expire, linked, type TestClient, testClient, throughPds } from '../../support/atproto-client.ts'
import { clock } from '../../support/clock.ts'
import { openTestDatabase, type TestDatabase } from '../../support/database.ts'
import { answering, newHandle, startPds, type TestPds } from '../../support/pds.ts'

const issuer = 'https://auth.habitat-client.dev'
/** A PDS remembers the keys of a client: one that has others has another name. */
const otherIssuer = 'https://other.habitat-client.dev'
const getSession = '/xrpc/com.atproto.server.getSession'

let pds: TestPds
let database: TestDatabase

beforeAll(async () => {
  pds = await startPds()
  database = await openTestDatabase()
})
afterAll(async () => {
  await pds.close()
  await database.close()
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** The PDS asks for our documents with the global fetch: they are answered here, all else goes where it goes. */
function publish(client: TestClient, issuer: string): void {
  const real = globalThis.fetch
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : String(input))
    if (url.origin !== issuer) return real(input, init)
    const documents = await client.documents()
    if (url.pathname === '/atproto/client-metadata.json') return Response.json(documents?.metadata)
    if (url.pathname === '/atproto/jwks.json') return Response.json(documents?.jwks)
    return new Response(undefined, { status: 404 })
  })
}

function open(kind: 'loopback' | 'confidential', options: Parameters<typeof testClient>[2] = {}): TestClient {
  if (kind === 'loopback') return testClient(database.store, pds, options)
  const client = testClient(database.store, pds, { issuer, ...options })
  publish(client, options.issuer ?? issuer)
  return client
}

describe.each(['loopback', 'confidential'] as const)('a %s client', (kind) => {
  test('proves a DID with its verified handle, keeps nothing and gives the tokens back', async () => {
    const client = open(kind)
    const alice = await pds.account()
    const params = await throughPds(client, pds, alice)
    expect(await client.finish(params, undefined)).toEqual({ kind: 'proven', did: alice.did, handle: alice.handle })
    await client.settled()
    expect(await pds.sessions(alice)).toBe(0)
    expect(await client.linkState(alice.did)).toBeUndefined()
    expect(client.reports).toEqual([])
  })

  test('keeps a link, by which requests reach the PDS as the person', async () => {
    const client = open(kind)
    const alice = await pds.account()
    await linked(client, pds, alice)
    expect(await client.linkState(alice.did)).toMatchObject({
      did: alice.did,
      scopes: ['atproto', 'transition:generic'],
      ended: undefined,
    })
    const link = await client.link(alice.did)
    const response = await link?.fetch(getSession, {})
    expect(response?.status).toBe(200)
    expect(await response?.json()).toMatchObject({ did: alice.did, handle: alice.handle })
  })

  test('refreshes when the token is about to expire, and what it stores works', async () => {
    const client = open(kind)
    const alice = await pds.account()
    await linked(client, pds, alice)
    await expire(client, alice.did)
    pds.asked.length = 0
    for (const _ of [1, 2]) {
      const response = await (await client.link(alice.did))?.fetch(getSession, {})
      expect(response?.status).toBe(200)
    }
    expect(refreshes()).toBe(1)
    expect(await pds.sessions(alice)).toBe(1)
  })
})

function refreshes(): number {
  return pds.asked.filter((asked) => asked === 'POST /oauth/token').length
}

test('a sign-in leaves the link of the same DID alone', async () => {
  const client = open('loopback')
  const alice = await pds.account()
  await linked(client, pds, alice)
  await client.finish(await throughPds(client, pds, alice), undefined)
  await client.settled()
  expect((await (await client.link(alice.did))?.fetch(getSession, {}))?.status).toBe(200)
  expect(await pds.sessions(alice)).toBe(1)
})

test('a new link replaces the one before, which is given back', async () => {
  const client = open('loopback')
  const alice = await pds.account()
  await linked(client, pds, alice)
  await linked(client, pds, alice)
  await client.settled()
  expect(await pds.sessions(alice)).toBe(1)
  expect((await (await client.link(alice.did))?.fetch(getSession, {}))?.status).toBe(200)
})

test('a bare host that is nobody’s handle is taken for the PDS that it is', async () => {
  const host = 'pds.habitat-host.dev'
  const open = guardedFetch({ open: true })
  const document: typeof open.document = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input)
    if (url.pathname === '/.well-known/oauth-authorization-server') {
      const metadata = (await (await open.document(input, init)).json()) as object
      return Response.json({ ...metadata, protected_resources: [pds.url, `https://${host}`] })
    }
    if (url.host !== host) return open.document(input, init)
    if (url.pathname !== '/.well-known/oauth-protected-resource') return new Response(undefined, { status: 404 })
    return Response.json({ resource: `https://${host}`, authorization_servers: [pds.url] })
  }
  const client = testClient(database.store, pds, { fetch: { ...open, document } })
  const alice = await pds.account()
  const params = await throughPds(client, pds, alice, { identifier: host })
  expect(await client.finish(params, undefined)).toMatchObject({ kind: 'proven', did: alice.did })
  const nobody = await client.begin({ identifier: newHandle(), scopes: [] })
  expect(nobody).toEqual({ kind: 'problem', problem: 'unknown-handle' })
})

test('a link whose key has left the ring is none, until the person brings it back', async () => {
  const client = open('loopback')
  const alice = await pds.account()
  await linked(client, pds, alice)
  const { db } = database.store
  const sealed = sealer(['n'.repeat(32)]).seal('{}', `atproto-session:${alice.did}`)
  await db.updateTable('atproto_sessions').set({ sealed_session: sealed }).where('did', '=', alice.did).execute()
  expect(await client.link(alice.did)).toBeUndefined()
  expect((await client.linkState(alice.did))?.ended?.cause).toBe('unreadable')
  await linked(client, pds, alice)
  expect((await client.linkState(alice.did))?.ended).toBeUndefined()
  expect((await (await client.link(alice.did))?.fetch('/xrpc/com.atproto.server.getSession', {}))?.status).toBe(200)
})

test('a callback counts once', async () => {
  const client = open('loopback')
  const alice = await pds.account()
  const params = await throughPds(client, pds, alice)
  const both = await Promise.all([client.finish(params, undefined), client.finish(params, undefined)])
  expect(both.map(({ kind }) => kind).sort()).toEqual(['proven', 'refused'])
  expect(await client.finish(params, undefined)).toEqual({ kind: 'refused', reason: 'expired' })
})

test('a callback after ten minutes is expired', async () => {
  const time = clock(new Date())
  const client = open('loopback', { now: time.now })
  const alice = await pds.account()
  const params = await throughPds(client, pds, alice)
  time.advance(600)
  expect(await client.finish(params, undefined)).toEqual({ kind: 'refused', reason: 'expired' })
})

test.each<[string, (params: URLSearchParams) => void, string]>([
  ['of another issuer (RFC 9207)', (params) => params.set('iss', 'https://evil.dev'), 'invalid'],
  ['without issuer', (params) => params.delete('iss'), 'invalid'],
  ['with another code', (params) => params.set('code', 'cod-0000000000000000000000000000000000'), 'expired'],
  ['without code', (params) => params.delete('code'), 'invalid'],
  ['without state', (params) => params.delete('state'), 'invalid'],
  ['with a state that is unknown', (params) => params.set('state', 'x'.repeat(22)), 'expired'],
  ['with an error of the PDS', (params) => params.set('error', 'server_error'), 'unavailable'],
  ['with an error of ours', (params) => params.set('error', 'invalid_request'), 'invalid'],
  ['as a signed response', (params) => params.set('response', 'e30.e30.'), 'invalid'],
])('a callback %s is refused', async (_name, change, reason) => {
  const client = open('loopback')
  const alice = await pds.account()
  const params = await throughPds(client, pds, alice)
  change(params)
  expect(await client.finish(params, undefined)).toEqual({ kind: 'refused', reason })
})

test('a person who denies has cancelled', async () => {
  const client = open('loopback')
  const alice = await pds.account()
  const params = await throughPds(client, pds, alice, { decision: 'deny' })
  expect(await client.finish(params, undefined)).toEqual({ kind: 'refused', reason: 'cancelled' })
})

test('a deactivated account is turned away by its PDS, and keeps the link it had', async () => {
  const client = open('loopback')
  const alice = await pds.account()
  await linked(client, pds, alice)
  await pds.deactivate(alice)
  const params = await throughPds(client, pds, alice)
  expect(await client.finish(params, undefined)).toEqual({ kind: 'refused', reason: 'cancelled' })
  const response = await (await client.link(alice.did))?.fetch('/xrpc/com.atproto.repo.createRecord', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ repo: alice.did, collection: 'dev.habitat.note', record: {} }),
  })
  expect([response?.status, await response?.json()]).toMatchObject([401, { error: 'AccountDeactivated' }])
  expect((await client.linkState(alice.did))?.ended).toBeUndefined()
})

test('another DID than the link is for is refused, keeps nothing, and its tokens are given back', async () => {
  const client = open('loopback')
  const [alice, bob] = [await pds.account(), await pds.account()]
  const params = await throughPds(client, pds, bob, { scopes: ['transition:generic'] })
  expect(await client.finish(params, { link: alice.did })).toEqual({ kind: 'refused', reason: 'invalid' })
  await client.settled()
  expect(await pds.sessions(bob)).toBe(0)
  expect(await client.linkState(alice.did)).toBeUndefined()
  expect(await client.linkState(bob.did)).toBeUndefined()
})

test('a person begins with a handle, a DID or the address of the PDS, as people write them', async () => {
  const client = open('loopback')
  const alice = await pds.account()
  for (const identifier of [` @${alice.handle.toUpperCase()}`, `at://${alice.handle}`, `\u202a${alice.handle}\u202c`]) {
    expect((await client.begin({ identifier, scopes: [] })).kind).toBe('redirect')
  }
  expect((await client.begin({ identifier: alice.did, scopes: [] })).kind).toBe('redirect')
  const params = await throughPds(client, pds, alice, { identifier: `${pds.url}/` })
  expect(await client.finish(params, undefined)).toMatchObject({ kind: 'proven', did: alice.did })
})

test('a handle that does not verify both ways is not told', async () => {
  const client = open('loopback')
  const alice = await pds.account()
  const params = await throughPds(client, pds, alice)
  pds.stand('/xrpc/com.atproto.identity.resolveHandle', answering(200, { did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa' }))
  try {
    expect(await client.finish(params, undefined)).toEqual({ kind: 'proven', did: alice.did, handle: undefined })
  } finally {
    pds.stand('/xrpc/com.atproto.identity.resolveHandle', undefined)
  }
})

describe('beginning tells why it cannot', () => {
  test.each(['', 'alice', 'a b.test', 'did:key:z6Mk', 'https://user@pds.dev', 'ftp://pds.dev', 'x'.repeat(3_000)])(
    'to "%s"',
    async (identifier) => {
      expect(await open('loopback').begin({ identifier, scopes: [] })).toEqual({
        kind: 'problem',
        problem: 'invalid-handle',
      })
    },
  )

  test('to a handle that nobody has', async () => {
    expect(await open('loopback').begin({ identifier: newHandle(), scopes: [] })).toEqual({
      kind: 'problem',
      problem: 'unknown-handle',
    })
  })

  test('to a DID that nobody has', async () => {
    expect(await open('loopback').begin({ identifier: `did:plc:${'a'.repeat(24)}`, scopes: [] })).toEqual({
      kind: 'problem',
      problem: 'unknown-handle',
    })
  })

  test('to a PDS that is down, and when it is well again, it goes on', async () => {
    const client = open('loopback')
    const alice = await pds.account()
    pds.setMood('refuse')
    try {
      expect(await client.begin({ identifier: alice.did, scopes: [] })).toEqual({
        kind: 'problem',
        problem: 'host-unreachable',
      })
    } finally {
      pds.setMood('well')
    }
    expect((await client.begin({ identifier: alice.did, scopes: [] })).kind).toBe('redirect')
  })

  test.each([
    ['answers with errors', answering(503, {}), 'host-unreachable'],
    ['knows no OAuth', answering(404, {}), 'unsuitable-host'],
    ['answers nonsense', answering(200, { issuer: 'https://evil.dev' }), 'unsuitable-host'],
  ] as const)('to a PDS that %s', async (_name, stand, problem) => {
    const alice = await pds.account()
    pds.stand('/.well-known/oauth-', stand)
    try {
      const begun = await open('loopback').begin({ identifier: alice.did, scopes: [] })
      expect(begun).toEqual({ kind: 'problem', problem })
    } finally {
      pds.stand('/.well-known/oauth-', undefined)
    }
  })
})

describe('a link', () => {
  test('outlives a PDS that is down, errs or does not answer', async () => {
    const client = open('loopback')
    const alice = await pds.account()
    await linked(client, pds, alice)
    await expire(client, alice.did)
    const ask = async () => (await client.link(alice.did))?.fetch(getSession, {})
    pds.setMood('refuse')
    await expect(ask()).rejects.toThrow(PdsUnreachable)
    pds.setMood('well')
    for (const status of [500, 503, 429, 400]) {
      pds.stand('/oauth/token', answering(status, { error: status === 400 ? 'invalid_client' : 'server_error' }))
      await expect(ask()).rejects.toThrow(PdsUnreachable)
    }
    pds.stand('/oauth/token', undefined)
    expect((await ask())?.status).toBe(200)
    expect(client.ends).toEqual([])
  })

  test('that was revoked at the PDS ends once, with all its parallel requests', async () => {
    const client = open('loopback')
    const alice = await pds.account()
    await linked(client, pds, alice)
    await pds.revokeSessions(alice)
    const link = await client.link(alice.did)
    const requests = Array.from({ length: 5 }, () => link?.fetch(getSession, {}))
    const outcomes = await Promise.allSettled(requests)
    expect(outcomes.map((it) => it.status === 'rejected' && it.reason instanceof LinkEnded)).toEqual(
      Array(5).fill(true),
    )
    await client.settled()
    expect(client.ends).toEqual([`${alice.did} revoked`])
    expect(await client.link(alice.did)).toBeUndefined()
    expect((await client.linkState(alice.did))?.ended).toMatchObject({ cause: 'revoked' })
  })

  test('is ended by us once, also at the PDS', async () => {
    const client = open('loopback')
    const alice = await pds.account()
    await linked(client, pds, alice)
    await Promise.all([client.end(alice.did, 'unused'), client.end(alice.did, 'unused')])
    await client.settled()
    expect(await pds.sessions(alice)).toBe(0)
    expect(client.ends).toEqual([`${alice.did} unused`])
    expect(await client.link(alice.did)).toBeUndefined()
  })

  test('carries a stream after its nonce has grown old, and when the token expires meanwhile', async () => {
    const time = clock(new Date())
    const client = open('loopback', { now: time.now })
    const alice = await pds.account()
    await linked(client, pds, alice)
    const upload = async () =>
      (await client.link(alice.did))?.fetch('/xrpc/com.atproto.repo.uploadBlob', {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: new Blob(['a blob']).stream(),
        duplex: 'half',
      })
    expect((await upload())?.status).toBe(200)
    time.advance(181)
    expect((await upload())?.status).toBe(200)
    await expire(client, alice.did)
    time.advance(181)
    expect((await upload())?.status).toBe(200)
  })

  test('goes to the methods of its PDS and nowhere else', async () => {
    const client = open('loopback')
    const alice = await pds.account()
    await linked(client, pds, alice)
    const link = await client.link(alice.did)
    pds.asked.length = 0
    for (const path of [
      '//evil.dev/xrpc/com.atproto.server.getSession',
      'https://evil.dev/xrpc/com.atproto.server.getSession',
      '/xrpc/../oauth/token',
      '/xrpc/%2e%2e/oauth/token',
      '/xrpc/..%2foauth',
      '/xrpc\\..\\oauth/token',
      '\\\\evil.dev\\xrpc\\a.b',
      '/oauth/token',
      '/xrpc/',
      '/xrpc/..',
      '/xrpc/a.b/c',
    ]) {
      await expect(link?.fetch(path, {}), path).rejects.toThrow(TypeError)
    }
    expect(pds.asked).toEqual([])
  })
})

test('links stay with the key they began with, and new ones take the new key once it is known for 15 minutes', async () => {
  const time = clock(new Date())
  await using own = await openTestDatabase()
  const client = testClient(own.store, pds, { issuer: otherIssuer, now: time.now })
  publish(client, otherIssuer)
  const [alice, bob] = [await pds.account(), await pds.account()]
  const [first] = await client.keys.loadOrCreate()
  time.advance(1)
  const second = await client.keys.rotate()
  await linked(client, pds, alice)
  time.advance(15 * 60)
  await linked(client, pds, bob)
  for (const [account, kid] of [
    [alice, first?.kid],
    [bob, second],
  ] as const) {
    expect((await client.sessions.read(account.did))?.keyId).toBe(kid)
    await expire(client, account.did)
    expect((await (await client.link(account.did))?.fetch(getSession, {}))?.status).toBe(200)
  }
})

test('the database holds no token and no key in the clear', async () => {
  const client = open('confidential')
  const alice = await pds.account()
  const begun = await client.begin({ identifier: alice.handle, scopes: [] })
  await linked(client, pds, alice)
  const stored = JSON.parse((await client.sessions.read(alice.did))?.secret ?? '') as {
    session: { dpopJwk: { d: string }; tokenSet: Record<'access_token' | 'refresh_token', string> }
  }
  const { dpopJwk, tokenSet } = stored.session
  const [key] = await client.keys.loadOrCreate()
  const secrets = [dpopJwk.d, tokenSet.access_token, tokenSet.refresh_token, String(key?.['d'])]
  const dump = await database.dump()
  expect(dump).toContain(alice.did)
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(20)
    expect(dump).not.toContain(secret)
  }
  expect(dump).not.toContain((begun as { state: string }).state)
})

test('the documents of a confidential client say what a PDS wants to know (atproto OAuth, "Client Metadata")', async () => {
  const client = testClient(database.store, pds, {
    issuer,
    declaredScopes: async () => ['transition:generic', 'repo:dev.habitat.note', 'transition:generic'],
  })
  const documents = await client.documents()
  expect(documents?.metadata).toEqual({
    client_id: `${issuer}/atproto/client-metadata.json`,
    client_name: 'Habitat',
    client_uri: issuer,
    application_type: 'web',
    redirect_uris: [`${issuer}/interaction/callback/atproto`],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'atproto transition:generic repo:dev.habitat.note',
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'ES256',
    jwks_uri: `${issuer}/atproto/jwks.json`,
    dpop_bound_access_tokens: true,
  })
  const [key] = documents?.jwks.keys ?? []
  expect(Object.keys(key ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

test('a developer’s machine has no documents, and callbacks at the address that a PDS takes for it (RFC 8252 §8.3)', async () => {
  const client = open('loopback')
  expect(await client.documents()).toBeUndefined()
  expect(client.redirectUri).toBe('http://127.0.0.1:4999/interaction/callback/atproto')
})
