/** Apps with much at stake: the flow of FAPI 2.0 as the client library has it, and what the profile forbids. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { appCertificate, certificateKeys, escaped } from '../support/certificates.ts'
import { assertionClaims, type ClientKey, clientKey, presented, signed } from '../support/client-keys.ts'
import { type FapiClient, fapiClient } from '../support/fapi.ts'
import { agreeable, errorIn, insecure, metadataOf, outsideClient } from '../support/outside-client.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit } from '../support/visitor.ts'

const settings = { TRUST_PROXY: '127.0.0.1', CLIENT_CERTIFICATE_HEADER: 'Client-Cert' }

let server: TestServer
let metadata: oauth.AuthorizationServer
let visit: (address: string) => Promise<Visit>
let app: FapiClient
beforeAll(async () => {
  server = await startTestServer({ settings })
  metadata = await metadataOf(server)
  visit = await agreeable(server)
  app = await fapiClient(server, metadata)
})
afterAll(async () => {
  vi.useRealTimers()
  await server.stop()
})

async function codeOf(client = app, extra: Record<string, string | undefined> = {}): Promise<URLSearchParams> {
  const back = await visit(await client.push(await client.request(extra), client.possession))
  return oauth.validateAuthResponse(metadata, client.own, back.url, 'state')
}

test('pushed, with PKCE, answered with the issuer, redeemed by a key, bound to a key (§5.3.2)', async () => {
  const tokens = await app.redeem(await codeOf(app, { scope: 'openid offline_access' }), app.possession)
  expect(tokens.token_type).toBe('dpop')
  const [header = ''] = (tokens.id_token ?? '').split('.')
  expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ alg: 'ES256' })
  const subject = oauth.getValidatedIdTokenClaims(tokens)?.sub ?? ''
  const options = { ...insecure, ...app.possession }
  const userinfo = async () =>
    oauth.processUserInfoResponse(
      metadata,
      app.own,
      subject,
      await oauth.userInfoRequest(metadata, app.own, tokens.access_token, options),
    )
  expect((await userinfo()).sub).toBe(subject)
})

test('a refresh token does not change with its use, and is of use with the same key alone (§5.3.2.1)', async () => {
  const tokens = await app.redeem(await codeOf(app, { scope: 'openid offline_access' }), app.possession)
  const refreshToken = tokens.refresh_token ?? ''
  for (const _time of [1, 2]) {
    const refreshed = await app.refresh(refreshToken, app.possession)
    expect([refreshed.token_type, refreshed.refresh_token ?? refreshToken]).toEqual(['dpop', refreshToken])
  }
  await expect(app.refresh(refreshToken)).rejects.toMatchObject({ error: 'invalid_grant' })
})

test('tokens may be bound to the certificate of the client in its place (§5.3.2.1)', async () => {
  const bound = await fapiClient(server, metadata, {
    token_endpoint_auth_method: 'self_signed_tls_client_auth',
    jwks: certificateKeys(appCertificate),
    dpop_bound_access_tokens: undefined,
    tls_client_certificate_bound_access_tokens: true,
  })
  const client = outsideClient(metadata, bound.client, oauth.TlsClientAuth())
  const shown = {
    [oauth.customFetch]: (url: string, init: RequestInit) => {
      const headers = new Headers(init.headers)
      headers.set('client-cert', escaped(appCertificate))
      return fetch(url, { ...init, headers })
    },
  }
  const back = await visit(await client.push(await client.request(), shown))
  const code = oauth.validateAuthResponse(metadata, client.own, back.url, 'state')
  const tokens = await client.redeem(code, shown)
  const options = { ...insecure, ...shown } as never
  expect((await oauth.userInfoRequest(metadata, client.own, tokens.access_token, options)).status).toBe(200)
  expect((await oauth.userInfoRequest(metadata, client.own, tokens.access_token, insecure)).status).toBe(401)
})

describe('is refused (§5.3.2)', () => {
  test('a request that was not pushed', async () => {
    expect(errorIn(await visit(`/authorize?${await app.request()}`))).toBe('invalid_request')
  })

  test.each<[string, Record<string, string | undefined>]>([
    ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }],
    ['with a plain challenge', { code_challenge_method: 'plain' }],
    ['without a redirect URI', { redirect_uri: undefined }],
    ['to another address', { redirect_uri: 'https://app.example/cb/more' }],
    ['for an implicit answer', { response_type: 'code id_token' }],
  ])('a pushed request %s', async (_what, extra) => {
    await expect(app.push(await app.request(extra), app.possession)).rejects.toMatchObject({ status: 400 })
  })

  test('a secret, a signature by RS256, and an audience that is no issuer', async () => {
    const bySecret = outsideClient(metadata, app.client, oauth.ClientSecretBasic('x'))
    await expect(bySecret.push(await bySecret.request())).rejects.toMatchObject({ status: 401 })
    const rsa = await clientKey('RS256')
    const other = await fapiClient(server, metadata, { jwks: rsa.jwks })
    const answer = async (alg: string, claims: Record<string, unknown> = {}) => {
      const by = { ...rsa, alg, privateKey: alg === 'PS256' ? await forPss(rsa.privateKey) : rsa.privateKey }
      const assertion = await signed(by, { ...assertionClaims(other.client.id, server.origin), ...claims })
      const body = new URLSearchParams([...(await other.request()), ...Object.entries(presented(assertion))])
      return (await fetch(`${server.origin}/par`, { method: 'POST', body })).status
    }
    expect(await answer('PS256')).toBe(201)
    expect(await answer('RS256')).toBe(401)
    for (const aud of [`${server.origin}/token`, `${server.origin}/par`, [server.origin]])
      expect(await answer('PS256', { aud })).toBe(401)
  })

  test('a code without the key that the request was bound to, a second time, and after its minute', async () => {
    await expect(app.redeem(await codeOf())).rejects.toMatchObject({ status: 400 })
    const another = { DPoP: oauth.DPoP(app.own, await oauth.generateKeyPair('ES256')) }
    await expect(app.redeem(await codeOf(), another)).rejects.toMatchObject({ error: 'invalid_grant' })
    const code = await codeOf()
    await app.redeem(code, app.possession)
    await expect(app.redeem(code, app.possession)).rejects.toMatchObject({ error: 'invalid_grant' })
    const late = await codeOf()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 90_000 })
    await expect(app.redeem(late, app.possession)).rejects.toMatchObject({ error: 'invalid_grant' })
  })
})

/** The same RSA key, for the other kind of signature. */
async function forPss(key: ClientKey['privateKey']): Promise<ClientKey['privateKey']> {
  const jwk = await crypto.subtle.exportKey('jwk', key)
  const { alg: _alg, ...rest } = jwk
  return crypto.subtle.importKey('jwk', rest, { name: 'RSA-PSS', hash: 'SHA-256' }, true, ['sign'])
}
