import { expect, test } from 'vitest'
import { clients } from '../../adapters/postgres/clients.ts'
import { resources } from '../../adapters/postgres/resources.ts'
import { isClientSecret } from '../../server/oidc/client-secrets.ts'
import { commandLine } from '../support/command-line.ts'
import { openTestDatabase } from '../support/database.ts'

const now = () => new Date()
const add = [
  'resource',
  'add',
  'https://api.example',
  '--name',
  'Notes',
  '--scope',
  'notes:read',
  '--scope',
  'notes:write',
  '--json',
]

test('an API is registered with a client that can introspect and do nothing else', async () => {
  await using database = await openTestDatabase()
  const api = (await commandLine(database.store)(add)).json()
  expect(api).toMatchObject({
    identifier: 'https://api.example',
    name: 'Notes',
    scopes: ['notes:read', 'notes:write'],
    token_format: 'jwt',
    token_ttl: 600,
  })
  const client = await clients(database.store.db, now).find(api.client_id)
  expect(client).toMatchObject({ profile: 'resource', metadata: { grant_types: [], redirect_uris: [] } })
  expect(isClientSecret(api.client_secret, client?.secretHashes ?? [])).toBe(true)
})

test.each([
  [['api.example'], 1, 'absolute'],
  [['https://api.example#x'], 1, 'fragment'],
  [['http://api.example'], 1, 'https'],
  [['javascript:alert(1)'], 1, 'https'],
  [['https://alice@api.example'], 1, 'user name'],
  [['https://api.example/\u001b[2J'], 1, 'absolute'],
  [['https://api.example', '--scope', 'openid'], 1, 'about the person'],
  [['https://api.example', '--scope', 'a"b'], 1, 'RFC 6749'],
  [['https://api.example', '--scope', 'notes:read notes:write=Both'], 1, 'written alone'],
  [['https://api.example', '--scope', '=Words'], 1, 'RFC 6749'],
  [['https://api.example', '--scope', 'openid=You'], 1, 'about the person'],
  [['https://api.example', '--scope', 'a=One', '--scope', 'a=Two'], 1, 'twice'],
  [['https://api.example', '--scope', 'a=One\nTwo'], 1, 'line break'],
  [['https://api.example', '--scope', `a=${'x'.repeat(201)}`], 1, '200'],
  [['https://api.example', '--token-format', 'saml'], 2, 'jwt or opaque'],
  [['https://api.example', '--token-ttl', '0'], 2, 'seconds'],
  [['https://api.example', '--token-ttl', '1e9'], 2, 'seconds'],
  [['https://api.example', '--token-ttl=-5'], 2, 'seconds'],
  [['https://api.example', '--pushed-requests', 'yes'], 2, 'Unknown option'],
  [['https://api.example', '--signed-responses', 'ES256'], 2, 'Unknown option'],
  [['https://api.example', '--bound-tokens', 'dpop'], 2, 'Unknown option'],
])('a wrong resource is refused with the reason, and leaves no client behind: %j', async (argv, exitCode, reason) => {
  await using database = await openTestDatabase()
  const result = await commandLine(database.store)(['resource', 'add', ...argv, '--name', 'x'])
  expect(result).toMatchObject({ exitCode })
  expect(result.stderr).toContain(reason)
  expect(await clients(database.store.db, now).list()).toEqual([])
})

test('an API that is registered already stays as it is', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const first = (await run(add)).json()
  expect(await run(add)).toMatchObject({ exitCode: 1 })
  expect((await clients(database.store.db, now).list()).map(({ id }) => id)).toEqual([first.client_id])
})

test('an API is removed with its client, but not with one that serves another', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const { client_id } = (await run(add)).json()
  const store = resources(database.store.db, now)
  const found = await store.find('https://api.example')
  if (found === undefined) throw new Error('not registered')
  await store.add({ ...found, identifier: 'https://second.example' })
  expect((await run(['resource', 'remove', 'https://api.example', '--json'])).json().client_id).toBeNull()
  expect(await clients(database.store.db, now).find(client_id)).toBeDefined()
  expect((await run(['resource', 'remove', 'https://second.example', '--json'])).json().client_id).toBe(client_id)
  expect(await clients(database.store.db, now).list()).toEqual([])
  expect(await run(['resource', 'remove', 'https://api.example'])).toMatchObject({ exitCode: 1 })
})

test('scopes carry words for people; those that are not named keep theirs', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const scope = (...texts: string[]) => texts.flatMap((text) => ['--scope', text])
  const added = (
    await run([
      'resource',
      'add',
      'https://api.example',
      '--name',
      'Photos',
      ...scope('photos:read=Look at your photos = all', 'photos:write', 'photos:share photos:print', '__proto__=Own'),
      '--json',
    ])
  ).json()
  expect(added.scopes).toEqual(['photos:read', 'photos:write', 'photos:share', 'photos:print', '__proto__'])
  expect(Object.entries(added.scope_descriptions)).toEqual([
    ['__proto__', 'Own'],
    ['photos:read', 'Look at your photos = all'],
  ])

  const update = async (...argv: string[]) => {
    const result = await run(['resource', 'update', 'https://api.example', ...argv, '--json'])
    expect(result, result.stderr).toMatchObject({ exitCode: 0 })
    return result.json()
  }
  expect(await update(...scope('photos:read', 'photos:write=Add photos'))).toMatchObject({
    name: 'Photos',
    scopes: ['photos:read', 'photos:write'],
    scope_descriptions: { 'photos:read': 'Look at your photos = all', 'photos:write': 'Add photos' },
    token_ttl: 600,
  })
  const renamed = await update('--name', 'Pictures')
  expect(renamed).toMatchObject({ name: 'Pictures', scopes: ['photos:read', 'photos:write'] })
  expect((await clients(database.store.db, now).find(added.client_id))?.metadata['client_name']).toBe('Pictures')
  expect((await update(...scope('photos:read=', 'photos:write'))).scope_descriptions).toEqual({
    'photos:write': 'Add photos',
  })
  const [listed] = (await run(['resource', 'list', '--json'])).json().resources
  expect(listed).toMatchObject({ name: 'Pictures', scope_descriptions: { 'photos:write': 'Add photos' } })
  expect(await update('--scope', '')).toMatchObject({ scopes: [], scope_descriptions: {} })
})

test('what an API demands is said back to whoever changes it', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  await run(add)
  const types = JSON.stringify({ payment: { title: 'Make a payment', properties: { to: { type: 'string' } } } })
  const demands = ['--acr', 'two-factors', '--max-age', '300', '--authorization-types', types]
  const { stdout } = await run(['resource', 'update', 'https://api.example', ...demands])
  expect(stdout).toContain('authorization_type: payment = Make a payment\n')
  expect(stdout).toContain('acr: urn:habitat:acr:two-factors\nmax_age: 300\n')
})

test('an update of an API is held to the same rules, and names the apps that hold a scope no longer known', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  await run(add)
  const app = (
    await run(['client', 'add', '--profile', 'service', '--name', 'Report', '--scope', 'notes:write', '--json'])
  ).json()
  const update = (...argv: string[]) => run(['resource', 'update', ...argv])
  expect(await update('https://api.example')).toMatchObject({ exitCode: 2 })
  expect(await update('https://other.example', '--name', 'x')).toMatchObject({ exitCode: 1 })
  for (const wrong of [
    ['--scope', 'openid'],
    ['--name', ''],
    ['--name', 'a\nb', '--scope', 'notes:all'],
  ]) {
    expect(await update('https://api.example', ...wrong), wrong.join(' ')).toMatchObject({ exitCode: 1 })
  }
  expect(await resources(database.store.db, now).find('https://api.example')).toMatchObject({
    name: 'Notes',
    scopes: ['notes:read', 'notes:write'],
  })
  const kept = await update('https://api.example', '--scope', 'notes:write')
  expect(kept).toMatchObject({ exitCode: 0, stderr: '' })
  const gone = await update('https://api.example', '--scope', 'notes:read')
  expect(gone).toMatchObject({ exitCode: 0, stderr: expect.stringContaining(app.client_id) })
})
