import { expect, test } from 'vitest'
import { clients } from '../../adapters/postgres/clients.ts'
import { isClientSecret } from '../../server/oidc/client-secrets.ts'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'

const example = [
  'client',
  'add',
  '--profile',
  'web',
  '--name',
  'Example',
  '--redirect-uri',
  'https://app.example/cb',
  '--json',
]

function open(database: TestDatabase) {
  return { run: commandLine(database.store), store: clients(database.store.db, () => new Date()) }
}

async function added(run: CommandLine, argv: readonly string[] = example) {
  const result = await run(argv)
  expect(result, result.stderr).toMatchObject({ exitCode: 0 })
  return result.json() as { client_id: string; client_secret: string; [key: string]: unknown }
}

test('client add answers id and secret as one line of JSON', async () => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const client = await added(run)
  expect(client).toMatchObject({
    client_name: 'Example',
    redirect_uris: ['https://app.example/cb'],
    profile: 'web',
    first_party: false,
    token_endpoint_auth_method: 'client_secret_basic',
  })
  expect(isClientSecret(client.client_secret, (await store.find(client.client_id))?.secretHashes ?? [])).toBe(true)
})

test('a secret is shown once, and stands neither in the database nor in any later answer', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const first = await added(run)
  const second = (await run(['client', 'rotate-secret', first.client_id, '--json'])).json()
  const api = (await run(['resource', 'add', 'https://api.example', '--name', 'API', '--json'])).json()
  const later = await Promise.all(
    [
      ['client', 'show', first.client_id],
      ['client', 'list'],
      ['client', 'export', '--with-secret-hashes'],
      ['resource', 'list'],
      ['doctor'],
    ]
      .flatMap((argv) => [argv, [...argv, '--json']])
      .map((argv) => run(argv)),
  )
  const everything = [await database.dump(), ...later.map(({ stdout, stderr }) => stdout + stderr)].join('\n')
  for (const secret of [first.client_secret, second.client_secret, api.client_secret]) {
    expect(secret).toMatch(/^[\w-]{43}$/)
    expect(everything).not.toContain(secret)
  }
  expect((await run(['client', 'show', first.client_id])).stdout).not.toContain('sha256:')
})

test('public clients have no secret', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const spa = await added(run, [
    'client',
    'add',
    '--profile',
    'spa',
    '--name',
    'App',
    '--redirect-uri',
    'http://localhost:4000/cb',
    '--json',
  ])
  expect(spa).not.toHaveProperty('client_secret')
  expect(spa).toMatchObject({ token_endpoint_auth_method: 'none', secrets: 0 })
  expect(await run(['client', 'rotate-secret', spa.client_id])).toMatchObject({ exitCode: 1 })
})

test('a Mini App may belong to another bot, has no secret, and all of its addresses are of one origin', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const words = ['client', 'add', '--name', 'Orders', '--redirect-uri', 'https://orders.example/cb', '--json']
  const app = await added(run, [...words, '--profile', 'mini-app', '--telegram-bot-id', '9876543210'])
  expect(app).not.toHaveProperty('client_secret')
  expect(app).toMatchObject({ telegram_bot_id: '9876543210', token_endpoint_auth_method: 'none' })
  const refused = async (...further: string[]) => (await run([...words, ...further])).stderr
  expect(await refused('--profile', 'mini-app', '--telegram-bot-id', '12:secret')).toContain('before the colon')
  expect(await refused('--profile', 'spa', '--telegram-bot-id', '12')).toContain('not for profile spa')
  const elsewhere = ['--redirect-uri', 'https://other.example/cb']
  expect(await refused('--profile', 'mini-app', ...elsewhere)).toContain('origin')
})

test('a client for devices has neither secret nor redirect URI, and may ask for what people have (RFC 8628)', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const words = ['client', 'add', '--profile', 'device', '--name', 'Television', '--scope', 'openid profile', '--json']
  const television = await added(run, words)
  expect(television).not.toHaveProperty('client_secret')
  expect(television).toMatchObject({
    token_endpoint_auth_method: 'none',
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
    redirect_uris: [],
    scope: 'openid profile',
  })
  const refused = await run([...words, '--redirect-uri', 'https://app.example/cb'])
  expect(refused.exitCode).toBe(1)
  expect(refused.stderr).toContain('A client of profile device has no redirect URI')
  const update = await run(['client', 'update', television.client_id, '--scope', 'openid', '--json'])
  expect(update.json()).toMatchObject({ scope: 'openid' })
})

test('a client for devices that may ask in chats has a secret, given at once or made when it becomes one', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const bot = await added(run, ['client', 'add', '--profile', 'device', '--name', 'Bot', '--approve-in-chat', '--json'])
  expect(bot).toMatchObject({ client_secret: expect.any(String), approve_in_chat: true, secrets: 1 })
  expect((await run(['client', 'show', bot.client_id])).stdout).toContain('approve_in_chat: true')
  const other = await added(run, ['client', 'add', '--profile', 'device', '--name', 'Lamp', '--json'])
  const update = await run(['client', 'update', other.client_id, '--approve-in-chat', '--json'])
  expect(update.json()).toMatchObject({
    token_endpoint_auth_method: 'client_secret_basic',
    client_name: 'Lamp',
    needs_secret: true,
  })
  const rotated = (await run(['client', 'rotate-secret', other.client_id, '--json'])).json()
  expect(rotated).toMatchObject({ client_secret: expect.any(String), secrets: 1 })
  const renamed = await run(['client', 'update', other.client_id, '--name', 'Light', '--json'])
  expect(renamed.json()).toMatchObject({ approve_in_chat: true, client_name: 'Light', scope: other['scope'] })
  expect(renamed.json()).not.toHaveProperty('needs_secret')
})

test.each([
  ['https://app.example/cb#fragment', 'fragment'],
  ['https://*.app.example/cb', 'wildcard'],
  ['http://app.example/cb', 'https'],
])('a wrong redirect URI is refused with the reason: %s', async (uri, reason) => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const result = await run(['client', 'add', '--profile', 'web', '--name', 'Example', '--redirect-uri', uri, '--json'])
  expect(result.exitCode).toBe(1)
  expect(result.stderr).toContain(reason)
  expect(result.json().message).toContain(reason)
  expect(await store.list()).toEqual([])
})

test.each([['resource'], ['admin'], ['constructor'], ['']])('profile %j cannot be chosen', async (profile) => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const result = await run([
    'client',
    'add',
    '--profile',
    profile,
    '--name',
    'x',
    '--redirect-uri',
    'https://app.example/cb',
  ])
  expect(result.exitCode).toBe(2)
  expect(result.stderr).toContain('web, spa, native, service')
})

test('an id that is taken is refused, and the secret of its owner stays valid', async () => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const first = await added(run, [...example, '--client-id', 'mine'])
  expect(await run([...example, '--client-id', 'mine'])).toMatchObject({ exitCode: 1 })
  expect(isClientSecret(first.client_secret, (await store.find('mine'))?.secretHashes ?? [])).toBe(true)
})

test('names that a shell would trip over arrive as they are', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const name = `$(touch /tmp/x) "quoted" 'single' \`back\` ; | & \\ é 名`
  const client = await added(run, ['client', 'add', '--profile', 'service', `--name=${name}`, '--json'])
  expect((await run(['client', 'show', client.client_id, '--json'])).json().client_name).toBe(name)
})

test('an update changes what is named and keeps the rest', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  await run(['resource', 'add', 'https://api.example', '--name', 'API', '--scope', 'notes:read'])
  const { client_id } = await added(run, [
    ...example,
    '--scope',
    'openid notes:read',
    '--logo-uri',
    'https://app.example/logo.png',
  ])
  const updated = (await run(['client', 'update', client_id, '--name', 'Renamed', '--first-party', '--json'])).json()
  expect(updated).toMatchObject({
    client_name: 'Renamed',
    first_party: true,
    redirect_uris: ['https://app.example/cb'],
    scope: 'openid',
    resource_scopes: 'notes:read',
    logo_uri: 'https://app.example/logo.png',
    secrets: 1,
  })
  const without = (
    await run(['client', 'update', client_id, '--logo-uri', '', '--scope', 'openid email', '--third-party', '--json'])
  ).json()
  expect(without).not.toHaveProperty('logo_uri')
  expect(without).not.toHaveProperty('resource_scopes')
  expect(without).toMatchObject({ scope: 'openid email', first_party: false })
})

test('an update is held to the same rules', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const { client_id } = await added(run)
  expect(await run(['client', 'update', client_id, '--redirect-uri', 'http://app.example/cb'])).toMatchObject({
    exitCode: 1,
  })
  expect(await run(['client', 'update', client_id])).toMatchObject({ exitCode: 2 })
  expect((await run(['client', 'show', client_id, '--json'])).json().redirect_uris).toEqual(['https://app.example/cb'])
})

test('rotation leaves the newest secret before it valid, unless it leaked', async () => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const { client_id, client_secret: first } = await added(run)
  const rotate = async (...more: string[]): Promise<string> =>
    (await run(['client', 'rotate-secret', client_id, '--json', ...more])).json().client_secret
  const valid = async (...secrets: string[]) => {
    const hashes = (await store.find(client_id))?.secretHashes ?? []
    return secrets.map((secret) => isClientSecret(secret, hashes))
  }
  const second = await rotate()
  expect(await valid(first, second)).toEqual([true, true])
  const third = await rotate()
  expect(await valid(first, second, third)).toEqual([false, true, true])
  const fourth = await rotate('--revoke-old')
  expect(await valid(second, third, fourth)).toEqual([false, false, true])
})

test('a client is disabled, enabled and removed', async () => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const { client_id } = await added(run)
  expect((await run(['client', 'disable', client_id, '--json'])).json().disabled_at).not.toBeNull()
  expect((await run(['client', 'enable', client_id, '--json'])).json().disabled_at).toBeNull()
  expect(await run(['client', 'remove', client_id])).toMatchObject({ exitCode: 0 })
  expect(await store.find(client_id)).toBeUndefined()
  expect(await run(['client', 'remove', client_id])).toMatchObject({ exitCode: 1 })
})

test('what was done to clients stands in the audit trail, without secrets', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const { client_id } = await added(run)
  for (const verb of ['rotate-secret', 'disable', 'enable', 'remove']) await run(['client', verb, client_id])
  const rows = await database.store.db.selectFrom('audit_events').selectAll().orderBy('id').execute()
  expect(rows.map(({ event, client_id: id }) => [event, id])).toEqual(
    ['added', 'secret-rotated', 'disabled', 'enabled', 'removed'].map((verb) => [`client.${verb}`, client_id]),
  )
})

test('what is exported is imported elsewhere, and a second time changes nothing', async () => {
  await using from = await openTestDatabase()
  await using to = await openTestDatabase()
  const [source, target] = [open(from), open(to)]
  const web = await added(source.run)
  const spa = await added(source.run, [
    'client',
    'add',
    '--profile',
    'spa',
    '--name',
    'App',
    '--redirect-uri',
    'https://spa.example/cb',
    '--json',
  ])
  await source.run(['client', 'disable', spa.client_id])
  const lines = (await source.run(['client', 'export', '--with-secret-hashes'])).stdout
  const array = (await source.run(['client', 'export', '--with-secret-hashes', '--json'])).stdout
  expect(
    lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(JSON.parse(array))

  const outcomes = async (input: string) =>
    (await target.run(['client', 'import', '--json'], input))
      .json()
      .clients.map((it: { outcome: string }) => it.outcome)
  expect(await outcomes(lines)).toEqual(['added', 'added'])
  const imported = await to.dump()
  expect(await outcomes(lines)).toEqual(['unchanged', 'unchanged'])
  expect(await outcomes(array)).toEqual(['unchanged', 'unchanged'])
  expect(await to.dump()).toBe(imported)
  expect(isClientSecret(web.client_secret, (await target.store.find(web.client_id))?.secretHashes ?? [])).toBe(true)
  expect((await target.store.find(spa.client_id))?.disabledAt).toBeDefined()
})

test('hashes of secrets are exported only when asked for, and an import without them keeps those that are there', async () => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const { client_id, client_secret } = await added(run)
  const plain = (await run(['client', 'export', '--json'])).json()
  expect(JSON.stringify(plain)).not.toContain('sha256')
  const renamed = JSON.stringify([{ ...plain[0], client_name: 'Renamed' }])
  expect((await run(['client', 'import', '--json'], renamed)).json().clients).toEqual([
    { client_id, outcome: 'updated', needs_secret: false },
  ])
  const client = await store.find(client_id)
  expect(client?.metadata['client_name']).toBe('Renamed')
  expect(isClientSecret(client_secret, client?.secretHashes ?? [])).toBe(true)
})

const fine = { client_id: 'fine', profile: 'spa', client_name: 'Fine', redirect_uris: ['https://fine.example/cb'] }

test.each([
  ['', 'empty'],
  ['{', 'Line 1 is no valid JSON'],
  ['[1]', 'no JSON object'],
  ['null', 'no JSON object'],
  [JSON.stringify({ ...fine, client_id: 7 }), 'client_id'],
  [JSON.stringify({ ...fine, profile: 'admin' }), 'profile'],
  [JSON.stringify({ ...fine, first_party: 'yes' }), 'first_party'],
  [JSON.stringify({ ...fine, client_secret: 'x' }), 'never imported'],
  [JSON.stringify({ ...fine, secret_hashes: ['sha256:x'] }), 'secret_hashes'],
  [JSON.stringify({ ...fine, secret_hashes: 'x' }), 'secret_hashes'],
  [JSON.stringify({ ...fine, redirect_uris: ['http://fine.example/cb'] }), 'http'],
  [`${JSON.stringify(fine)}\n${JSON.stringify(fine)}`, 'twice'],
])('an import with anything wrong in it imports nothing: %s', async (wrong, reason) => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const good = JSON.stringify({ ...fine, client_id: 'good' })
  const result = await run(['client', 'import'], wrong.startsWith('[') || wrong === '' ? wrong : `${wrong}\n${good}`)
  expect(result.exitCode).toBe(1)
  expect(result.stderr).toContain(reason)
  expect(await store.list()).toEqual([])
})

test('an app may demand what people can sign in with here, and nothing else; what it demanded can be taken away', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const refused = await run([...example, '--required-identity', 'atprot'])
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('There are: password, atproto.') })
  const { client_id: id } = await added(run, [...example, '--required-identity', 'atproto'])
  expect(await run(['client', 'update', id, '--required-identity', 'gone'])).toMatchObject({ exitCode: 1 })
  const freed = await added(run, ['client', 'update', id, '--required-identity', '', '--json'])
  expect(freed).not.toHaveProperty('required_identity')
})

test('an app with a secret may be allowed to draw pictures for Telegram, and that is taken back; others may not', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const { client_id: id, telegram_qr } = await added(run, [...example, '--telegram-qr'])
  expect(telegram_qr).toBe(true)
  expect(await run(['client', 'update', id, '--telegram-qr', '--no-telegram-qr'])).toMatchObject({ exitCode: 2 })
  expect(await added(run, ['client', 'update', id, '--no-telegram-qr', '--json'])).not.toHaveProperty('telegram_qr')
  expect(await added(run, ['client', 'update', id, '--telegram-qr', '--json'])).toMatchObject({ telegram_qr: true })
  const spa = example.map((word) => (word === 'web' ? 'spa' : word))
  const refused = await run([...spa, '--telegram-qr'])
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('telegram_qr') })
})

const keys = JSON.stringify({
  keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo', kid: 'one' }],
})

test('a client that authenticates by keys has no secret, and one that changes its way loses or needs one (RFC 7523 §2.2)', async () => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const client = await added(run, [...example, '--auth-method', 'private_key_jwt', '--jwks-file', keys])
  expect(client).toMatchObject({ token_endpoint_auth_method: 'private_key_jwt', secrets: 0 })
  expect(client).not.toHaveProperty('client_secret')
  expect((await run(['client', 'show', client.client_id])).stdout).toContain('"crv":"Ed25519"')
  const refused = await run(['client', 'rotate-secret', client.client_id])
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('private_key_jwt') })

  const renamed = (await run(['client', 'update', client.client_id, '--name', 'Other', '--json'])).json()
  expect(renamed).toMatchObject({ token_endpoint_auth_method: 'private_key_jwt', jwks: JSON.parse(keys) })
  const back = ['client', 'update', client.client_id, '--auth-method', 'client_secret_post', '--json']
  expect((await run(back)).json()).toMatchObject({ needs_secret: true, secrets: 0 })
  await run(['client', 'rotate-secret', client.client_id])
  expect((await store.find(client.client_id))?.secretHashes).toHaveLength(1)
  await run(['client', 'update', client.client_id, '--auth-method', 'private_key_jwt'])
  expect((await store.find(client.client_id))?.secretHashes).toEqual([])
})

test('what cannot be meant is refused in the words of the options, and nothing is registered', async () => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const refusals: [string[], number, string][] = [
    [['--pushed-requests', 'no'], 2, 'an empty text takes the demand away'],
    [['--signed-responses', 'ES256', '--response-mode', 'form_post'], 2, 'others are not signed'],
    [['--auth-method', 'tls_client_auth', '--tls-subject-dn', 'CN=app'], 1, 'the setting CLIENT_CERTIFICATE_HEADER'],
    [['--bound-tokens', 'certificate'], 1, 'the setting CLIENT_CERTIFICATE_HEADER'],
  ]
  for (const [options, exitCode, words] of refusals) {
    expect(await run([...example, ...options])).toMatchObject({ exitCode, stderr: expect.stringContaining(words) })
  }
  expect(await store.list()).toEqual([])
  const signed = ['--signed-responses', 'ES256', '--response-mode', 'form_post.jwt']
  expect(await added(run, [...example, ...signed])).toMatchObject({ response_modes: ['form_post.jwt'] })
})

test('naming one place for the keys of an app gives the other up', async () => {
  await using database = await openTestDatabase()
  const { run } = open(database)
  const client = await added(run, [...example, '--auth-method', 'private_key_jwt', '--jwks-file', keys])
  const update = async (...options: string[]) =>
    (await run(['client', 'update', client.client_id, ...options, '--json'])).json()
  const byAddress = await update('--jwks-uri', 'https://app.example/jwks.json')
  expect(byAddress).toMatchObject({ jwks_uri: 'https://app.example/jwks.json' })
  expect(byAddress).not.toHaveProperty('jwks')
  const byFile = await update('--jwks-file', keys)
  expect(byFile).toMatchObject({ jwks: JSON.parse(keys) })
  expect(byFile).not.toHaveProperty('jwks_uri')
})

test('an API may ask about tokens by its keys, too', async () => {
  await using database = await openTestDatabase()
  const { run, store } = open(database)
  const argv = ['resource', 'add', 'https://api.example', '--name', 'API', '--json']
  const api = (await run([...argv, '--auth-method', 'private_key_jwt', '--jwks-file', keys])).json()
  expect(api).not.toHaveProperty('client_secret')
  const client = await store.find(api.client_id)
  expect(client).toMatchObject({ secretHashes: [], metadata: { token_endpoint_auth_method: 'private_key_jwt' } })
})
