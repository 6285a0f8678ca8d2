/** An app reaches the PDS of its person with the token that it has from us: a real PDS, the whole server. */
import { createHash, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPostgres } from '../../adapters/postgres/database.ts'
import { openPostgresDatabase, postgresTest } from '../support/database.ts'
import { dpopKey } from '../support/dpop.ts'
import { startPds, type TestPds } from '../support/pds.ts'
import { type AppUser, allowed, pdsClient, tokensFor } from '../support/pds-app.ts'
import { startTestServer, type TestServer, testRedirectUri } from '../support/server.ts'
import { freePort, startServerProcess } from '../support/server-process.ts'
import { visitor } from '../support/visitor.ts'

let pds: TestPds
let server: TestServer
beforeAll(async () => {
  pds = await startPds()
  server = await startTestServer({ settings: pds.settings })
})
afterAll(async () => {
  await server.stop()
  await pds.close()
})

const scope = 'openid atproto transition:generic'
const collection = 'app.bsky.feed.post'

async function user(at: TestServer = server, profile = 'web'): Promise<AppUser> {
  const client = await at.client(profile, { ...pdsClient })
  return { server: at, pds, client, account: await pds.account(), person: at.visitor() }
}

interface Call {
  token: string
  json?: unknown
  body?: Uint8Array
  headers?: Record<string, string>
  method?: string
}

function xrpc(origin: string, path: string, { token, json, body, headers, method }: Call): Promise<Response> {
  return fetch(`${origin}/xrpc/${path}`, {
    method: method ?? (json === undefined && body === undefined ? 'GET' : 'POST'),
    headers: {
      authorization: `Bearer ${token}`,
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    ...(body === undefined ? {} : { body, duplex: 'half' }),
  } as RequestInit)
}

const post = (text: string) => ({ $type: collection, text, createdAt: new Date().toISOString() })

async function answerOf<T>(response: Response): Promise<T> {
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${response.status} ${text}`)
  return JSON.parse(text) as T
}

/** What the PDS itself says of a record, without us. */
async function recordAtPds(uri: string): Promise<{ text?: string }> {
  const [repo = '', name = '', rkey = ''] = uri.replace('at://', '').split('/')
  const query = new URLSearchParams({ repo, collection: name, rkey })
  const { value } = await answerOf<{ value: { text?: string } }>(
    await fetch(`${pds.url}/xrpc/com.atproto.repo.getRecord?${query}`),
  )
  return value
}

test('a person signs in by handle, and the app writes a record that the PDS itself has', async () => {
  const alice = await user()
  const { access: token } = await tokensFor(alice, scope)
  const json = { repo: alice.account.did, collection, record: post('hello') }
  const { uri } = await answerOf<{ uri: string }>(
    await xrpc(server.origin, 'com.atproto.repo.createRecord', { token, json }),
  )
  expect(await recordAtPds(uri)).toMatchObject({ text: 'hello' })
  const session = await answerOf(await xrpc(server.origin, 'com.atproto.server.getSession', { token }))
  expect(session).toMatchObject({ did: alice.account.did, handle: alice.account.handle })
  expect(session).not.toHaveProperty('email')
})

test('an app that asked for one collection writes there and nowhere else, whatever other apps were granted', async () => {
  const alice = await user()
  await tokensFor(alice, scope)
  const other = { ...alice, client: await server.client('web', { ...pdsClient }) }
  const { access: token } = await tokensFor(other, `openid atproto repo:${collection}?action=create`)
  const write = (name: string) =>
    xrpc(server.origin, 'com.atproto.repo.createRecord', {
      token,
      json: { repo: alice.account.did, collection: name, record: { ...post('x'), $type: name } },
    })
  expect((await write(collection)).status).toBe(200)
  const refusal = await write('com.example.other')
  expect(refusal.status).toBe(403)
  expect(refusal.headers.get('www-authenticate')).toContain('repo:com.example.other?action=create')
})

test('the repository of somebody else stays closed', async () => {
  const [alice, bob] = [await user(), await user()]
  const { access: token } = await tokensFor(alice, scope)
  const json = { repo: bob.account.did, collection, record: post('not mine') }
  const response = await xrpc(server.origin, 'com.atproto.repo.createRecord', { token, json })
  expect(response.status).toBe(403)
  expect(response.headers.has('www-authenticate')).toBe(false)
})

test('with atproto alone an app learns who the person is, and nothing is kept at the PDS', async () => {
  const alice = await user()
  const { access: token } = await tokensFor(alice, 'openid atproto')
  const who = await answerOf(await xrpc(server.origin, 'com.atproto.server.getSession', { token }))
  expect(who).toEqual({ did: alice.account.did, handle: alice.account.handle })
  expect((await xrpc(server.origin, 'com.atproto.repo.describeRepo?repo=x', { token })).status).toBe(403)
})

test('a token that is bound to a key works with its proof (RFC 9449 §7.1)', async () => {
  const keys = await generateKeyPair('ES256', { extractable: true })
  const key = await dpopKey(keys)
  const alice = await user(server, 'spa')
  const [callback, { verifier }] = await allowed(alice, scope)
  const tokenUrl = `${server.origin}/token`
  const answer = await fetch(tokenUrl, {
    method: 'POST',
    headers: { dpop: await key.proof('POST', tokenUrl) },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code: callback.searchParams.get('code') ?? '',
      redirect_uri: alice.client.redirectUri,
      code_verifier: verifier,
      client_id: alice.client.id,
    }),
  })
  const { access_token: access, token_type: type } = await answerOf<{ access_token: string; token_type: string }>(
    answer,
  )
  expect(type).toBe('DPoP')
  expect(await calculateJwkThumbprint(await exportJWK(keys.publicKey))).toEqual(expect.any(String))
  const path = 'com.atproto.server.getSession'
  const address = `${server.origin}/xrpc/${path}`
  const headers = { authorization: `DPoP ${access}`, dpop: await key.proof('GET', address, { access }) }
  expect(await answerOf(await fetch(address, { headers }))).toMatchObject({ did: alice.account.did })
  expect((await xrpc(server.origin, path, { token: access })).status).toBe(401)
})

test('headers for other services reach the PDS, and its own come back', async () => {
  const { access: token } = await tokensFor(await user(), scope)
  const seen: Record<string, unknown>[] = []
  pds.stand('/xrpc/app.bsky.feed.getTimeline', (request, response) => {
    seen.push(request.headers)
    response.writeHead(200, { 'content-type': 'application/json', 'atproto-content-labelers': 'did:plc:labeler' })
    response.end('{"feed":[]}')
    return true
  })
  const headers = {
    'atproto-accept-labelers': 'did:plc:labeler;redact',
    'atproto-proxy': 'did:web:api.bsky.app#bsky_appview',
  }
  const response = await xrpc(server.origin, 'app.bsky.feed.getTimeline?limit=1', { token, headers })
  pds.stand('/xrpc/app.bsky.feed.getTimeline', undefined)
  expect([response.status, response.headers.get('atproto-content-labelers')]).toEqual([200, 'did:plc:labeler'])
  expect(seen.at(-1)).toMatchObject(headers)
  expect(String(seen.at(-1)?.['authorization'])).toMatch(/^DPoP /)
  expect(String(seen.at(-1)?.['authorization'])).not.toContain(token)
})

interface BlobRef {
  blob: { ref: { $link: string }; size: number }
}

test('a blob goes up and comes down, and cannot be run in our origin', async () => {
  const alice = await user()
  const { access: token } = await tokensFor(alice, scope)
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
  const { blob } = await uploaded(server.origin, token, alice.account.did, Buffer.from(svg), 'image/svg+xml')
  const query = new URLSearchParams({ did: alice.account.did, cid: blob.ref.$link })
  const response = await xrpc(server.origin, `com.atproto.sync.getBlob?${query}`, { token })
  expect(await response.text()).toBe(svg)
  expect(response.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox")
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(response.headers.get('content-disposition')).toMatch(/^attachment/)
})

/** Uploads bytes and puts them into a record, so that the PDS gives them out. */
async function uploaded(origin: string, token: string, did: string, bytes: Uint8Array, type: string): Promise<BlobRef> {
  const answer = await xrpc(origin, 'com.atproto.repo.uploadBlob', {
    token,
    body: bytes,
    headers: { 'content-type': type },
  })
  const blob = await answerOf<BlobRef>(answer)
  const record = { $type: 'com.example.file', file: blob.blob }
  const json = { repo: did, collection: 'com.example.file', record }
  await answerOf(await xrpc(origin, 'com.atproto.repo.createRecord', { token, json }))
  return blob
}

test('a PDS that is down gives 502 and takes nothing along: afterwards everything works', async () => {
  const alice = await user()
  const { access: token } = await tokensFor(alice, scope)
  const path = `com.atproto.repo.describeRepo?repo=${alice.account.did}`
  pds.setMood('refuse')
  const down = await xrpc(server.origin, path, { token })
  pds.setMood('well')
  expect([down.status, await down.json()]).toEqual([502, { error: 'UpstreamFailure', message: expect.any(String) }])
  expect((await xrpc(server.origin, path, { token })).status).toBe(200)
})

test('when the person has ended the session at their PDS the app is told to sign in again, and that brings it back', async () => {
  const alice = await user()
  const { access: token } = await tokensFor(alice, scope)
  const path = `com.atproto.repo.describeRepo?repo=${alice.account.did}`
  await pds.revokeSessions(alice.account)
  const write = { repo: alice.account.did, collection, record: post('gone') }
  for (const call of [{ token, json: write }, { token }]) {
    const response = await xrpc(server.origin, 'json' in call ? 'com.atproto.repo.createRecord' : path, call)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toMatch(/error="invalid_token".+sign in again/)
  }
  const { access } = await tokensFor(alice, scope)
  expect((await xrpc(server.origin, path, { token: access })).status).toBe(200)
})

test('a browser app reads answers and refusals from its own origin, without cookies', async () => {
  const response = await xrpc(server.origin, 'com.atproto.server.getSession', {
    token: 'x',
    headers: { origin: 'https://app.example' },
  })
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(response.headers.has('access-control-allow-credentials')).toBe(false)
})

test('20 MB up and down leave less than 30 MB in the memory of the server', async () => {
  await using node = await startServerProcess(pds.settings)
  const account = await pds.account()
  const client = JSON.parse(
    await node.command(
      'client',
      'add',
      '--profile',
      'spa',
      '--name',
      'Files',
      '--redirect-uri',
      testRedirectUri,
      '--scope',
      'openid',
      '--scope',
      'transition:generic',
      '--json',
    ),
  ) as { client_id: string }
  const app = { id: client.client_id, secret: '', redirectUri: testRedirectUri }
  const alice: AppUser = { server: node, pds, client: app, account, person: visitor(node.origin) }
  const { access: token } = await tokensFor(alice, scope)
  const there = async (megabytes: number) => {
    const bytes = randomBytes(megabytes * 1024 * 1024)
    const { blob } = await uploaded(node.origin, token, account.did, bytes, 'application/octet-stream')
    const query = new URLSearchParams({ did: account.did, cid: blob.ref.$link })
    const response = await xrpc(node.origin, `com.atproto.sync.getBlob?${query}`, { token })
    const hash = createHash('sha256')
    for await (const chunk of response.body ?? []) hash.update(chunk)
    expect([response.status, hash.digest('hex')]).toEqual([200, createHash('sha256').update(bytes).digest('hex')])
  }
  await there(1)
  const before = node.memory()
  await there(20)
  // What is garbage is given back when nobody asks for a while (`server/idle-memory.ts`).
  await expect.poll(() => (node.memory() - before) / 1e6, { timeout: 30_000, interval: 500 }).toBeLessThan(30)
})

postgresTest(
  '40 calls at once at the moment of expiry, over two nodes: one refresh at the PDS, no call fails',
  async () => {
    let offset = 0
    const now = () => new Date(Date.now() + offset)
    await using nodes = await twoNodesOfOneIssuer({ ...pds.settings }, now)
    const { first } = nodes
    const alice = await user(first)
    const { access: token } = await tokensFor(alice, scope)
    const path = `com.atproto.repo.describeRepo?repo=${alice.account.did}`
    for (const node of [0, 1]) expect((await nodes.ask(node, path, token)).status).toBe(200)
    const refreshes: number[] = []
    pds.stand('/oauth/token', (_request, response) => {
      response.on('finish', () => {
        refreshes.push(response.statusCode)
        // The PDS has another clock: whoever comes later would take what it gave for expired, too.
        offset = 0
      })
      return false
    })
    offset = 3_600_000
    const answers = await Promise.all(Array.from({ length: 40 }, (_, index) => nodes.ask(index % 2, path, token)))
    pds.stand('/oauth/token', undefined)
    expect(answers.map(({ status }) => status).filter((status) => status !== 200)).toEqual([])
    expect(refreshes.filter((status) => status === 200)).toHaveLength(1)
  },
)

/** Two nodes as a load balancer has them; the first stands at the issuer's address itself. */
async function twoNodesOfOneIssuer(world: Record<string, string>, now: () => Date) {
  const database = await openPostgresDatabase()
  const other = { ...database, store: openPostgres(database.url) }
  const settings = { SECRETS: randomBytes(32).toString('hex'), ...world }
  const first = await startTestServer({ settings: { ...settings, PORT: String(await freePort()) }, database, now })
  const balanced = { ISSUER: first.origin, TRUST_PROXY: '127.0.0.0/8' }
  const second = await startTestServer({ settings: { ...settings, ...balanced }, database: other, now })
  const headers = { 'x-forwarded-host': new URL(first.origin).host }
  return {
    first,
    ask: (node: number, path: string, token: string) =>
      node === 0 ? xrpc(first.origin, path, { token }) : xrpc(second.address, path, { token, headers }),
    async [Symbol.asyncDispose]() {
      await Promise.all([first.stop(), second.stop()])
      await other.store.close()
      await database.close()
    },
  }
}
