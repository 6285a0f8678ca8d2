/** What others might do with codes and tokens of IFTTT's clients, which know neither PKCE nor rotation. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isActive, pkce, type TokenAnswer, tokensOf } from '../support/authorize.ts'
import { authorizeAtIfttt, type IftttRequest, iftttClient, iftttRequestUrl } from '../support/ifttt-client.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
let client: TestClient
let other: TestClient
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
  client = await iftttClient(server)
  other = await iftttClient(server, 'other')
  await server.resource('https://api.example/', ['read'])
})
afterAll(() => server.stop())

const refused = { status: 400, body: { error: 'invalid_grant' } }

describe.each([
  { authorizePath: '/authorize', tokenPath: '/token', type: 'application/x-www-form-urlencoded' },
  {
    authorizePath: '/third-party/ifttt/authorize',
    tokenPath: '/third-party/ifttt/v1/tokens',
    type: 'application/json',
  },
] as const)('$authorizePath and $tokenPath', ({ authorizePath, tokenPath, type }) => {
  async function post(fields: Record<string, string>): Promise<TokenAnswer> {
    const body = type === 'application/json' ? JSON.stringify(fields) : new URLSearchParams(fields).toString()
    const response = await fetch(`${server.origin}${tokenPath}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    })
    return { status: response.status, body: (await response.json()) as TokenAnswer['body'] }
  }

  const by = ({ id, secret }: TestClient) => ({ client_id: id, client_secret: secret })

  const redeem = (code: string, { as = client, ...extra }: { as?: TestClient; [name: string]: unknown } = {}) =>
    post({
      ...by(as),
      grant_type: 'authorization_code',
      code,
      redirect_uri: as.redirectUri,
      ...(extra as Record<string, string>),
    })

  const refresh = (token: string, { as = client, ...extra }: { as?: TestClient; [name: string]: unknown } = {}) =>
    post({ ...by(as), grant_type: 'refresh_token', refresh_token: token, ...(extra as Record<string, string>) })

  const authorize = (request: Omit<IftttRequest, 'path'> = {}) =>
    authorizeAtIfttt(server, client, { path: authorizePath, ...request })

  async function newCode(extra?: Record<string, string | undefined>): Promise<string> {
    const callback = await authorize(extra === undefined ? {} : { extra })
    const code = callback.searchParams.get('code')
    if (code === null) throw new Error(`no code: ${callback}`)
    return code
  }

  /** An authorization request that is not meant to come to a sign-in. */
  function ask(extra: Record<string, string | undefined>, more = '') {
    return server.visitor().get(iftttRequestUrl(client, { path: authorizePath, extra }) + more)
  }

  test('a code is good for its own client only, and a stranger cannot spend it (RFC 9700 §4.5)', async () => {
    const code = await newCode()
    const web = await server.client('web')
    expect(await redeem(code, { as: other })).toMatchObject(refused)
    expect(await redeem(code, { as: other, redirect_uri: client.redirectUri })).toMatchObject(refused)
    expect((await redeem(code, { as: web, redirect_uri: client.redirectUri })).status).toBe(400)
    expect((await redeem(code)).status).toBe(200)
  })

  test('a code without the secret is worth nothing, and is not spent by trying', async () => {
    const code = await newCode()
    for (const client_secret of ['', 'wrong', other.secret]) {
      expect((await redeem(code, { client_secret })).status).toBe(401)
    }
    expect((await redeem(code)).status).toBe(200)
  })

  test('the second use of a code ends what the first one gave (RFC 6749 §4.1.2)', async () => {
    const code = await newCode()
    const first = tokensOf(await redeem(code))
    const second = tokensOf(await refresh(first.refresh))
    expect(await isActive(server, client, second.access)).toBe(true)
    expect(await redeem(code)).toMatchObject(refused)
    for (const token of [first.access, second.access]) {
      expect(await isActive(server, client, token)).toBe(false)
      const answer = await fetch(`${server.origin}/ifttt/v1/user/info`, {
        headers: { authorization: `Bearer ${token}` },
      })
      expect(answer.status).toBe(401)
    }
    expect(await refresh(first.refresh)).toMatchObject(refused)
  })

  test('a request that is malformed does not spend the code', async () => {
    const code = await newCode()
    const fields = { ...by(client), grant_type: 'authorization_code', code, redirect_uri: client.redirectUri }
    const twice =
      type === 'application/json'
        ? JSON.stringify(fields).replace('}', `,"code":"${code}"}`)
        : `${new URLSearchParams(fields)}&code=${code}`
    const answer = await fetch(`${server.origin}${tokenPath}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: twice,
    })
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([400, 'invalid_request'])
    expect((await redeem(code)).status).toBe(200)
  })

  test.for([
    'https://ifttt.com/channels/other/authorize',
    'https://ifttt.com/channels/example/authorize/',
    'https://ifttt.com/channels/example/authorize?next=https://evil.example',
    'https://ifttt.com/channels/example/authorize#',
    'https://ifttt.com/channels/example/../other/authorize',
    'https://ifttt.com/channels/Example/authorize',
    'https://ifttt.com/channels/example%2f..%2fother/authorize',
    'https://ifttt.com@evil.example/channels/example/authorize',
    'https://ifttt.com.evil.example/channels/example/authorize',
    'https://www.ifttt.com/channels/example/authorize',
    'http://ifttt.com/channels/example/authorize',
    '//ifttt.com/channels/example/authorize',
  ])('no code goes to %s (RFC 9700 §4.1.3)', async (redirect_uri) => {
    const visit = await ask({ redirect_uri })
    expect([visit.left, visit.status]).toEqual([false, 400])
    expect(visit.text).toContain('redirect_uri')
  })

  test('nor to either of two addresses, and a code is bound to the one it was given for', async () => {
    const visit = await ask({}, `&redirect_uri=${encodeURIComponent(other.redirectUri)}`)
    // The one that is registered is told.
    expect(visit.url.origin + visit.url.pathname).toBe(client.redirectUri)
    expect([visit.url.searchParams.get('error'), visit.url.searchParams.get('code')]).toEqual(['invalid_request', null])
    const code = await newCode()
    expect(await redeem(code, { redirect_uri: other.redirectUri })).toMatchObject(refused)
    expect((await redeem(code)).status).toBe(200)
  })

  test.for([
    ['missing', undefined],
    ['empty', ''],
  ])('without PKCE, a state that is %s is refused before anybody is asked (RFC 9700 §4.7)', async ([, state]) => {
    const visit = await ask({ state })
    expect(visit.left && visit.url.href.startsWith(`${client.redirectUri}?`)).toBe(true)
    expect(visit.url.searchParams.get('error')).toBe('invalid_request')
    expect(visit.url.searchParams.has('code')).toBe(false)
  })

  test('two states are none', async () => {
    const visit = await ask({}, '&state=another')
    expect(visit.left ? visit.url.searchParams.get('error') : visit.text).toContain('invalid_request')
  })

  test('PKCE counts where it is sent all the same (RFC 7636 §4.6)', async () => {
    const proof = pkce()
    const challenge = { code_challenge: proof.challenge, code_challenge_method: 'S256' }
    for (const code_verifier of [undefined, pkce().verifier, proof.challenge]) {
      const code = await newCode(challenge)
      expect(await redeem(code, code_verifier === undefined ? {} : { code_verifier })).toMatchObject(refused)
    }
    expect((await redeem(await newCode(challenge), { code_verifier: proof.verifier })).status).toBe(200)
    // RFC 9700 §4.8: nobody strips the challenge from the request and keeps the verifier.
    expect(await redeem(await newCode(), { code_verifier: proof.verifier })).toMatchObject(refused)
    const plain = await ask({ code_challenge: proof.verifier, code_challenge_method: 'plain' })
    expect(plain.left && plain.url.searchParams.get('error')).toBe('invalid_request')
  })

  test.for(['openid ifttt', 'ifttt email profile', 'ifttt atproto', 'ifttt read', 'ifttt offline_access'])(
    'asking for "%s" gives no more than the client may have (RFC 6749 §3.3)',
    async (scope) => {
      const { searchParams } = await authorize({ extra: { scope } })
      const code = searchParams.get('code')
      if (code === null) return expect(searchParams.get('error')).toBe('invalid_scope')
      const { status, body } = await redeem(code)
      expect([status, body['scope']]).toEqual([200, 'ifttt'])
      const userinfo = await fetch(`${server.origin}/userinfo`, {
        headers: { authorization: `Bearer ${body.access_token}` },
      })
      expect([401, 403]).toContain(userinfo.status)
    },
  )

  test('a refresh widens nothing, neither by scope nor by resource (RFC 6749 §6, RFC 8707 §2.2)', async () => {
    const tokens = tokensOf(await redeem(await newCode()))
    for (const scope of ['ifttt openid', 'openid', 'read', 'atproto']) {
      expect((await refresh(tokens.refresh, { scope })).body.error, scope).toBe('invalid_scope')
    }
    for (const resource of ['https://api.example/', `${server.origin}/xrpc`, server.origin]) {
      expect((await refresh(tokens.refresh, { resource })).body.error, resource).toBe('invalid_target')
    }
    expect((await refresh(tokens.refresh)).body['scope']).toBe('ifttt')
  })

  test('another API is out of reach, whatever scopes are asked for with it (RFC 8707 §2)', async () => {
    for (const resource of ['https://api.example/', 'https://unknown.example/', `${server.origin}/xrpc`]) {
      for (const scope of ['ifttt', 'read', 'atproto', 'openid ifttt']) {
        const { searchParams } = await authorize({ extra: { resource, scope } })
        expect(searchParams.has('code'), `${resource} ${scope}`).toBe(false)
        expect(searchParams.get('error'), `${resource} ${scope}`).toMatch(
          /^(invalid_target|invalid_scope|access_denied)$/,
        )
      }
      const { body } = await redeem(await newCode(), { resource })
      expect(body.error, resource).toBe('invalid_target')
    }
  })

  test('refreshes that cross each other all work, and so does the token afterwards', async () => {
    const tokens = tokensOf(await redeem(await newCode()))
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(tokens.refresh)))
    for (const answer of answers) {
      const { access, refresh: next } = tokensOf(answer)
      expect(next).toBe(tokens.refresh)
      expect(await isActive(server, client, access)).toBe(true)
    }
    expect(await isActive(server, client, tokens.access)).toBe(true)
    expect((await refresh(tokens.refresh)).status).toBe(200)
  })

  test('a refresh token is good for its own client with its secret only, and trying ends nothing (RFC 6749 §6)', async () => {
    const { refresh: token } = tokensOf(await redeem(await newCode()))
    expect(await refresh(token, { as: other })).toMatchObject(refused)
    expect((await refresh(token, { client_secret: 'wrong' })).status).toBe(401)
    expect((await post({ client_id: client.id, grant_type: 'refresh_token', refresh_token: token })).status).toBe(401)
    expect(await isActive(server, other, token)).toBe(false)
    expect((await refresh(token)).status).toBe(200)
  })

  test('an access token is no refresh token, a refresh token no access token, a code neither', async () => {
    const code = await newCode()
    expect(await refresh(code)).toMatchObject(refused)
    const tokens = tokensOf(await redeem(code))
    expect(await refresh(tokens.access)).toMatchObject(refused)
    expect(await redeem(tokens.refresh)).toMatchObject(refused)
    for (const [path, token] of [
      ['/ifttt/v1/user/info', tokens.refresh],
      ['/ifttt/v1/user/info', code],
      ['/userinfo', tokens.access],
      ['/xrpc/com.atproto.server.getSession', tokens.access],
    ] as const) {
      const headers = { authorization: `Bearer ${token}` }
      expect([401, 403], path).toContain((await fetch(`${server.origin}${path}`, { headers })).status)
    }
  })

  test('the secret alone gives no token: the client acts for people only (RFC 6749 §4.4)', async () => {
    const { status, body } = await post({ ...by(client), grant_type: 'client_credentials', scope: 'ifttt' })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect((await post({ ...by(client), grant_type: 'password', username: 'a', password: 'b' })).body.error).toBe(
      'unsupported_grant_type',
    )
  })
})
