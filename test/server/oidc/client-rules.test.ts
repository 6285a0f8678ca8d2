import { afterAll, beforeAll, expect, test } from 'vitest'
import { clientConfiguration } from '../../../server/oidc/client-configuration.ts'
import { clientRules } from '../../../server/oidc/client-rules.ts'
import { profileOf } from '../../../server/oidc/profiles.ts'
import { startTestServer, type TestServer, testRedirectUri } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** The library's verdict at registration. */
async function atRegistration(given: Record<string, unknown>): Promise<boolean> {
  const metadata = { ...profileOf('web')?.metadata, redirect_uris: [testRedirectUri], ...given }
  return clientRules(async () => Promise.reject(new Error('nothing is asked')))({
    client_id: 'example',
    client_secret: 'a hash',
    ...metadata,
  }).then(
    () => true,
    (error: { error?: string }) => {
      if (error.error !== 'invalid_client_metadata' && error.error !== 'invalid_redirect_uri') throw error
      return false
    },
  )
}

/** The library's verdict when somebody is sent here to sign in. */
async function atSignIn(given: Record<string, unknown>): Promise<boolean> {
  const client = await server.client('web', given)
  const { text } = await server.visitor().get(`/authorize?client_id=${client.id}&response_type=code&scope=openid`)
  return !/invalid_client_metadata|invalid_redirect_uri/.test(text)
}

test.each([
  [true, {}],
  [true, { scope: 'openid profile email offline_access' }],
  [false, { scope: 'openid notes:read' }],
  [false, { scope: 'openid phone' }],
  [true, { token_endpoint_auth_method: 'client_secret_post' }],
  [false, { token_endpoint_auth_method: 'client_secret_jwt' }],
  [false, { token_endpoint_auth_method: 'tls_client_auth' }],
  [false, { token_endpoint_auth_method: 'private_key_jwt' }],
  [true, { grant_types: ['authorization_code', 'client_credentials'] }],
  [false, { grant_types: ['authorization_code', 'implicit'] }],
  [false, { grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:saml2-bearer'] }],
  [false, { response_types: ['code id_token'] }],
  [true, { id_token_signed_response_alg: 'ES256', userinfo_signed_response_alg: 'EdDSA' }],
  [true, { id_token_signed_response_alg: 'RS256' }],
  [false, { id_token_signed_response_alg: 'HS256' }],
  [false, { userinfo_signed_response_alg: 'none' }],
  [true, { dpop_bound_access_tokens: true }],
  [true, { require_pushed_authorization_requests: true }],
  [false, { require_pushed_authorization_requests: 'yes' }],
  [true, { post_logout_redirect_uris: ['https://app.example/bye'] }],
  [false, { post_logout_redirect_uris: ['not an address'] }],
  [false, { redirect_uris: ['https://app.example/cb#fragment'] }],
])('the check at registration and the server that serves say the same (%j): %j', async (taken, given) => {
  expect(await atRegistration(given)).toBe(taken)
  expect(await atSignIn(given)).toBe(taken)
})

test('discovery names the scopes and methods of the shared configuration', async () => {
  const discovered = await fetch(`${server.origin}/.well-known/openid-configuration`)
  const { scopes, clientAuthMethods, responseTypes } = clientConfiguration()
  const found = (await discovered.json()) as Record<string, string[]>
  expect(found['scopes_supported']?.toSorted()).toEqual(scopes.toSorted())
  expect(found['token_endpoint_auth_methods_supported']?.toSorted()).toEqual(clientAuthMethods.toSorted())
  expect(found['response_types_supported']).toEqual(responseTypes)
})
