import { expect, test } from 'vitest'
import { startTestServer } from '../../support/server.ts'

test('anybody learns who gives tokens for our API, from any origin (RFC 9728 §3)', async () => {
  await using server = await startTestServer({ settings: { ATPROTO_SCOPE: 'atproto transition:generic' } })
  const response = await fetch(`${server.origin}/.well-known/oauth-protected-resource`)
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(await response.json()).toEqual({
    resource: server.origin,
    authorization_servers: [server.origin],
    scopes_supported: ['atproto', 'transition:generic'],
    bearer_methods_supported: ['header'],
    dpop_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA'],
    resource_name: 'Habitat',
  })
  const refusal = await fetch(`${server.origin}/xrpc/com.atproto.server.getSession`)
  const [, where] = /resource_metadata="([^"]+)"/.exec(refusal.headers.get('www-authenticate') ?? '') ?? []
  expect(where).toBe(response.url)
  const ifttt = await fetch(`${server.origin}/.well-known/oauth-protected-resource/ifttt/v1`)
  expect(await ifttt.json()).toMatchObject({ resource: `${server.origin}/ifttt/v1`, scopes_supported: ['ifttt'] })
})
