import { expect, test } from 'vitest'
import { authenticationProblems } from '../../../server/oidc/client-keys.ts'
import { profileOfClient } from '../../../server/oidc/client-profile.ts'
import { clientKey } from '../../support/client-keys.ts'

function problems(given: Record<string, unknown>, profile = 'web'): string {
  const its = profileOfClient(profile, given)
  if (its === undefined) throw new Error(`no profile ${profile}`)
  return authenticationProblems(given, its).join('\n')
}

const byKey = { token_endpoint_auth_method: 'private_key_jwt' }

test('each kind of key that clients may sign by is taken', async () => {
  for (const alg of ['ES256', 'EdDSA', 'RS256', 'PS256']) {
    expect(problems({ ...byKey, jwks: (await clientKey(alg)).jwks })).toBe('')
  }
})

test('keys that are private, shared, weak or of another kind are refused, and so are two of one name', async () => {
  const [key = {}] = (await clientKey()).jwks.keys
  const set = (...keys: object[]) => problems({ ...byKey, jwks: { keys } })
  expect(set({ ...key, d: 'secret' })).toContain('private or shared part')
  expect(set({ kty: 'oct', k: 'c2VjcmV0' })).toContain('private or shared part')
  expect(set({ kty: 'RSA', n: Buffer.alloc(128, 1).toString('base64url'), e: 'AQAB' })).toContain('2048 bits')
  expect(set({ kty: 'RSA', n: { toString: false }, e: 'AQAB' })).toContain('2048 bits')
  expect(set({ ...key, crv: 'P-521' })).toContain('P-256')
  expect(set(key, key)).toContain('same "kid"')
  expect(set()).toContain('RFC 7517')
  for (const jwks of ['text', [], { keys: 'x' }, { keys: ['x'] }, { keys: Array(11).fill(key) }, null])
    expect(problems({ ...byKey, jwks })).toContain('RFC 7517')
})

test('keys have one place, which is an https address or the registration itself', async () => {
  const { jwks } = await clientKey()
  expect(problems(byKey)).toContain('needs its keys')
  expect(problems({ ...byKey, jwks_uri: 'https://app.example/jwks.json' })).toBe('')
  expect(problems({ ...byKey, jwks, jwks_uri: 'https://app.example/jwks.json' })).toContain('not both')
  for (const jwks_uri of ['http://app.example/jwks', 'file:///etc/passwd', 'https://u:p@app.example/', 'x', 7])
    expect(problems({ ...byKey, jwks_uri })).toContain('https address')
})

test('only what a profile lets a client choose may be chosen', () => {
  for (const method of ['none', 'client_secret_jwt', 'x', 7])
    expect(problems({ token_endpoint_auth_method: method })).toContain('is one of client_secret_basic')
  expect(problems({ token_endpoint_auth_method: 'client_secret_post' })).toBe('')
  expect(problems({ ...byKey, token_endpoint_auth_signing_alg: 'HS256' })).toContain('is one of ES256')
  expect(problems({ token_endpoint_auth_signing_alg: 'ES256' })).toContain('private_key_jwt')
})

test('a client is told by exactly one name in its certificate, and only where it has one (RFC 8705 §2.1.2)', () => {
  const byName = { token_endpoint_auth_method: 'tls_client_auth' }
  const names = { tls_client_auth_san_dns: 'app.example', tls_client_auth_subject_dn: 'CN=app' }
  expect(problems(byName)).toContain('needs one name')
  expect(problems({ ...byName, ...names })).toContain('needs one name')
  expect(problems({ ...byName, tls_client_auth_san_dns: 'app.example' })).toBe('')
  expect(problems({ tls_client_auth_san_dns: 'app.example' })).toContain('tls_client_auth')
})

test('an app that calls by its secret cannot do without one', async () => {
  const { jwks } = await clientKey()
  expect(problems({ ...byKey, jwks, telegram_qr: true })).toContain('telegram_qr')
  expect(problems({ telegram_qr: true })).toBe('')
})

test('keys that are of no use for what the client is to do with them are refused when it is registered', async () => {
  const { jwks } = await clientKey('EdDSA')
  const [key = {}] = jwks.keys
  expect(problems({ ...byKey, jwks, token_endpoint_auth_signing_alg: 'ES256' })).toContain('for ES256')
  expect(problems({ jwks, request_object_signing_alg: 'PS256' })).toContain('for PS256')
  for (const alg of ['EdDSA', 'Ed25519']) expect(problems({ jwks, request_object_signing_alg: alg })).toBe('')
  const kept = { keys: [{ ...key, alg: 'EdDSA' }] }
  expect(problems({ jwks: kept, request_object_signing_alg: 'Ed25519' })).toContain('for Ed25519')
  const byCertificate = { token_endpoint_auth_method: 'self_signed_tls_client_auth' }
  expect(problems({ ...byCertificate, jwks })).toContain('x5c')
  expect(problems({ ...byCertificate, jwks: { keys: [{ ...key, x5c: ['MII='] }] } })).toBe('')
})
