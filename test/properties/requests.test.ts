/**
 * What requests carry beside plain parameters (certificates, claims, authorization details, names of people, addresses of
 * clients), and every endpoint that discovery names: whatever comes is refused as the standards say, never a server error.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { readCertificate } from '../../server/client-certificate.ts'
import { acrDemand, levels, reaches, statedAcr } from '../../server/oidc/acr.ts'
import { detailFault, detailLines, readTypes } from '../../server/oidc/authorization-types.ts'
import { isAllowedHost, isDocumentAddress } from '../../server/oidc/document-address.ts'
import { readSubject } from '../../server/oidc/subject-identifiers.ts'
import { always, hostileJson, hostileText, near } from '../support/properties.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import { settingsOf, standards } from '../support/standards.ts'

always('what is no certificate is read as none', fc.oneof(hostileText, near(':MIIB:')), (text) => {
  expect(readCertificate(text)).toBeUndefined()
})

always(
  'a level that is asked for is read, or said to be none; more than there is is never stated',
  hostileJson,
  (asked) => {
    try {
      const demand = acrDemand(asked)
      for (const level of levels) expect(reaches(level, String(statedAcr(level, demand)))).toBe(true)
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError)
      expect((error as Error).message).toContain('value must be a text')
    }
  },
)

describe('authorization details (RFC 9396)', () => {
  always('of an API are declared in words, or refused in words', fc.dictionary(hostileText, hostileJson), (given) => {
    const { types, problems } = readTypes(given)
    if (problems.length > 0) expect(types).toEqual({})
    for (const problem of problems) expect(problem).toMatch(/\.$/)
  })

  const { types, problems } = readTypes({
    payment: {
      title: 'Make a payment',
      properties: {
        amount: { type: 'number', title: 'Amount', minimum: 0 },
        to: { type: 'string', title: 'To' },
        actions: { type: 'array', items: { type: 'string' } },
        note: { type: 'object', properties: { text: { type: 'string' } } },
      },
    },
  })
  const value = fc.oneof(
    hostileJson,
    fc.constant(12.5),
    fc.constant('Example'),
    fc.constant(['one', 'two']),
    fc.constant({ text: 'x' }),
  )
  const name = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('amount', 'to', 'actions', 'note') },
    { weight: 1, arbitrary: hostileText },
  )

  always(
    'that are taken are known member by member, and all of them are shown',
    fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true }),
    (detail) => {
      expect(problems).toEqual([])
      const type = types['payment'] ?? { title: '', properties: {} }
      if (detailFault(type, { type: 'payment', ...detail }) !== undefined) return
      const shown = detailLines(type, detail)
        .map(({ value: text }) => text)
        .join('\n')
      for (const member of Object.keys(detail))
        expect(['amount', 'to', 'actions', 'note', 'type', 'locations']).toContain(member)
      if (typeof detail['to'] === 'string') expect(shown).toContain(detail['to'])
      if (detail['amount'] !== undefined) expect(shown).toContain(String(detail['amount']))
    },
  )
})

always(
  'a person is named in a format that is known, or not at all (RFC 9493)',
  fc.oneof(
    hostileJson,
    fc.record(
      {
        format: fc.constantFrom('opaque', 'iss_sub', 'email', 'did', 'aliases'),
        id: hostileJson,
        iss: hostileText,
        sub: hostileJson,
        identifiers: hostileJson,
      },
      { requiredKeys: ['format'] },
    ),
  ),
  (json) => {
    for (const subject of readSubject(json) ?? []) {
      for (const text of Object.values(subject)) expect(text).toMatch(/^[^\0]{1,500}$/)
    }
  },
)

always(
  'a client id that is an address has one form, by https, without user and fragment',
  fc.oneof(hostileText, near('https://app.example/client.json')),
  (text) => {
    if (!isDocumentAddress(text)) return
    const url = new URL(text)
    expect([url.href, url.protocol, url.username, url.password, url.hash]).toEqual([text, 'https:', '', '', ''])
    if (isAllowedHost(text, ['*.example'])) expect(url.hostname).toMatch(/\.example$/)
  },
)

describe('every endpoint that discovery names', () => {
  let server: TestServer
  let client: TestClient
  let addresses: string[]
  beforeAll(async () => {
    const { TELEGRAM_BOT_TOKEN: _, ...settings } = settingsOf(standards)
    server = await startTestServer({ settings })
    client = await server.client('web')
    const discovery = (await (await fetch(`${server.origin}/.well-known/openid-configuration`)).json()) as object
    addresses = Object.entries(discovery).flatMap(([name, value]) =>
      name.endsWith('_endpoint') ? [String(value)] : [],
    )
    expect(addresses.length).toBeGreaterThan(8)
  })
  afterAll(() => server.stop())

  const names = [
    'grant_type',
    'code',
    'client_id',
    'client_secret',
    'client_assertion',
    'client_assertion_type',
    'redirect_uri',
    'scope',
    'resource',
    'audience',
    'token',
    'refresh_token',
    'subject_token',
    'subject_token_type',
    'actor_token',
    'requested_token_type',
    'assertion',
    'device_code',
    'user_code',
    'auth_req_id',
    'login_hint',
    'binding_message',
    'claims',
    'authorization_details',
    'request',
    'request_uri',
    'acr_values',
    'max_age',
    'response_mode',
    'response_type',
    'code_challenge',
    'prompt',
    'id_token_hint',
    'logout_hint',
    'sub_id',
  ]
  const values = fc.oneof(
    hostileText,
    hostileJson.map((json) => JSON.stringify(json) ?? ''),
    fc.constantFrom(
      'authorization_code',
      'refresh_token',
      'client_credentials',
      'code',
      'openid',
      '[{"type":"payment"}]',
      'eyJhbGciOiJub25lIn0.e30.',
    ),
    fc.constantFrom(
      ...['token-exchange', 'jwt-bearer', 'device_code'].map((grant) => `urn:ietf:params:oauth:grant-type:${grant}`),
    ),
    fc.constantFrom(...['access_token', 'id_token', 'jwt'].map((type) => `urn:ietf:params:oauth:token-type:${type}`)),
  )
  const request = fc.record({
    at: fc.nat(),
    how: fc.constantFrom('form', 'json', 'query'),
    authenticated: fc.boolean(),
    fields: fc.array(fc.tuple(fc.constantFrom(...names), values), { maxLength: 6 }),
    json: hostileJson,
    headers: fc.dictionary(
      fc.constantFrom('dpop', 'authorization', 'accept-language', 'cookie', 'origin', 'content-language'),
      fc.string({ maxLength: 60 }),
    ),
  })

  always(
    'answers every request, and none with an error of its own',
    request,
    async ({ at, how, authenticated, fields, json, headers }) => {
      const address = addresses[at % addresses.length] ?? ''
      const params = new URLSearchParams(fields)
      const basic = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`
      const sent: Record<string, string> = {}
      for (const [name, value] of Object.entries(headers)) if (/^[\x21-\x7e]+$/.test(value)) sent[name] = value
      if (authenticated) sent['authorization'] = basic
      const init: RequestInit =
        how === 'form'
          ? { method: 'POST', body: params }
          : how === 'json'
            ? { method: 'POST', body: JSON.stringify(json) ?? '', headers: { 'content-type': 'application/json' } }
            : {}
      const target = how === 'query' ? `${address}?${params}` : address
      const response = await fetch(target, {
        redirect: 'manual',
        ...init,
        headers: { ...sent, ...(init.headers as object) },
      })
      const text = await response.text()
      expect(response.status, `${target} ${text}`).toBeLessThan(500)
      const location = response.headers.get('location')
      if (location !== null) expect(new URL(location, server.origin).origin).toBe(server.origin)
    },
    { runs: 600 },
  )
})
