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
  [['https://api.example', '--token-format', 'saml'], 2, 'jwt or opaque'],
  [['https://api.example', '--token-ttl', '0'], 2, 'seconds'],
  [['https://api.example', '--token-ttl', '1e9'], 2, 'seconds'],
  [['https://api.example', '--token-ttl=-5'], 2, 'seconds'],
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
