import { afterAll, beforeAll, expect, test } from 'vitest'
import { clients } from '../../adapters/postgres/clients.ts'
import { readConfig } from '../../server/config.ts'
import { isClientSecret } from '../../server/oidc/client-secrets.ts'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'

const issuer = 'https://auth.example'
const api = `${issuer}/ifttt/v1`
const add = ['client', 'add', '--profile', 'ifttt', '--service-id', 'example_service']

let database: TestDatabase
let run: CommandLine

function running(settings: Record<string, string> = {}): CommandLine {
  return commandLine(database.store, { config: readConfig({ ISSUER: issuer, PRODUCT_NAME: 'Habitat', ...settings }) })
}

async function done(...argv: string[]) {
  const result = await run([...argv, '--json'])
  expect(result, result.stderr).toMatchObject({ exitCode: 0 })
  return result.json()
}

beforeAll(async () => {
  database = await openTestDatabase()
  run = running()
})
afterAll(() => database[Symbol.asyncDispose]())

test('client add prints what to enter at IFTTT, for machines and for people', async () => {
  const client = await done(...add)
  expect(client).toMatchObject({
    profile: 'ifttt',
    client_name: 'IFTTT',
    first_party: false,
    service_id: 'example_service',
    redirect_uris: ['https://ifttt.com/channels/example_service/authorize'],
    token_endpoint_auth_method: 'client_secret_post',
    resource_scopes: 'ifttt',
  })
  expect(client.ifttt).toEqual({
    service_id: 'example_service',
    client_id: client.client_id,
    client_secret: client.client_secret,
    authorization_url: `${issuer}/authorize`,
    token_url: `${issuer}/token`,
    uses_refresh_tokens: true,
    api_url_prefix: issuer,
    redirect_uri: 'https://ifttt.com/channels/example_service/authorize',
    service_key_setting: 'IFTTT_SERVICE_KEYS',
  })
  const { stdout } = await run([...add, '--name', 'Applets'])
  const secret = /^client_secret: ([\w-]{43})$/m.exec(stdout)?.[1]
  expect(stdout).toContain('client_name: Applets')
  expect(stdout).toMatch(new RegExp(`client secret +${secret}$`, 'm'))
  expect(stdout).toMatch(/authorization URL +https:\/\/auth\.example\/authorize$/m)
  expect(stdout).toMatch(/token URL +https:\/\/auth\.example\/token$/m)
  expect(stdout).toMatch(/uses refresh tokens +on$/m)
  expect(stdout).toMatch(/URL prefix +https:\/\/auth\.example$/m)
  expect(stdout).toMatch(/redirect URI is https:\/\/ifttt\.com\/channels\/example_service\/authorize\.$/m)
  expect(stdout).toContain('IFTTT_SERVICE_KEYS')
  expect(stdout).toContain(`habitat-auth resource add ${api}\n`)
  expect(stdout).not.toContain('https addresses alone')
  const local = await running({ ISSUER: 'http://localhost:1' })(add)
  expect(local.stdout).toContain('IFTTT takes https addresses alone')
})

test('who registers a service again is told of the client that it has', async () => {
  const again = [...add.slice(0, -1), 'registered_twice']
  const first = await run([...again, '--json'])
  expect(first.stderr).not.toContain('before')
  const second = await run([...again, '--json'])
  expect(second.exitCode).toBe(0)
  expect(second.stderr).toContain(`for the service registered_twice before: ${first.json().client_id}.`)
  expect(second.stderr).toContain('rotate-secret')
  const settings = { IFTTT_SERVICE_KEYS: 'a-service-key-of-the-tests' }
  const doctor = ['doctor', '--json']
  const message = `2 clients are for the service registered_twice: ${first.json().client_id}, ${second.json().client_id}.`
  const messages = async () =>
    (await running(settings)(doctor)).json().findings.map(({ message }: { message: string }) => message)
  expect(await messages()).toContain(message)
  await done('client', 'remove', first.json().client_id)
  expect((await messages()).join()).not.toContain('registered_twice')
})

test('what the client is excused from is shown in words, with the reason and what stands in its place', async () => {
  const { client_id } = await done(...add)
  const { stdout } = await run(['client', 'show', client_id])
  expect(stdout).toMatch(/^exceptions:\n {2}from: RFC 9700 .*PKCE.*\n {4}because: .*\n {4}instead: .*state/m)
  const { exceptions } = await done('client', 'show', client_id)
  expect(exceptions).toContainEqual(
    expect.objectContaining({ from: expect.stringContaining('§4.14.2'), instead: expect.stringContaining('last use') }),
  )
  const strict = await done('client', 'add', '--profile', 'service', '--name', 'Strict')
  expect(strict).not.toHaveProperty('exceptions')
  expect(strict).not.toHaveProperty('ifttt')
})

test('another service id is another redirect URI, and nothing else changes', async () => {
  const { client_id, client_secret } = await done(...add, '--policy-uri', 'https://ifttt.com/terms')
  const updated = await done('client', 'update', client_id, '--service-id', 'other')
  expect(updated).toMatchObject({
    service_id: 'other',
    redirect_uris: ['https://ifttt.com/channels/other/authorize'],
    policy_uri: 'https://ifttt.com/terms',
    scope: 'openid',
    resource_scopes: 'ifttt',
  })
  expect(await done('client', 'update', client_id, '--name', 'Applets')).toMatchObject({
    client_name: 'Applets',
    redirect_uris: ['https://ifttt.com/channels/other/authorize'],
  })
  const stored = await clients(database.store.db, () => new Date()).find(client_id)
  expect(isClientSecret(client_secret, stored?.secretHashes ?? [])).toBe(true)
})

test('a new secret comes with all that is to be entered at IFTTT', async () => {
  const { client_id, client_secret } = await done(...add)
  const rotated = await done('client', 'rotate-secret', client_id)
  expect(rotated.client_secret).not.toBe(client_secret)
  expect(rotated.ifttt).toMatchObject({ client_id, client_secret: rotated.client_secret, token_url: `${issuer}/token` })
  expect((await run(['client', 'show', client_id])).stdout).not.toContain(rotated.client_secret)
})

test.each([
  [[...add, '--first-party'], 'always asked'],
  [['client', 'add', '--profile', 'ifttt'], '--service-id'],
  [['client', 'add', '--profile', 'ifttt', '--service-id', '../x'], 'letters, digits'],
  [['client', 'add', '--profile', 'ifttt', '--service-id', 'My Service'], 'At IFTTT it stands among the settings'],
  [[...add, '--redirect-uri', 'https://ifttt.com/channels/other/authorize'], 'is set by profile ifttt'],
  [[...add, '--scope', 'email'], 'is set by profile ifttt'],
])('what would make it another client is refused with the reason: %j', async (argv, reason) => {
  const before = (await done('client', 'list')).clients.length
  const result = await run(argv)
  expect(result.exitCode).toBe(1)
  expect(result.stderr).toContain(reason)
  expect((await done('client', 'list')).clients).toHaveLength(before)
})

test('an update and an import are held to the same rules', async () => {
  const { client_id } = await done(...add)
  const update = ['client', 'update', client_id]
  expect((await run([...update, '--first-party'])).stderr).toContain('always asked')
  expect((await run([...update, '--redirect-uri', 'https://evil.example/cb'])).stderr).toContain('is set by profile')
  const line = (await run(['client', 'export'])).stdout.split('\n').find((it) => it.includes(client_id)) ?? ''
  expect(await run(['client', 'import'], line)).toMatchObject({ exitCode: 0, stdout: `unchanged: ${client_id}\n` })
  const ours = line.replace('"first_party":false', '"first_party":true')
  expect((await run(['client', 'import'], ours)).stderr).toContain('always asked')
  const elsewhere = line.replaceAll('channels/example_service', 'channels/other')
  expect((await run(['client', 'import'], elsewhere)).stderr).toContain('is set by profile')
})

test('an app of ours may be registered for the scope ifttt, nobody else, and no other API may claim it', async () => {
  const ours = ['client', 'add', '--profile', 'spa', '--name', 'Ours', '--redirect-uri', `${issuer}/cb`]
  const added = await done(...ours, '--first-party', '--scope', 'openid ifttt')
  expect(added).toMatchObject({ resource_scopes: 'ifttt' })
  const refused = { exitCode: 1, stderr: expect.stringContaining('for first-party apps') }
  expect(await run([...ours, '--scope', 'openid ifttt'])).toMatchObject(refused)
  expect(await run(['client', 'update', added.client_id, '--third-party'])).toMatchObject(refused)
  expect((await running()(['doctor'])).stdout).not.toContain(added.client_id)
  const program = await run([
    'client',
    'add',
    '--profile',
    'service',
    '--name',
    'x',
    '--scope',
    'ifttt',
    '--first-party',
  ])
  expect(program).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('signs nobody in') })
  const claim = await run(['resource', 'add', 'https://api.example', '--name', 'API', '--scope', 'ifttt'])
  expect(claim).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('belongs to no other') })
})

test('the built-in API is registered by its identifier alone, and listed as it is', async () => {
  expect(await done('resource', 'add', api)).toMatchObject({
    identifier: api,
    name: 'Habitat',
    scopes: ['ifttt'],
    token_format: 'opaque',
    token_ttl: 3600,
    client_secret: expect.any(String),
  })
  expect(await run(['resource', 'add', api])).toMatchObject({ exitCode: 1 })
  expect(await done('resource', 'update', api, '--name', 'Lamps')).toMatchObject({ name: 'Lamps', scopes: ['ifttt'] })
  const refused = await run(['resource', 'update', api, '--scope', 'other'])
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('cannot be chosen') })
  await database.store.db.updateTable('resources').set({ token_format: 'jwt' }).where('identifier', '=', api).execute()
  const { resources } = await done('resource', 'list')
  expect(resources).toMatchObject([{ identifier: api, name: 'Lamps', scopes: ['ifttt'], token_format: 'opaque' }])
  expect((await run(['resource', 'remove', api])).stdout).toContain('built in and stays')
})

test.each([
  [[api, '--scope', 'lamps'], '--scope'],
  [[api, '--token-format', 'jwt'], '--token-format'],
  [[api, '--token-ttl', '60'], '--token-ttl'],
  [[`${api}/`, '--name', 'x'], 'without a slash'],
])('the built-in API cannot be registered as another one: %j', async (argv, reason) => {
  const result = await run(['resource', 'add', ...argv])
  expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(reason) })
  expect((await done('resource', 'list')).resources).toEqual([])
})

test('another API with the path of the built-in one is registered, and said to be another one', async () => {
  const other = 'https://other.example/ifttt/v1'
  const added = await run(['resource', 'add', other, '--name', 'Lamps'])
  expect(added).toMatchObject({ exitCode: 0, stderr: expect.stringContaining(`not for this API but for ${api},`) })
  await done('resource', 'remove', other)
  expect((await run(['resource', 'add', api])).stderr).not.toContain('not for this API')
  await done('resource', 'remove', api)
})

test('what is implied of the built-in API may be said', async () => {
  const said = ['--scope', 'ifttt', '--token-format', 'opaque', '--token-ttl', '3600', '--name', 'Lamps']
  expect(await done('resource', 'add', api, ...said)).toMatchObject({ name: 'Lamps', token_format: 'opaque' })
  await done('resource', 'remove', api)
})

test('doctor misses the half of a connection with IFTTT that is not there', async () => {
  const findings = async (settings: Record<string, string> = {}) => {
    const report = (await running(settings)(['doctor', '--json'])).json()
    return report.findings.filter(({ check }: { check: string }) => check === 'ifttt')
  }
  const key = { IFTTT_SERVICE_KEYS: 'a-service-key-of-the-tests' }
  const all = (await done('client', 'list')).clients.filter(({ profile }: { profile: string }) => profile === 'ifttt')
  for (const { client_id } of all) await done('client', 'disable', client_id)
  expect(await findings()).toEqual([])
  expect(await findings(key)).toMatchObject([{ level: 'warning', remedy: expect.stringContaining('client add') }])
  await done(...add)
  expect(await findings(key)).toMatchObject([{ level: 'warning', remedy: `Run: habitat-auth resource add ${api}` }])
  const { client_id } = await done('resource', 'add', api)
  expect(await findings()).toMatchObject([{ level: 'warning', message: expect.stringContaining('is not set') }])
  expect(await findings({ ...key, ISSUER: 'http://localhost:1' })).toMatchObject([
    { level: 'warning', message: expect.stringContaining('cannot ask') },
    { level: 'warning', message: expect.stringContaining('http://localhost:1') },
  ])
  expect(await findings(key)).toMatchObject([{ level: 'ok' }])
  await done('client', 'remove', client_id)
  expect(await findings(key)).toMatchObject([{ remedy: expect.stringContaining(`resource remove ${api} && `) }])
  await done('resource', 'remove', api)
})
