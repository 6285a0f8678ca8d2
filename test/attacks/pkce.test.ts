import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ProfileName, profiles } from '../../server/oidc/profiles.ts'
import { authorize, authorizeUrl, endpoint, pkce, redeem, token } from '../support/authorize.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ providers: [toy()] })
})
afterAll(() => server.stop())

// Of FAPI 2.0 nothing is taken that was not pushed by a client with a key: test/standards/fapi2-security-profile.test.ts.
const withCodes = Object.values(profiles).filter(({ redirectUris, fapi }) => redirectUris !== 'none' && fapi !== true)

/** The parameters that an authorization request ends with at the client, without asking a person anything. */
async function refusal(client: TestClient, extra: Record<string, string | undefined>): Promise<URLSearchParams> {
  const visit = await server.visitor().get(authorizeUrl(client, pkce(), extra))
  expect(visit.left, visit.text).toBe(true)
  expect(visit.url.searchParams.has('code')).toBe(false)
  return visit.url.searchParams
}

test('there are profiles with codes, and discovery names S256 alone (RFC 8414 §2)', async () => {
  expect(withCodes.length).toBeGreaterThanOrEqual(3)
  const discovery = await fetch(`${server.origin}/.well-known/openid-configuration`)
  expect(await discovery.json()).toMatchObject({ code_challenge_methods_supported: ['S256'] })
})

describe.each(withCodes.map(({ name }) => name as ProfileName))('%s', (profile) => {
  test.for<[string, Record<string, string | undefined>]>([
    [
      profiles[profile].pkceRequired ? 'no challenge' : 'neither challenge nor state (RFC 9700 §4.7)',
      {
        code_challenge: undefined,
        code_challenge_method: undefined,
        ...(profiles[profile].pkceRequired ? {} : { state: undefined }),
      },
    ],
    ['a method without a challenge', { code_challenge: undefined }],
    ['an empty challenge', { code_challenge: '' }],
    ['the method plain (RFC 9700 §2.1.1)', { code_challenge_method: 'plain' }],
    ['no method, which means plain (RFC 7636 §4.3)', { code_challenge_method: undefined }],
    ['an empty method', { code_challenge_method: '' }],
    ['the method in small letters', { code_challenge_method: 's256' }],
    ['an unknown method', { code_challenge_method: 'S512' }],
    ['a challenge of 42 characters', { code_challenge: 'a'.repeat(42) }],
    ['a challenge of 129 characters', { code_challenge: 'a'.repeat(129) }],
    ['a challenge with characters that base64url lacks', { code_challenge: '+/='.repeat(15) }],
  ])('refuses an authorization request with %s', async ([, extra]) => {
    const client = await server.client(profile)
    expect((await refusal(client, extra)).get('error')).toBe('invalid_request')
  })

  test('refuses it also when the request was pushed (RFC 9126)', async () => {
    const client = await server.client(profile)
    const pushed = await endpoint(server, client, '/par', {
      client_id: client.id,
      redirect_uri: client.redirectUri,
      response_type: 'code',
      scope: 'openid',
    })
    expect(pushed).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  test.for<[string, (verifier: string, challenge: string) => string | undefined]>([
    ['no verifier', () => undefined],
    ['an empty verifier', () => ''],
    ['the challenge instead of the verifier', (_, challenge) => challenge],
    ['another verifier', () => pkce().verifier],
    ['a verifier cut short', (verifier) => verifier.slice(0, -1)],
    ['a verifier that is too short', () => 'a'.repeat(42)],
    ['a verifier that is too long', (verifier) => verifier.repeat(4)],
    ['a verifier with a space behind', (verifier) => `${verifier} `],
    ['a verifier in other letters', (verifier) => verifier.toUpperCase()],
    ['a verifier twice hashed', (_, challenge) => createHash('sha256').update(challenge).digest('base64url')],
  ])('refuses a code with %s', async ([, wrong]) => {
    const client = await server.client(profile)
    const proof = pkce()
    const callback = await authorize(server.visitor(), client, proof)
    const code = callback.searchParams.get('code') ?? ''
    const verifier = wrong(proof.verifier, proof.challenge)
    const answer = await token(server, client, {
      grant_type: 'authorization_code',
      code,
      redirect_uri: client.redirectUri,
      ...(verifier === undefined ? {} : { code_verifier: verifier }),
    })
    expect(answer.status).toBe(400)
    expect(answer.body.access_token).toBeUndefined()
    expect(['invalid_grant', 'invalid_request']).toContain(answer.body.error)
  })
})

test('a verifier does not spend the code of another request (code injection, RFC 9700 §4.5.3)', async () => {
  const client = await server.client('spa')
  const [victim, attacker] = [pkce(), pkce()]
  const stolen = await authorize(server.visitor(), client, victim, { name: 'victim' })
  const own = await authorize(server.visitor(), client, attacker, { name: 'attacker' })
  expect((await redeem(server, client, stolen.searchParams.get('code') ?? '', attacker)).body.error).toBe(
    'invalid_grant',
  )
  expect((await redeem(server, client, own.searchParams.get('code') ?? '', attacker)).status).toBe(200)
})
