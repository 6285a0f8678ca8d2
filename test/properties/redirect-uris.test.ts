/** Where answers are sent: only what was registered, and only what can be registered without harm. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { Refusal } from '../../server/errors.ts'
import { buildMetadata } from '../../server/oidc/client-metadata.ts'
import { clientRules } from '../../server/oidc/client-rules.ts'
import { profiles } from '../../server/oidc/profiles.ts'
import { redirectUriProblem } from '../../server/oidc/redirect-uris.ts'
import { contentSecurityPolicy, formTargetsOf } from '../../server/pages.ts'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { always, hostileJson, hostileText, near } from '../support/properties.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

const samples = [
  'https://app.example/cb?from=auth',
  'http://127.0.0.1:4000/cb',
  'http://[::1]/cb',
  'com.example.app:/cb',
]
const uris = fc.oneof(hostileText, ...samples.map(near))
const kinds = fc.constantFrom(profiles.web, profiles.spa, profiles.native)

always(
  'what may be registered is one address in one form, without user, fragment and danger',
  fc.tuple(uris, kinds),
  ([uri, profile]) => {
    if (redirectUriProblem(uri, profile) !== undefined) return
    const url = new URL(uri)
    expect([uri, `${uri}/`]).toContain(url.href)
    expect([url.username, url.password, url.hash]).toEqual(['', '', ''])
    expect(uri).toMatch(/^[\x21-\x7e]+$/)
    if (url.protocol === 'http:') expect(['localhost', '127.0.0.1', '[::1]']).toContain(url.hostname)
    else if (url.protocol !== 'https:')
      expect([profile.name, url.protocol]).toEqual(['native', expect.stringMatching(/\./)])
    // It stands in a header of our pages.
    for (const target of formTargetsOf(uri)) expect(target).toMatch(/^[^\s;,']+$/)
    expect(contentSecurityPolicy(formTargetsOf(uri)).split(';')).toHaveLength(contentSecurityPolicy().split(';').length)
  },
  { runs: 4000 },
)

describe('at the authorization endpoint', () => {
  let server: TestServer
  let clients: TestClient[]
  beforeAll(async () => {
    server = await startTestServer()
    clients = await Promise.all([
      server.client('web', { redirect_uris: [samples[0]] }),
      server.client('native', { redirect_uris: [samples[2], samples[3]] }),
    ])
  })
  afterAll(() => server.stop())

  const sent = fc.record({
    uri: uris,
    isWeb: fc.boolean(),
    prompt: fc.constantFrom('none', 'login'),
    twice: fc.boolean(),
  })

  always(
    'nothing is sent but where it was registered, whatever is asked for (RFC 9700 §2.1, §4.11.2)',
    sent,
    async ({ uri, isWeb, prompt, twice }) => {
      const client = clients[isWeb ? 0 : 1] as TestClient
      const address = authorizeUrl(client, pkce(), { redirect_uri: uri, prompt })
      const further = twice ? `&${new URLSearchParams({ redirect_uri: uri })}` : ''
      const { status, url, left, headers, text } = await server.visitor().request(address + further)
      expect(status).toBeLessThan(500)
      expect(text).not.toMatch(/http-equiv="?refresh|<script/i)
      if (!left) {
        if (status >= 400) expect(headers.get('location')).toBeNull()
        return
      }
      const target = url.href.replace(/([?&])(error|state|iss)=.*$/, '')
      if (isWeb) expect(target).toBe(samples[0])
      else
        expect(target.replace(/^http:\/\/\[::1\](:\d+)?/, 'http://[::1]')).toMatch(
          /^(http:\/\/\[::1\]\/cb|com\.example\.app:\/cb)$/,
        )
    },
    { runs: 250 },
  )
})

describe('metadata of a client', () => {
  const rules = {
    validate: clientRules(async () => Promise.reject(new Error('nothing is asked'))),
    resourceScopes: ['notes:read'],
    pdsScopes: ['transition:generic'],
  }
  const members = [
    ...new Set(Object.values(profiles).flatMap(({ mayAdd, metadata }) => [...mayAdd, ...Object.keys(metadata)])),
  ]
  const value = fc.oneof(
    hostileJson,
    uris,
    fc.array(uris, { maxLength: 3 }),
    fc.boolean(),
    // A key set of one key whose members may be anything.
    fc
      .dictionary(
        fc.constantFrom('kty', 'n', 'e', 'crv', 'x', 'kid', 'alg'),
        fc.oneof(hostileJson, fc.constantFrom('RSA', 'EC')),
      )
      .map((key) => ({ keys: [key] })),
    fc.constantFrom(
      'openid',
      'openid email',
      'none',
      'Example',
      'ES256',
      'implicit',
      ['implicit'],
      ['https://app.example/cb'],
    ),
  )
  const given = fc.tuple(
    fc.constantFrom(...Object.keys(profiles)),
    fc.dictionary(fc.oneof(fc.constantFrom(...members), hostileText), value, { maxKeys: 4, noNullPrototype: true }),
    fc.boolean(),
  )

  always(
    'is registered as it was understood, or refused in words; it allows nothing that OAuth 2.1 does not',
    given,
    async ([profile, some, complete]) => {
      const least = { client_name: 'Example', redirect_uris: [samples[profile === 'native' ? 3 : 0]] }
      const request = { id: 'example', profile, given: complete ? { ...least, ...some } : some }
      const built = await buildMetadata(request, rules).catch((error: unknown) => {
        expect(error).toBeInstanceOf(Refusal)
        return undefined
      })
      if (built === undefined) return
      expect(await buildMetadata({ ...request, given: built }, rules)).toEqual(built)
      expect(JSON.stringify([built['grant_types'], built['response_types']])).not.toMatch(
        /implicit|password|"token|id_token/,
      )
      const { redirectUris, confidential, name } = profiles[profile as keyof typeof profiles]
      for (const uri of (built['redirect_uris'] ?? []) as string[]) {
        if (redirectUris === 'web' || redirectUris === 'native')
          expect(redirectUriProblem(uri, { name, redirectUris })).toBeUndefined()
      }
      if (!confidential && built['approve_in_chat'] === undefined)
        expect(built['token_endpoint_auth_method']).toBe('none')
    },
    { runs: 1500 },
  )
})
