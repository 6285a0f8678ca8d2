/** Promises that hold for every command. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sealer } from '../../adapters/crypto/seal.ts'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { shops } from '../../adapters/postgres/shops.ts'
import { parse } from '../../server/commands/parse.ts'
import { commands } from '../../server/commands/run.ts'
import { jsonLine, printable } from '../../server/commands/text.ts'
import { commandLine, commandLineSecret } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'

/** Splits an example as a shell would, as far as examples go. */
function words(example: string): string[] {
  const [line = ''] = example.split(/ [<>|] /)
  return [...line.matchAll(/(?:"[^"]*"|[^\s"])+/g)].map(([word]) => word.replaceAll('"', ''))
}

test.each(commands.map((command) => [command.name, command] as const))(
  '%s explains itself with examples that are right',
  (_, command) => {
    const request = parse(commands, [...command.name.split(' '), '--help'])
    expect(request.kind === 'help' ? request.text : '').toContain('Example')
    expect(command.examples.length).toBeGreaterThan(0)
    for (const example of command.examples) {
      expect(parse(commands, words(example)), example).toMatchObject({ kind: 'run', command: { name: command.name } })
    }
  },
)

test('help is not an error, and asks for no database', () => {
  for (const argv of [
    [],
    ['help'],
    ['--help'],
    ['-h'],
    ['help', 'client'],
    ['client', '--help'],
    ['help', 'client', 'add'],
  ]) {
    expect(parse(commands, argv).kind, argv.join(' ')).toBe('help')
  }
})

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

test.each([
  [['clinet', 'add'], 'Did you mean "client add"?'],
  [['client', 'ad'], 'Did you mean "client add"?'],
  [['client', 'delete'], 'habitat-auth help'],
  [['docter'], 'Did you mean "doctor"?'],
  [['client'], 'client add'],
  [['--nonsense'], 'habitat-auth help'],
  [['client', 'list', '--nonsense'], "Unknown option '--nonsense'.\n"],
  [['client', 'list', 'surplus'], 'one argument too many'],
  [['client', 'show'], 'missing'],
  [['client', 'add', '--name'], '--name'],
  [['client', 'add', '--name', '--json'], "ambiguous. Did you forget to specify the option argument for '--name'?"],
  [['client', 'list', '--json=yes'], '--json'],
  [['client', 'add', '--name', 'A', '--name=B'], '--name is given more than once'],
  [['audit', '--limit', '0'], '--limit must be'],
  [['audit', '--since', 'last week'], '--since must be'],
  [['audit', '--since', '12'], '--since must be'],
  [['client', 'list', '--dry-run'], '--dry-run'],
  [['\u001b[31mred'], '\\u{1b}[31mred'],
  [['constructor', '__proto__'], 'There is no command'],
])('wrong usage %j says what to do and exits with 2', async (argv, hint) => {
  const result = await commandLine(database.store)(argv)
  expect(result).toMatchObject({ exitCode: 2, stdout: '' })
  expect(result.stderr).toContain(hint)
})

test('what is refused or not found exits with 1, and says so to machines as well', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  for (const argv of [
    ['client', 'show', 'x'],
    ['user', 'show', 'x'],
    ['grant', 'revoke', 'x'],
    ['session', 'revoke', 'x'],
  ]) {
    const result = await run([...argv, '--json'])
    expect(result.exitCode).toBe(1)
    expect(result.stderr).not.toBe('')
    expect(result.json()).toMatchObject({ error: 'not_found', message: expect.stringContaining('x') })
  }
})

const hostile = 'Eve\u001b[2J\u001b]0;owned\u0007\r\n\u009b31m\u202egnp.exe\u2028'
const raw = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e]/u

test('names that hold terminal escapes reach neither the terminal nor JSON raw', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  const identity = { provider: 'password', subject: 'eve', label: hostile }
  const eve = await accounts(db, () => new Date()).create({ name: hostile, email: 'eve@example.com', identity })
  await db
    .insertInto('clients')
    .values({
      id: 'odd',
      profile: 'web',
      first_party: false,
      metadata: JSON.stringify({ client_name: hostile.replaceAll('\u0000', '') }),
      secret_hashes: '[]',
      disabled_at: null,
      created_at: new Date(),
      updated_at: new Date(),
    })
    .execute()
  const run = commandLine(database.store)
  for (const argv of [
    ['user', 'list'],
    ['user', 'show', eve.id],
    ['user', 'remove', eve.id, '--dry-run'],
    ['client', 'list'],
    ['client', 'show', 'odd'],
    ['client', 'export'],
    ['client', 'remove', 'odd', '--dry-run'],
    ['doctor'],
    ['audit', '--account', hostile],
    ['client', 'show', hostile],
    ['user', 'show', hostile],
    ['session', 'list', '--account', hostile],
  ]) {
    const text = await run(argv)
    expect(text.stdout.replaceAll('\n', ''), argv.join(' ')).not.toMatch(raw)
    expect(text.stderr.replaceAll('\n', ''), argv.join(' ')).not.toMatch(raw)
    const json = await run([...argv, '--json'])
    expect(json.stdout.slice(0, -1), argv.join(' ')).not.toMatch(raw)
    json.json()
  }
  expect((await run(['user', 'show', eve.id, '--json'])).json().name).toBe(hostile)
})

test('JSON keeps its meaning when it is made safe to look at', () => {
  const value = { name: hostile, 'odd\u001bkey': ['\u{1f600}', '\u007f', 'ß', '\\', '"'] }
  expect(JSON.parse(jsonLine(value))).toEqual(value)
  expect(jsonLine(value)).not.toMatch(raw)
  expect(printable('Zoë 名前 😀')).toBe('Zoë 名前 😀')
})

test('a dry run of any destructive command changes nothing', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const { client_id } = (
    await run([
      'client',
      'add',
      '--profile',
      'web',
      '--name',
      'Example',
      '--redirect-uri',
      'https://app.example/cb',
      '--json',
    ])
  ).json()
  await run(['resource', 'add', 'https://api.example', '--name', 'API'])
  await run(['client', 'update', client_id, '--grant', 'token-exchange', '--grant', 'jwt-bearer'])
  const trusted = ['--jwks-uri', 'https://idp.example/jwks', '--client', client_id, '--provider', 'password']
  await run(['issuer', 'trust', 'https://idp.example', ...trusted])
  const exchange = ['--client', client_id, '--from', client_id, '--to', 'https://api.example']
  const { id: policy_id } = (await run(['exchange', 'allow', ...exchange, '--json'])).json()
  const { account_id } = (
    await run(['user', 'add', '--email', 'alice@example.com', '--password-stdin', '--json'], 'correct horse battery')
  ).json()
  const { identities } = (await run(['user', 'show', account_id, '--json'])).json()
  const time = new Date()
  const until = new Date(time.getTime() + 60_000)
  await database.store.db
    .insertInto('sessions')
    .values({ id_hash: 'h', uid: 'session', account_id, payload: '{}', created_at: time, expires_at: until })
    .execute()
  await database.store.db
    .insertInto('grants')
    .values({
      id: 'grant',
      account_id,
      client_id,
      payload: '{}',
      created_at: time,
      expires_at: until,
      revoked_at: null,
    })
    .execute()

  const own = { phone: '+77001234567', telegramId: '1', accountId: account_id, language: 'ru', currency: 'KZT' }
  await shops(database.store.db, sealer([commandLineSecret]), () => time).open({ name: 'Shop', ...own })

  const registration = (await run(['registration-token', 'create', '--name', 'A partner', '--json'])).json()

  const targets: Record<string, readonly string[]> = {
    'migrate down': [],
    'client rotate-secret': [client_id],
    'client disable': [client_id],
    'client remove': [client_id],
    'client import': [],
    'resource remove': ['https://api.example'],
    'user disable': [account_id],
    'user remove': [account_id],
    'user reset-totp': [account_id],
    'user unlink': [account_id, 'password', identities[0].subject, '--force'],
    'session revoke': ['session'],
    'grant revoke': ['grant'],
    'exchange deny': [policy_id],
    'issuer distrust': ['https://idp.example'],
    'registration-token revoke': [registration.id],
    'shop disable': ['1'],
    'shop release': ['1'],
  }
  const input = JSON.stringify({
    client_id: 'new',
    profile: 'spa',
    client_name: 'New',
    redirect_uris: ['https://new.example/cb'],
  })
  const before = await database.dump()
  const destructive = commands.filter((command) => command.destructive)
  expect(destructive.map(({ name }) => name).sort()).toEqual(Object.keys(targets).sort())
  for (const { name } of destructive) {
    const result = await run([...name.split(' '), ...(targets[name] ?? []), '--dry-run', '--json'], input)
    expect(result, name).toMatchObject({ exitCode: 0 })
    expect(result.json(), name).toMatchObject({ dry_run: true })
  }
  expect(await database.dump()).toBe(before)
})

test('keys of the answers are in snake_case', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  await run(['client', 'add', '--profile', 'spa', '--name', 'Example', '--redirect-uri', 'https://app.example/cb'])
  await run(['resource', 'add', 'https://api.example', '--name', 'API'])
  const answers = [
    ['client', 'list'],
    ['resource', 'list'],
    ['user', 'list'],
    ['keys', 'list'],
    ['shop', 'list'],
    ['migrate', 'status'],
    ['doctor'],
  ]
  for (const argv of answers) {
    const keys: string[] = []
    JSON.parse((await run([...argv, '--json'])).stdout, (key, value: unknown) => {
      keys.push(key)
      return value
    })
    expect(
      keys.filter((key) => !/^([a-z0-9_]*|\d+)$/.test(key)),
      argv.join(' '),
    ).toEqual([])
  }
})
