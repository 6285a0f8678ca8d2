import { expect, test } from 'vitest'
import { Refusal } from '../../../server/errors.ts'
import { buildMetadata } from '../../../server/oidc/client-metadata.ts'
import { clientRules } from '../../../server/oidc/client-rules.ts'
import { resourceScopesOf } from '../../../server/oidc/client-scopes.ts'
import { profiles } from '../../../server/oidc/profiles.ts'

const rules = {
  validate: clientRules(async () => Promise.reject(new Error('nothing is asked'))),
  resourceScopes: ['notes:read', 'notes:write'],
  pdsScopes: ['transition:generic'],
}
const name = { client_name: 'Example' }
const web = { ...name, redirect_uris: ['https://app.example/cb'] }

function build(profile: string, given: Record<string, unknown>, id = 'example') {
  return buildMetadata({ id, profile, given, firstParty: profile === 'otp' }, rules)
}

async function refusal(profile: string, given: Record<string, unknown>, id?: string): Promise<string> {
  const error = await build(profile, given, id).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(Refusal)
  return (error as Refusal).message
}

const jwks = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', kid: 'one' }] }

const examples: Record<string, Record<string, unknown>> = {
  web,
  fapi2: { ...web, jwks },
  spa: web,
  'mini-app': { ...web, telegram_bot_id: '9876543210' },
  native: { ...name, redirect_uris: ['com.example.app:/cb'] },
  device: name,
  mcp: { ...name, redirect_uris: ['http://127.0.0.1/callback', 'https://assistant.example/callback'] },
  service: { ...name, scope: 'notes:read' },
  ifttt: { service_id: 'example_service' },
  resource: name,
  otp: { ...name, origins: ['https://shop.example'] },
}

test.each(Object.values(profiles))(
  'what profile $name sets stands in the metadata, and the library takes it',
  async (profile) => {
    const metadata = await build(profile.name, examples[profile.name] ?? {})
    expect(metadata).toMatchObject(profile.metadata)
    expect(metadata['token_endpoint_auth_method'] === 'none').toBe(!profile.confidential)
  },
)

test.each(Object.values(profiles))('metadata of profile $name is taken again as it was stored', async (profile) => {
  const metadata = await build(profile.name, examples[profile.name] ?? {})
  expect(await build(profile.name, metadata)).toEqual(metadata)
})

test('a device that may ask in chats is a client with a secret and one grant type more, polls, and stays so (CIBA §4)', async () => {
  const metadata = await build('device', { ...name, approve_in_chat: true })
  expect(metadata).toMatchObject({
    approve_in_chat: true,
    token_endpoint_auth_method: 'client_secret_basic',
    backchannel_token_delivery_mode: 'poll',
  })
  expect(metadata['grant_types']).toEqual([
    ...(profiles.device.metadata['grant_types'] as string[]),
    'urn:openid:params:grant-type:ciba',
  ])
  expect(await build('device', metadata)).toEqual(metadata)
  expect(await refusal('device', { ...name, approve_in_chat: 'yes' })).toContain('"approve_in_chat" must be true')
  expect(await refusal('web', { ...web, approve_in_chat: true })).toContain('is not for profile web')
  const grant_types = ['urn:openid:params:grant-type:ciba']
  expect(await refusal('device', { ...name, grant_types })).toContain('is set by profile device')
})

test('a client of FAPI 2.0 has a key or a certificate, tokens bound to one of them, and no RS256 (§5.3.2.1, §5.4.1)', async () => {
  const metadata = await build('fapi2', { ...web, jwks })
  expect(metadata).toMatchObject({
    token_endpoint_auth_method: 'private_key_jwt',
    require_pushed_authorization_requests: true,
    dpop_bound_access_tokens: true,
  })
  const byCertificate = await build('fapi2', { ...web, jwks, tls_client_certificate_bound_access_tokens: true })
  expect(byCertificate).not.toHaveProperty('dpop_bound_access_tokens')
  expect(await build('fapi2', byCertificate)).toEqual(byCertificate)
  expect(await refusal('fapi2', web)).toContain('needs its keys')
  for (const method of ['client_secret_basic', 'client_secret_post', 'none'])
    expect(await refusal('fapi2', { ...web, jwks, token_endpoint_auth_method: method })).toContain(
      'is one of private_key',
    )
  expect(await refusal('fapi2', { ...web, jwks, require_pushed_authorization_requests: false })).toContain('is set by')
  expect(await refusal('fapi2', { ...web, jwks, dpop_bound_access_tokens: false })).toContain('is set by')
  expect(await refusal('fapi2', { ...web, jwks, userinfo_signed_response_alg: 'RS256' })).toContain('cannot be RS256')
  const redirect_uris = ['http://localhost:4000/cb']
  expect(await refusal('fapi2', { ...name, jwks, redirect_uris })).toContain('https addresses alone')
})

test('whoever signs requests has keys, and what is demanded is demanded or left out', async () => {
  expect(await refusal('web', { ...web, require_signed_request_object: true })).toContain('needs its keys')
  expect(await refusal('web', { ...web, require_pushed_authorization_requests: false })).toContain('must be true')
  expect(await refusal('web', { ...web, jwks, request_object_signing_alg: 'none' })).toContain('is one of ES256')
  expect(await refusal('web', { ...web, authorization_signed_response_alg: 'HS256' })).toContain('is one of RS256')
})

test('every code flow demands PKCE, or says in words why it does not and what it does instead (RFC 9700 §2.1.1)', () => {
  for (const { name, pkceRequired, exceptions } of Object.values(profiles)) {
    const said = exceptions.filter(({ from, instead, because }) => from.includes('PKCE') && instead && because)
    expect(said, name).toHaveLength(pkceRequired ? 0 : 1)
  }
})

test('codes for a service on IFTTT go to one address, which follows from its id and from nothing else', async () => {
  const metadata = await build('ifttt', { service_id: 'example_service' })
  expect(metadata).toMatchObject({
    client_name: 'IFTTT',
    redirect_uris: ['https://ifttt.com/channels/example_service/authorize'],
  })
  const redirect_uris = ['https://ifttt.com/channels/other/authorize']
  expect(await refusal('ifttt', { service_id: 'example_service', redirect_uris })).toContain('"redirect_uris" is set')
  expect(await refusal('ifttt', {})).toContain('--service-id')
  expect(await refusal('web', { ...web, service_id: 'example_service' })).toContain(
    '"service_id" is not for profile web',
  )
})

test.each(['', '../other', 'a/b', 'a?b', 'a#b', 'a b', 'a%2fb', 'ä', 'a\n', '.', 'x'.repeat(101), 7, ['a']])(
  'an id of a service that would lead codes elsewhere is refused: %j',
  async (service_id) => {
    expect(await refusal('ifttt', { service_id })).toContain('id of a service')
  },
)

test('the scope of IFTTT is implied, may be repeated, and is all that its client has', async () => {
  const implied = await build('ifttt', { service_id: 'x' })
  expect(resourceScopesOf(implied)).toEqual(['ifttt'])
  expect(await build('ifttt', { service_id: 'x', scope: 'ifttt' })).toEqual(implied)
  expect(await build('ifttt', { service_id: 'x', scope: 'openid ifttt' })).toEqual(implied)
  for (const scope of ['email', 'ifttt notes:read', 'offline_access']) {
    expect(await refusal('ifttt', { service_id: 'x', scope })).toContain('"scope" is set by profile ifttt')
  }
})

test.each(Object.values(profiles))('profile $name is ours to give away only where it may be', async (profile) => {
  const building = buildMetadata(
    { id: 'example', profile: profile.name, given: examples[profile.name] ?? {}, firstParty: true },
    rules,
  )
  await (profile.mayBeFirstParty ? building : expect(building).rejects.toThrow('always asked'))
})

test.each(['implicit', 'password', 'client_credentials'])(
  'no grant type is added but those that need more to open anything: %s',
  async (one) => {
    const grant_types = ['authorization_code', 'refresh_token', one]
    expect(await refusal('web', { ...web, grant_types })).toContain(
      `The grant type "${one}" cannot be added to profile web`,
    )
    expect(await refusal('spa', { ...web, grant_types })).toContain('"grant_types" is set by profile spa')
  },
)

test('a grant type that is added stands beside those of the profile, and stays when it is given back', async () => {
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const { grant_types } = await buildMetadata(
    { id: 'example', profile: 'web', given: { ...web, grant_types: [exchange] } },
    rules,
  )
  expect(grant_types).toEqual(['authorization_code', 'refresh_token', exchange])
  const again = await buildMetadata({ id: 'example', profile: 'web', given: { ...web, grant_types } }, rules)
  expect(again['grant_types']).toEqual(grant_types)
})

test.each([
  ['response_types', ['code id_token']],
  ['application_type', 'native'],
])('what the profile sets cannot be given: %s', async (member, value) => {
  expect(await refusal('web', { ...web, [member]: value })).toContain(`"${member}" is set by profile web`)
})

test.each(['client_secret', 'first_party', '__proto__x'])('what no profile takes is refused: %s', async (member) => {
  expect(await refusal('web', { ...web, [member]: 'x' })).toContain(`"${member}" is not for profile web`)
})

test('no client is named as people are, so that no API takes one for the other (RFC 9700 §4.15)', async () => {
  expect(await refusal('service', { ...name, scope: 'notes:read' }, 'usr_mallory')).toContain('ids of people')
})

test('all problems are said at once', async () => {
  const message = await refusal('web', {
    client_name: ' ',
    redirect_uris: ['http://app.example/cb', 'https://app.example/#x'],
    logo_uri: 'http://app.example/logo.png',
    scope: 'openid nonsense',
  })
  for (const part of ['name', 'http://app.example/cb', 'fragment', 'logo_uri', 'nonsense'])
    expect(message).toContain(part)
})

test.each(['\u001b[2J', 'a\nb', 'a\u202eb', 'a\u200bb', 'a\u009bb', 'x'.repeat(101)])(
  'a name that would fool whoever reads it is refused: %j',
  async (client_name) => {
    expect(await refusal('web', { ...web, client_name })).toContain('The name')
  },
)

test.each(["O'Brien & Söhne <b>", '"; rm -rf /', '名前', '$(id)', '-x'])(
  'an odd but honest name is taken: %j',
  async (client_name) => {
    expect(await build('web', { ...web, client_name })).toMatchObject({ client_name })
  },
)

test.each(['-x', '', 'a b', 'a:b', 'a/b', 'ä', 'x'.repeat(129), '../x'])(
  'a client id that trips others up is refused: %j',
  async (id) => {
    expect(await refusal('web', web, id)).toContain('client id')
  },
)

test.each([
  ['redirect_uris', 'https://app.example/cb'],
  ['redirect_uris', [1]],
  ['post_logout_redirect_uris', {}],
  ['scope', ['openid']],
  ['client_name', 5],
  ['logo_uri', ['https://app.example/logo.png']],
  ['default_max_age', -1],
  ['require_auth_time', 'yes'],
  ['contacts', ['nobody']],
])('a member of the wrong type is refused in words, not with a crash: %s = %j', async (member, value) => {
  expect(await refusal('web', { ...web, [member]: value })).not.toBe('')
})

test('scopes of APIs are kept apart, and none is allowed that was not named', async () => {
  const some = await build('web', { ...web, scope: 'openid notes:read' })
  expect(some['scope']).toBe('openid')
  expect(resourceScopesOf(some)).toEqual(['notes:read'])
  const none = await build('web', web)
  expect(none['scope']).toBe('openid profile email atproto offline_access')
  expect(resourceScopesOf(none)).toEqual([])
})

test('a client of an API alone is not thereby allowed everything about the person', async () => {
  expect((await build('web', { ...web, scope: 'notes:read' }))['scope']).toBe('openid')
})

test('a program without a person asks for nothing about persons', async () => {
  expect(await refusal('service', { ...name, scope: 'email' })).toContain('signs nobody in')
  expect(await refusal('service', { ...name, redirect_uris: ['https://app.example/cb'] })).toContain('redirect_uris')
})

test('the library has the last word', async () => {
  const validate = () =>
    Promise.reject(Object.assign(new Error(), { error: 'invalid_client_metadata', error_description: 'no' }))
  await expect(buildMetadata({ id: 'a', profile: 'web', given: web }, { ...rules, validate })).rejects.toThrow('no.')
})

test('a failure of the library is no fault of the person', async () => {
  const validate = () => Promise.reject(new TypeError('bug'))
  await expect(buildMetadata({ id: 'a', profile: 'web', given: web }, { ...rules, validate })).rejects.toThrow(
    TypeError,
  )
})

test('an app may demand one way to sign in, by its id', async () => {
  expect(await build('web', { ...web, required_identity: 'atproto' })).toMatchObject({ required_identity: 'atproto' })
  for (const required_identity of ['', 'Google', 'a b', '<b>', ['atproto'], 5, 'x'.repeat(65)]) {
    expect(await refusal('web', { ...web, required_identity })).toContain('required_identity')
  }
  expect(await refusal('service', { ...name, scope: 'notes:read', required_identity: 'atproto' })).toContain('service')
})
