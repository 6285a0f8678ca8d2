/** Clients that show a certificate: by it they prove who they are, and tokens are bound to it. TLS is the proxy's in front. */
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appCertificate, certificateKeys, escaped, otherCertificate, structured } from '../support/certificates.ts'
import { agreeable, insecure, metadataOf, outsideClient } from '../support/outside-client.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

const resource = 'https://api.example/mtls'
const settings = {
  SECRETS: 'one key ring for every node of these tests',
  TRUST_PROXY: '127.0.0.1',
  CLIENT_CERTIFICATE_HEADER: 'Client-Cert',
  CLIENT_CERTIFICATE_VERIFY_HEADER: 'X-Client-Cert-Verify',
}

let server: TestServer
let metadata: oauth.AuthorizationServer
beforeAll(async () => {
  server = await startTestServer({ settings })
  metadata = await metadataOf(server)
  await server.resource(resource, ['read'])
})
afterAll(() => server.stop())

/** What the proxy in front adds for a client that shows this certificate. */
function shown(pem: string | undefined, verified = 'NONE'): Record<string, string> {
  return pem === undefined ? {} : { 'client-cert': escaped(pem), 'x-client-cert-verify': verified }
}

function behindProxy(headers: Record<string, string>) {
  return {
    ...insecure,
    [oauth.customFetch]: (url: string, init: RequestInit) => {
      const all = new Headers(init.headers)
      for (const [name, value] of Object.entries(headers)) all.set(name, value)
      return fetch(url, { ...init, headers: all })
    },
  } as never
}

async function granted(client: TestClient, headers: Record<string, string>) {
  const own = { client_id: client.id }
  const parameters = { resource, scope: 'read' }
  const response = await oauth.clientCredentialsGrantRequest(
    metadata,
    own,
    client.secret === '' ? oauth.TlsClientAuth() : oauth.ClientSecretBasic(client.secret),
    parameters,
    behindProxy(headers),
  )
  return oauth.processClientCredentialsResponse(metadata, own, response)
}

const refusal = { error: 'invalid_client' }
const byName = { token_endpoint_auth_method: 'tls_client_auth', resource_scopes: 'read' }

describe('a client that is known by its own certificate (§2.2)', () => {
  const selfSigned = () =>
    server.client('service', {
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: certificateKeys(appCertificate),
      resource_scopes: 'read',
    })

  test('shows that one, in either form, whoever vouches for it', async () => {
    const client = await selfSigned()
    expect(await granted(client, shown(appCertificate))).toMatchObject({ token_type: 'bearer' })
    expect(await granted(client, { 'client-cert': structured(appCertificate) })).toMatchObject({ token_type: 'bearer' })
  })

  test('is refused with another one, without, with two, and with what is none', async () => {
    const client = await selfSigned()
    const twice = `${structured(appCertificate)}, ${structured(appCertificate)}`
    for (const headers of [shown(otherCertificate, 'SUCCESS'), {}, { 'client-cert': twice }, { 'client-cert': 'x' }])
      await expect(granted(client, headers)).rejects.toMatchObject(refusal)
  })
})

describe('a client that is known by a name (§2.1)', () => {
  test.each([
    { tls_client_auth_subject_dn: 'CN=app,O=Example\\, Inc.,C=KZ' },
    { tls_client_auth_san_dns: 'app.example' },
    { tls_client_auth_san_uri: 'https://app.example/id' },
    { tls_client_auth_san_ip: '192.0.2.7' },
    { tls_client_auth_san_email: 'app@app.example' },
  ])('shows a certificate with it, for which our CA vouches: %j', async (name) => {
    const client = await server.client('service', { ...byName, ...name })
    expect(await granted(client, shown(appCertificate, 'SUCCESS'))).toMatchObject({ token_type: 'bearer' })
    for (const headers of [
      shown(appCertificate),
      shown(appCertificate, 'FAILED:expired'),
      shown(otherCertificate, 'SUCCESS'),
    ])
      await expect(granted(client, headers)).rejects.toMatchObject(refusal)
  })
})

describe('tokens that are bound to a certificate (§3)', () => {
  const bound = { tls_client_certificate_bound_access_tokens: true }

  test('are given for one alone, and introspection names it', async () => {
    const client = await server.client('service', { ...bound, resource_scopes: 'read' })
    await expect(granted(client, {})).rejects.toMatchObject({ error: 'invalid_grant' })
    const { access_token } = await granted(client, shown(appCertificate))
    const own = { client_id: client.id }
    const asked = await oauth.introspectionRequest(
      metadata,
      own,
      oauth.ClientSecretBasic(client.secret),
      access_token,
      insecure,
    )
    const { cnf } = await oauth.processIntrospectionResponse(metadata, own, asked)
    expect(cnf?.['x5t#S256']).toMatch(/^[\w-]{43}$/)
  })

  test('are no good without it, and of a public client neither are refresh tokens', async () => {
    const client = await server.client('native', { ...bound, redirect_uris: ['com.example.app:/cb'] })
    const outside = outsideClient(metadata, client)
    const { own } = outside
    const visit = await agreeable(server)
    const back = await visit(`/authorize?${await outside.request({ scope: 'openid offline_access' })}`)
    const code = oauth.validateAuthResponse(metadata, own, back.url, 'state')
    const tokens = await outside.redeem(code, behindProxy(shown(appCertificate)))
    const userinfo = async (pem?: string) =>
      (await oauth.userInfoRequest(metadata, own, tokens.access_token, behindProxy(shown(pem)))).status
    expect(await userinfo(appCertificate)).toBe(200)
    expect(await userinfo(otherCertificate)).toBe(401)
    expect(await userinfo()).toBe(401)
    // A public client's refresh token is bound as well (§7.1).
    const refreshed = async (pem?: string) =>
      (
        await oauth.refreshTokenGrantRequest(
          metadata,
          own,
          oauth.None(),
          tokens.refresh_token ?? '',
          behindProxy(shown(pem)),
        )
      ).status
    expect(await refreshed(otherCertificate)).toBe(400)
    expect(await refreshed()).toBe(400)
    expect(await refreshed(appCertificate)).toBe(200)
  })
})

describe('whoever is not our proxy', () => {
  test('is not believed', async () => {
    await using direct = await startTestServer({
      settings: { ...settings, TRUST_PROXY: '192.0.2.1' },
      database: server.database,
    })
    const client = await server.client('service', { ...byName, tls_client_auth_san_dns: 'app.example' })
    const response = await fetch(`${direct.origin}/token`, {
      method: 'POST',
      headers: shown(appCertificate, 'SUCCESS'),
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: client.id, resource, scope: 'read' }),
    })
    expect([response.status, await response.json()]).toMatchObject([401, refusal])
  })

  test('is offered nothing where no header is set up', async () => {
    await using without = await startTestServer({
      settings: { SECRETS: settings.SECRETS },
      database: server.database,
    })
    const response = await fetch(`${without.origin}/.well-known/oauth-authorization-server`)
    const said = (await response.json()) as Record<string, unknown>
    expect(said).not.toHaveProperty('tls_client_certificate_bound_access_tokens')
    expect(JSON.stringify(said)).not.toContain('tls_client_auth')
    const client = await server.client('service', { ...byName, tls_client_auth_san_dns: 'app.example' })
    const answer = await fetch(`${without.origin}/token`, {
      method: 'POST',
      headers: shown(appCertificate, 'SUCCESS'),
      body: new URLSearchParams({ grant_type: 'client_credentials', client_id: client.id, resource, scope: 'read' }),
    })
    expect(answer.status).toBeGreaterThanOrEqual(400)
  })
})
