import { connect } from 'node:net'
import { calculateJwkThumbprint, exportJWK, type GenerateKeyPairResult, generateKeyPair } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LinkEnded, PdsUnreachable } from '../../adapters/atproto/contract.ts'
import { dpopAlgorithms } from '../../server/oidc/dpop-proof.ts'
import type { IssueOptions } from '../support/api-tokens.ts'
import { type DpopKey, dpopKey } from '../support/dpop.ts'
import { type Proxied, proxied } from '../support/proxied.ts'

let house: Proxied
beforeAll(async () => {
  house = await proxied({ patience: 500 })
})
afterAll(() => house[Symbol.asyncDispose]())
afterEach(() => {
  house.serve(undefined)
  house.setLink(undefined)
  house.upstream.length = 0
})

const whoami = 'com.atproto.server.getSession'
const read = 'com.atproto.repo.describeRepo'
const open = 'atproto transition:generic'

function xrpc(
  path: string,
  token: string | undefined,
  init: RequestInit & { duplex?: 'half' } = {},
): Promise<Response> {
  const headers = new Headers(init.headers)
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  return fetch(`${house.origin}/xrpc/${path}`, { ...init, headers, redirect: 'manual' })
}

async function tokenWith(scope: string): Promise<string> {
  return (await house.tokens.issue({ scope })).value
}

interface XrpcError {
  error: string
  message: string
}

async function refused(response: Response): Promise<[number, string]> {
  const body = (await response.json()) as XrpcError
  expect(body.message).toEqual(expect.any(String))
  return [response.status, body.error]
}

/** Sends bytes as they are and answers what comes back until the connection ends. */
function raw(...lines: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(house.port, '127.0.0.1')
    let answer = ''
    socket.setEncoding('latin1').on('data', (data: string) => {
      answer += data
    })
    socket.on('error', reject).on('close', () => resolve(answer))
    socket.write(`${lines.join('\r\n')}`)
    socket.setTimeout(1_000, () => socket.destroy())
  })
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])

describe('tokens', () => {
  test('a token opens what it is for', async () => {
    const issued = await house.tokens.issue()
    const response = await xrpc(whoami, issued.value)
    expect([response.status, await response.json()]).toEqual([200, { did: issued.did, handle: 'alice.test' }])
    expect(house.upstream).toEqual([])
  })

  test.for<[string, IssueOptions]>([
    ['of another resource (RFC 8707 §3)', { audience: 'https://api.example/' }],
    ['of no resource', { audience: null }],
    ['that has expired', { expiresIn: -60 }],
    ['whose browser session has ended', { sessionUid: 'gone' }],
  ])('a token %s opens nothing', async ([, options]) => {
    const { value } = await house.tokens.issue({ scope: open, ...options })
    const response = await xrpc(read, value)
    expect(await refused(response)).toEqual([401, 'InvalidToken'])
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect(house.upstream).toEqual([])
  })

  test('a token over the grant of somebody else opens nothing', async () => {
    const other = await house.tokens.issue({ scope: open })
    const { value } = await house.tokens.issue({ scope: open, grantOf: other })
    expect(await refused(await xrpc(read, value))).toEqual([401, 'InvalidToken'])
  })

  test.for(['disableAccount', 'disableClient', 'revokeGrant'] as const)(
    'after %s a token opens nothing',
    async (end) => {
      const issued = await house.tokens.issue({ scope: open })
      expect((await xrpc(read, issued.value)).status).toBe(200)
      await house.tokens[end](issued)
      expect(await refused(await xrpc(read, issued.value))).toEqual([401, 'InvalidToken'])
      expect(house.upstream).toHaveLength(1)
    },
  )

  test('an invented token opens nothing', async () => {
    expect(await refused(await xrpc(read, 'invented'))).toEqual([401, 'InvalidToken'])
  })

  test('without a token it is said who gives one (RFC 9728 §5.1)', async () => {
    const response = await xrpc(read, undefined)
    expect(await refused(response)).toEqual([401, 'AuthMissing'])
    const challenge = response.headers.get('www-authenticate') ?? ''
    expect(challenge).toMatch(/^Bearer realm=".+", DPoP realm=/)
    expect(challenge).toContain(`resource_metadata="${house.origin}/.well-known/oauth-protected-resource"`)
    expect(challenge).toContain(`algs="${dpopAlgorithms.join(' ')}"`)
    expect(challenge).not.toContain('error=')
  })

  test('a token in the query or the body is none, and goes nowhere (RFC 9700 §4.3.2)', async () => {
    const token = await tokenWith(open)
    const inQuery = await fetch(`${house.origin}/xrpc/${read}?access_token=${token}`)
    const inBoth = await xrpc(`${read}?access_token=${token}`, token)
    const inBody = await fetch(`${house.origin}/xrpc/app.bsky.actor.putPreferences`, {
      method: 'POST',
      body: new URLSearchParams({ access_token: token }),
    })
    expect([inQuery.status, inBoth.status, inBody.status]).toEqual([400, 400, 401])
    expect(house.upstream).toEqual([])
  })

  test.for(['Basic YTpi', 'Bearer', 'Bearer  ', 'Bearer a b', 'Bearer a, DPoP b', 'Bearer "a"', 'Token a', 'DPoP a'])(
    'an Authorization header of the form %s is refused',
    async (authorization) => {
      const response = await fetch(`${house.origin}/xrpc/${read}`, { headers: { authorization } })
      expect(await refused(response)).toEqual([400, 'InvalidRequest'])
    },
  )

  test('two Authorization headers are refused', async () => {
    const token = await tokenWith(open)
    const lines = [`GET /xrpc/${read} HTTP/1.1`, `Host: localhost:${house.port}`, 'Connection: close']
    const answer = await raw(...lines, `Authorization: Bearer ${token}`, 'Authorization: Bearer other', '', '')
    expect(statusOf(answer)).toBe(400)
    expect(house.upstream).toEqual([])
  })
})

describe('scopes', () => {
  test.for<[string, string]>([
    ['atproto', read],
    ['openid profile email offline_access atproto', read],
    ['atproto blob:*/*', 'app.bsky.feed.getTimeline'],
    ['atproto transition:generic', 'chat.bsky.convo.listConvos'],
    ['openid', whoami],
  ])('with %s there is no %s (RFC 6750 §3.1)', async ([scope, name]) => {
    const response = await xrpc(name, await tokenWith(scope))
    expect(await refused(response)).toEqual([403, 'InsufficientScope'])
    expect(response.headers.get('www-authenticate')).toMatch(/error="insufficient_scope".+scope="[^"]+"/)
    expect(house.upstream).toEqual([])
  })

  test('a record in a collection that was not granted is not written', async () => {
    const token = await tokenWith('atproto repo:app.bsky.feed.post?action=create')
    const write = (body: string, headers = {}) =>
      xrpc('com.atproto.repo.createRecord', token, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
      })
    const other = await write('{"repo":"did:plc:alice","collection":"app.bsky.feed.like","record":{}}')
    expect(await refused(other)).toEqual([403, 'InsufficientScope'])
    const twoKeys = await write('{"collection":"app.bsky.feed.post","Collection":"app.bsky.feed.like"}')
    expect(await refused(twoKeys)).toEqual([400, 'InvalidRequest'])
    const packed = await write('{"collection":"app.bsky.feed.post"}', { 'content-encoding': 'gzip' })
    expect(await refused(packed)).toEqual([415, 'InvalidRequest'])
    const otherType = await write('{"collection":"app.bsky.feed.post"}', { 'content-type': 'application/cbor' })
    expect(await refused(otherType)).toEqual([400, 'InvalidRequest'])
    for (const broken of [
      '',
      '{',
      'null',
      '[]',
      '"text"',
      '\ufeff{"collection":',
      '{"collection":"app.bsky.feed.post"',
    ]) {
      expect(await refused(await write(broken)), broken).toEqual([400, 'InvalidRequest'])
    }
    expect(house.upstream).toEqual([])
  })

  test('what was judged is what is sent: of a key that stands twice the PDS sees one', async () => {
    const token = await tokenWith('atproto repo:app.bsky.feed.post')
    await xrpc('com.atproto.repo.createRecord', token, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"collection":"app.bsky.feed.like","record":{"text":"\u00e9"},"collection":"app.bsky.feed.post"}',
    })
    const [seen] = house.upstream
    expect(seen?.body.match(/collection/g)).toHaveLength(1)
    expect(JSON.parse(Buffer.from(seen?.body ?? '', 'latin1').toString())).toEqual({
      collection: 'app.bsky.feed.post',
      record: { text: '\u00e9' },
    })
  })

  test('what was judged is what is read: no charset of the app makes other JSON of the same bytes', async () => {
    const token = await tokenWith('atproto repo:app.bsky.feed.post')
    // In UTF-7, which some readers of bodies know, the collection stands there a second time, as a like.
    const hidden = '+ACIALAAi-collection+ACIAOgAi-app.bsky.feed.like'
    for (const charset of ['utf-7', 'utf-16le', 'utf-8']) {
      await xrpc('com.atproto.repo.createRecord', token, {
        method: 'POST',
        headers: { 'content-type': `application/json; charset=${charset}` },
        body: JSON.stringify({ collection: 'app.bsky.feed.post', record: hidden }),
      })
    }
    expect(house.upstream.map(({ headers }) => headers['content-type'])).toEqual(new Array(3).fill('application/json'))
  })

  test('JSON that is nested too deep is no write', async () => {
    const depth = 200_000
    const response = await xrpc('com.atproto.repo.createRecord', await tokenWith(open), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"collection":"app.bsky.feed.post","record":${'['.repeat(depth)}${']'.repeat(depth)}}`,
    })
    expect(await refused(response)).toEqual([400, 'InvalidRequest'])
    expect(house.upstream).toEqual([])
  })

  test('a list of more writes than a PDS takes is not judged one by one', async () => {
    const entry = { $type: 'com.atproto.repo.applyWrites#delete', collection: 'app.bsky.feed.post', rkey: '1' }
    const token = await tokenWith('atproto repo:app.bsky.feed.post')
    const apply = (count: number) =>
      xrpc('com.atproto.repo.applyWrites', token, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ repo: 'did:plc:alice', writes: new Array(count).fill(entry) }),
      })
    expect(await refused(await apply(201))).toEqual([400, 'InvalidRequest'])
    expect(house.upstream).toEqual([])
    expect((await apply(200)).status).toBe(200)
  })

  test('a write that is too long is refused before it is read to its end', async () => {
    const response = await xrpc('com.atproto.repo.createRecord', await tokenWith(open), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ collection: 'app.bsky.feed.post', record: 'x'.repeat(1_000_000) }),
    })
    expect(await refused(response)).toEqual([413, 'PayloadTooLarge'])
    expect(house.upstream).toEqual([])
  })

  test('methods about sessions and passwords are closed to every token', async () => {
    const token = await tokenWith(open)
    for (const name of ['com.atproto.server.createAppPassword', 'com.atproto.server.deleteSession']) {
      expect(await refused(await xrpc(name, token, { method: 'POST' })), name).toEqual([403, 'Forbidden'])
    }
    expect(house.upstream).toEqual([])
  })

  test('an e-mail address stays at the PDS unless its scope was granted', async () => {
    const session = { did: 'did:plc:alice', handle: 'alice.test', email: 'a@example.com', emailConfirmed: true }
    house.serve((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...session, emailNew: 1 })),
    )
    const seen = async (scope: string) => (await xrpc(whoami, await tokenWith(scope))).json()
    expect(await seen(open)).toEqual({ did: 'did:plc:alice', handle: 'alice.test' })
    expect(await seen('atproto transition:email')).toEqual({ ...session, emailNew: 1 })
    expect(await seen('atproto account:email')).toEqual({ ...session, emailNew: 1 })
    expect(await seen('openid email atproto')).toEqual({ did: expect.any(String), handle: 'alice.test' })
    house.serve((_request, response) => response.writeHead(200, { 'content-type': 'text/plain' }).end('a@example.com'))
    expect(await refused(await xrpc(whoami, await tokenWith(open)))).toEqual([502, 'UpstreamFailure'])
    house.serve((_request, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(`{"did":"${'x'.repeat(1_100_000)}"}`),
    )
    expect(await refused(await xrpc(whoami, await tokenWith(open)))).toEqual([502, 'UpstreamFailure'])
    house.serve((_request, response) => response.writeHead(200, { 'content-length': '13' }).end('a@example.com'))
    const head = await xrpc(whoami, await tokenWith(open), { method: 'HEAD' })
    expect(head.headers.get('content-length')).not.toBe('13')
  })
})

describe('proofs of possession (RFC 9449)', () => {
  let keys: GenerateKeyPairResult
  let key: DpopKey
  let jkt: string
  beforeAll(async () => {
    keys = await generateKeyPair('ES256', { extractable: true })
    jkt = await calculateJwkThumbprint(await exportJWK(keys.publicKey))
    key = await dpopKey(keys)
  })

  const address = () => `${house.origin}/xrpc/${read}`
  const bound = async () => (await house.tokens.issue({ scope: open, jkt })).value
  const ask = (token: string, proof: string | undefined, scheme = 'DPoP', query = '') =>
    fetch(`${address()}${query}`, {
      headers: { authorization: `${scheme} ${token}`, ...(proof === undefined ? {} : { dpop: proof }) },
    })

  test('a bound token with a proof opens, once for each proof', async () => {
    const token = await bound()
    const proof = await key.proof('GET', address(), { access: token })
    expect((await ask(token, proof, 'DPoP', '?repo=alice.test')).status).toBe(200)
    const replayed = await ask(token, proof)
    expect(await refused(replayed)).toEqual([401, 'InvalidDpopProof'])
    expect(replayed.headers.get('www-authenticate')).toMatch(/^DPoP .*algs="ES256/)
    expect(house.upstream[0]?.headers).not.toHaveProperty('dpop')
  })

  test('of many that present one proof at once, one is let in', async () => {
    const token = await bound()
    const proof = await key.proof('GET', address(), { access: token })
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask(token, proof)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  test.for<[string, string, (token: string) => Promise<string> | undefined]>([
    ['as Bearer', 'Bearer', () => undefined],
    ['as Bearer beside a proof', 'Bearer', (access) => key.proof('GET', address(), { access })],
    ['without a proof', 'DPoP', () => undefined],
    ['with a proof of another key', 'DPoP', async (access) => (await dpopKey()).proof('GET', address(), { access })],
    ['with a proof for another method', 'DPoP', (access) => key.proof('POST', address(), { access })],
    ['with a proof for another address', 'DPoP', (access) => key.proof('GET', `${address()}x`, { access })],
    [
      'with a proof for another host',
      'DPoP',
      (access) => key.proof('GET', `https://pds.example/xrpc/${read}`, { access }),
    ],
    [
      'with a proof for no address',
      'DPoP',
      (access) => key.proof('GET', address(), { access, claims: { htu: undefined } }),
    ],
    ['with a proof for another token', 'DPoP', () => key.proof('GET', address(), { access: 'another' })],
    ['with a proof for no token', 'DPoP', () => key.proof('GET', address())],
    [
      'with a proof from long ago',
      'DPoP',
      (access) => key.proof('GET', address(), { access, claims: { iat: epoch() - 3600 } }),
    ],
    [
      'with a proof from the future',
      'DPoP',
      (access) => key.proof('GET', address(), { access, claims: { iat: epoch() + 3600 } }),
    ],
    [
      'with a proof without an id',
      'DPoP',
      (access) => key.proof('GET', address(), { access, claims: { jti: undefined } }),
    ],
    [
      'with a proof without a time',
      'DPoP',
      (access) => key.proof('GET', address(), { access, claims: { iat: undefined } }),
    ],
    [
      'with a proof of another type',
      'DPoP',
      (access) => key.proof('GET', address(), { access, header: { typ: 'JWT' } }),
    ],
    [
      'with a nonce that nobody gave',
      'DPoP',
      (access) => key.proof('GET', address(), { access, claims: { nonce: 'made-up' } }),
    ],
    [
      'with the private key in the proof',
      'DPoP',
      async (access) => key.proof('GET', address(), { access, header: { jwk: await exportJWK(keys.privateKey) } }),
    ],
    ['with something that is no proof', 'DPoP', async () => 'a.b.c'],
  ])('a bound token is refused %s', async ([, scheme, make]) => {
    const token = await bound()
    const answer = await ask(token, await make(token), scheme)
    expect([400, 401]).toContain(answer.status)
    expect(answer.headers.get('www-authenticate')).toMatch(/^(DPoP|Bearer) .*error="/)
    expect(house.upstream).toEqual([])
  })

  test('a proof without a signature is refused', async () => {
    const token = await bound()
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const { jwk } = JSON.parse(
      Buffer.from((await key.proof('GET', address())).split('.')[0] ?? '', 'base64url').toString(),
    )
    const proof = `${part({ alg: 'none', typ: 'dpop+jwt', jwk })}.${part({ jti: 'x', htm: 'GET', htu: address(), iat: epoch() })}.`
    expect(await refused(await ask(token, proof))).toEqual([401, 'InvalidDpopProof'])
  })

  test('an unbound token does not become a bound one', async () => {
    const token = await tokenWith(open)
    const answer = await ask(token, await key.proof('GET', address(), { access: token }))
    expect(await refused(answer)).toEqual([401, 'InvalidToken'])
  })

  test('a clock that is wrong is helped with a nonce, and a nonce that is given works (RFC 9449 §9)', async () => {
    const token = await bound()
    const late = await ask(token, await key.proof('GET', address(), { access: token, claims: { iat: epoch() - 3600 } }))
    expect(late.headers.get('www-authenticate')).toContain('error="use_dpop_nonce"')
    const nonce = late.headers.get('dpop-nonce')
    const claims = { iat: epoch() - 3600, nonce }
    expect((await ask(token, await key.proof('GET', address(), { access: token, claims }))).status).toBe(200)
  })
})

function epoch(): number {
  return Math.floor(Date.now() / 1000)
}

describe('where a request goes', () => {
  test.for([
    '//evil.example/xrpc/com.atproto.repo.describeRepo',
    '/xrpc//evil.example/com.a.b',
    '/xrpc/@evil.example',
    '/xrpc/com.atproto.repo.describeRepo@evil.example',
    '/xrpc/../../evil',
    '/xrpc/com.atproto.repo.describeRepo/../../evil',
    '/xrpc/com.atproto.repo%2fdescribeRepo',
    '/xrpc/%63om.atproto.server.createAppPassword',
    '/xrpc/com.atproto.repo.describeRepo%00',
    '/xrpc/com.atproto.repo.describeRepo;x',
    '/xrpc/com.atproto.repo.describeRepo/',
    '/xrpc/COM.ATPROTO.server.createAppPassword',
    '/xrpc/com.Atproto.server.createAppPassword',
    '/xrpc/com\\evil.example',
    '/xrpc/',
    'http://evil.example/xrpc/com.atproto.repo.describeRepo',
    'evil.example:443',
  ])('the target %s reaches no PDS', async (target) => {
    const token = await tokenWith(open)
    const lines = [`GET ${target} HTTP/1.1`, `Host: localhost:${house.port}`, `Authorization: Bearer ${token}`]
    const answer = await raw(...lines, 'Connection: close', '', '')
    expect(statusOf(answer)).toBeGreaterThanOrEqual(400)
    expect(house.upstream).toEqual([])
  })

  test('nothing in the headers changes where it goes, and nothing of ours goes along', async () => {
    const token = await tokenWith(open)
    const response = await xrpc(`${read}?repo=a%2Fb&x=%0d%0aevil`, token, {
      headers: {
        cookie: 'session=secret',
        forwarded: 'host=evil.example',
        'x-forwarded-host': `localhost:${house.port}`,
        'x-forwarded-for': '192.0.2.1',
        'x-original-url': 'http://evil.example/',
        'x-http-method-override': 'DELETE',
        'accept-encoding': 'gzip',
        'content-encoding': 'gzip',
        'if-none-match': '*',
        range: 'bytes=0-1',
        origin: 'https://evil.example',
        referer: 'https://evil.example/',
        te: 'trailers',
        'atproto-accept-labelers': 'did:plc:labeler;redact',
        'accept-language': 'de',
      },
    })
    expect(response.status).toBe(200)
    const [seen] = house.upstream
    expect(seen?.url).toBe(`/xrpc/${read}?repo=a%2Fb&x=%0d%0aevil`)
    const { host, connection, 'user-agent': agent, 'sec-fetch-mode': mode, ...headers } = seen?.headers ?? {}
    expect(host).toMatch(/^127\.0\.0\.1:/)
    expect(headers).toEqual({
      accept: '*/*',
      'accept-encoding': 'identity',
      'accept-language': 'de',
      'atproto-accept-labelers': 'did:plc:labeler;redact',
    })
    expect([connection, agent, mode].some((value) => value?.includes('evil'))).toBe(false)
  })

  test.for([
    'did:web:evil.example',
    'https://evil.example#x',
    'did:web:a.example#x, did:web:b.example#y',
    'did:web:a.example#x#y',
    '#x',
    '',
  ])('atproto-proxy: %s is refused', async (service) => {
    const response = await xrpc('app.bsky.feed.getTimeline', await tokenWith(open), {
      headers: { 'atproto-proxy': service },
    })
    expect(await refused(response)).toEqual([400, 'InvalidRequest'])
    expect(house.upstream).toEqual([])
  })

  test('a request whose length has two meanings is none (RFC 9112 §6.3)', async () => {
    const token = await tokenWith(open)
    const head = [
      'POST /xrpc/app.bsky.actor.putPreferences HTTP/1.1',
      `Host: localhost:${house.port}`,
      `Authorization: Bearer ${token}`,
      'Content-Type: application/json',
    ]
    const hidden = `GET /xrpc/${read} HTTP/1.1\r\nHost: localhost:${house.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`
    const both = await raw(...head, 'Content-Length: 4', 'Transfer-Encoding: chunked', '', `0\r\n\r\n${hidden}`)
    const twoLengths = await raw(...head, 'Content-Length: 2', 'Content-Length: 50', '', `{}${hidden}`)
    const broken = await raw(...head, 'Transfer-Encoding: chunked, identity', '', `0\r\n\r\n${hidden}`)
    expect([both, twoLengths, broken].map(statusOf)).toEqual([400, 400, 400])
    expect([both, twoLengths, broken].some((answer) => answer.includes('HTTP/1.1 200'))).toBe(false)
    expect(house.upstream).toEqual([])
  })

  test('a header in a header is none', async () => {
    const token = await tokenWith(open)
    const lines = [`GET /xrpc/${read} HTTP/1.1`, `Host: localhost:${house.port}`, `Authorization: Bearer ${token}`]
    await raw(...lines, 'atproto-accept-labelers: did:plc:x\rcookie: a=b', 'Connection: close', '', '')
    expect(house.upstream.some(({ headers }) => 'cookie' in headers)).toBe(false)
  })

  test('other methods of HTTP are refused (RFC 9110 §15.5.6)', async () => {
    const token = await tokenWith(open)
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const response = await xrpc(read, token, { method })
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST, OPTIONS'])
    }
    expect((await xrpc(read, token, { method: 'POST' })).status).toBe(405)
    expect((await xrpc('com.atproto.repo.createRecord', token)).status).toBe(405)
    expect(house.upstream).toEqual([])
  })
})

describe('what comes back', () => {
  test('a file can do nothing in our origin, whatever the PDS says of it', async () => {
    house.serve((_request, response) =>
      response
        .writeHead(200, {
          'content-type': 'image/svg+xml',
          'content-security-policy': 'script-src *',
          'content-disposition': 'inline; filename="x.svg"',
          'set-cookie': 'session=planted',
          'strict-transport-security': 'max-age=0',
          'x-frame-options': 'ALLOWALL',
          'access-control-allow-credentials': 'true',
          'access-control-allow-origin': 'https://evil.example',
          'clear-site-data': '"*"',
          refresh: '0; url=https://evil.example',
          link: '<https://evil.example>; rel=preload',
          'service-worker-allowed': '/',
          'www-authenticate': 'Basic realm="evil"',
          'dpop-nonce': 'theirs',
          'atproto-repo-rev': 'rev',
          'ratelimit-remaining': '7',
        })
        .end('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
    )
    const { headers } = await xrpc('com.atproto.sync.getBlob?did=x&cid=y', await tokenWith(open))
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'image/svg+xml',
      'content-security-policy': "default-src 'none'; sandbox",
      'content-disposition': 'attachment',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
      'access-control-allow-origin': '*',
      'atproto-repo-rev': 'rev',
      'ratelimit-remaining': '7',
    })
    const never = [
      'set-cookie',
      'strict-transport-security',
      'access-control-allow-credentials',
      'clear-site-data',
      'refresh',
      'link',
      'service-worker-allowed',
      'www-authenticate',
      'dpop-nonce',
    ]
    expect(never.filter((name) => headers.has(name))).toEqual([])
  })

  test('a type that is none is bytes', async () => {
    house.serve((_request, response) => response.writeHead(200, { 'content-type': 'text/html evil' }).end('<script>'))
    const { headers } = await xrpc(read, await tokenWith(open))
    expect(headers.get('content-type')).toBe('application/octet-stream')
  })

  test('a redirect of the PDS is not followed and not passed on', async () => {
    house.serve((_request, response) => response.writeHead(302, { location: 'http://169.254.169.254/' }).end())
    const response = await xrpc(read, await tokenWith(open))
    expect([response.headers.get('location'), ...(await refused(response))]).toEqual([null, 502, 'UpstreamFailure'])
  })

  test('browsers may ask from anywhere, but never with cookies', async () => {
    const headers = {
      origin: 'https://evil.example',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization, x-evil',
    }
    const preflight = await fetch(`${house.origin}/xrpc/${read}`, { method: 'OPTIONS', headers })
    expect(preflight.status).toBe(204)
    expect(preflight.headers.get('access-control-allow-headers')?.split(', ')).toEqual(
      expect.arrayContaining(['authorization', 'dpop', 'content-type', 'atproto-proxy', 'atproto-accept-labelers']),
    )
    expect(preflight.headers.get('access-control-allow-headers')).not.toContain('evil')
    const refusal = await fetch(`${house.origin}/xrpc/${read}`, { headers })
    for (const response of [preflight, refusal]) {
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.has('access-control-allow-credentials')).toBe(false)
    }
    expect(refusal.headers.get('access-control-expose-headers')).toContain('www-authenticate')
    const withCookie = await fetch(`${house.origin}/xrpc/${read}`, { headers: { cookie: 'session=anything' } })
    expect(withCookie.status).toBe(401)
  })

  test('what a PDS refuses is passed on, but not its refusal of our tokens', async () => {
    const answers: [number, Record<string, string>, number][] = [
      [400, {}, 400],
      [404, {}, 404],
      [429, { 'retry-after': '60' }, 429],
      [500, {}, 500],
      [401, {}, 403],
      [401, { 'www-authenticate': 'DPoP error="use_dpop_nonce"' }, 503],
      [401, { 'www-authenticate': 'DPoP error="invalid_dpop_proof"' }, 503],
      // Asking again would be answered the same for ever.
      [401, { 'www-authenticate': 'Bearer realm="pds", error="insufficient_scope"' }, 403],
    ]
    for (const [status, headers, expected] of answers) {
      house.serve((_request, response) =>
        response
          .writeHead(status, { 'content-type': 'application/json', ...headers })
          .end('{"error":"E","message":"m"}'),
      )
      const response = await xrpc(read, await tokenWith(open))
      expect(response.status).toBe(expected)
      expect(response.headers.has('www-authenticate')).toBe(false)
      const body = (await response.json()) as XrpcError
      if (expected !== 503) expect(body).toEqual({ error: 'E', message: 'm' })
    }
  })

  test('a link that has ended sends the person to sign in again (RFC 6750 §3.1)', async () => {
    const ended = async () => {
      throw new LinkEnded('revoked')
    }
    for (const link of [async () => undefined, async () => ({ did: '', scopes: [], fetch: ended })]) {
      house.setLink(link)
      const response = await xrpc(read, await tokenWith(open))
      expect(response.headers.get('www-authenticate')).toMatch(/error="invalid_token".+sign in again/)
      expect(await refused(response)).toEqual([401, 'InvalidToken'])
    }
  })

  test('a PDS that cannot be reached is no reason to sign in again', async () => {
    const token = await tokenWith(open)
    for (const [timeout, expected] of [
      [false, [502, 'UpstreamFailure']],
      [true, [504, 'UpstreamTimeout']],
    ] as const) {
      const unreachable = async () => {
        throw new PdsUnreachable('secret.internal refused', { timeout })
      }
      house.setLink(async () => ({ did: '', scopes: [], fetch: unreachable }))
      expect(await refused(await xrpc(read, token))).toEqual(expected)
    }
    house.setLink(undefined)
    expect((await xrpc(read, token)).status).toBe(200)
  })

  test('an answer that breaks off does not look whole', async () => {
    const token = await tokenWith(open)
    house.serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' }).write('{')
      setImmediate(() => response.destroy())
    })
    expect(await refused(await xrpc(read, token))).toEqual([502, 'UpstreamFailure'])
    house.serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/vnd.ipld.car' }).write('x'.repeat(100_000))
      setTimeout(() => response.destroy(), 50)
    })
    const broken = await xrpc('com.atproto.sync.getRepo', token)
    await expect(broken.arrayBuffer()).rejects.toThrow()
  })

  test('a PDS that says nothing is given up (504), and everything works afterwards', async () => {
    const token = await tokenWith(open)
    house.serve(() => undefined)
    expect(await refused(await xrpc(read, token))).toEqual([504, 'UpstreamTimeout'])
    house.serve(undefined)
    expect((await xrpc(read, token)).status).toBe(200)
  })

  test('an app that goes away takes its request to the PDS along', async () => {
    const token = await tokenWith(open)
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
    const { promise: left, resolve: leave } = Promise.withResolvers<void>()
    house.serve((request, response) => {
      response.on('close', leave)
      request.resume()
      ask()
    })
    const going = new AbortController()
    const response = xrpc('app.bsky.actor.putPreferences', token, { method: 'POST', body: '{}', signal: going.signal })
    await asked
    going.abort()
    await expect(response).rejects.toThrow()
    await left
  })

  test('the log holds the method and the client, no query, no token and no DID', async () => {
    const issued = await house.tokens.issue({ scope: open })
    await xrpc(`${read}?repo=did:plc:somebody`, issued.value)
    const line = house.logged.map((text) => JSON.parse(text)).findLast(({ msg }) => msg === 'xrpc')
    expect(line).toMatchObject({ method: read, clientId: issued.clientId, status: 200, duration: expect.any(Number) })
    const all = house.logged.join('\n')
    expect([issued.value, 'did:plc:'].filter((text) => all.includes(text))).toEqual([])
  })
})
