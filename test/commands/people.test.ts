/** Commands about accounts, sessions and grants. */
import { expect, test } from 'vitest'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'

const password = 'correct horse battery'

async function alice(run: CommandLine, email = 'alice@example.com'): Promise<string> {
  const result = await run(['user', 'add', '--email', email, '--name', 'Alice', '--password-stdin', '--json'], password)
  expect(result, result.stderr).toMatchObject({ exitCode: 0 })
  return result.json().account_id
}

/** A session, and a grant with a refresh token and a consent behind it. */
async function signedIn({ store }: TestDatabase, account_id: string, name: string, client_id = 'app'): Promise<void> {
  const time = new Date()
  const stamp = { created_at: time, expires_at: new Date(time.getTime() + 60_000) }
  const payload = JSON.stringify({
    openid: { scope: 'openid email' },
    resources: { 'https://api.example': 'notes:read' },
  })
  await store.db
    .insertInto('sessions')
    .values({
      id_hash: `cookie-${name}`,
      uid: `session-${name}`,
      account_id,
      payload: '{"authorizations":{"app":{}}}',
      ...stamp,
    })
    .execute()
  await store.db
    .insertInto('grants')
    .values({ id: `grant-${name}`, account_id, client_id, payload, ...stamp, revoked_at: null })
    .execute()
  await store.db
    .insertInto('artifacts')
    .values({
      id_hash: `token-${name}`,
      model: 'RefreshToken',
      grant_id: `grant-${name}`,
      account_id,
      client_id,
      user_code_hash: null,
      payload: '{}',
      ...stamp,
      consumed_at: null,
      successor_hash: null,
    })
    .execute()
  await store.db
    .insertInto('consents')
    .values({ account_id, client_id, payload: '{}', updated_at: time })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

async function left({ store }: TestDatabase) {
  const [sessions, grants, artifacts, consents] = await Promise.all([
    store.db.selectFrom('sessions').select('uid').orderBy('uid').execute(),
    store.db.selectFrom('grants').select('id').where('revoked_at', 'is', null).orderBy('id').execute(),
    store.db.selectFrom('artifacts').select('id_hash').orderBy('id_hash').execute(),
    store.db.selectFrom('consents').select(['account_id', 'client_id']).execute(),
  ])
  return {
    sessions: sessions.map(({ uid }) => uid),
    grants: grants.map(({ id }) => id),
    tokens: artifacts.map(({ id_hash }) => id_hash),
    consents: consents.length,
  }
}

test('user add answers the account, and the password stands nowhere', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const result = await run(
    ['user', 'add', '--email', 'Alice@Example.com', '--password-stdin', '--json'],
    `${password}\n`,
  )
  expect(result.json()).toMatchObject({ account_id: expect.any(String), email: 'alice@example.com', disabled_at: null })
  expect(result.stdout + result.stderr + (await database.dump())).not.toContain(password)
})

test('one line break after the password is no part of it', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  expect(await run(['user', 'add', '--email', 'a@example.com', '--password-stdin'], '1234567\n')).toMatchObject({
    exitCode: 1,
  })
  expect(await run(['user', 'add', '--email', 'a@example.com', '--password-stdin'], '12345 7\r\n')).toMatchObject({
    exitCode: 1,
  })
})

test.each([
  [['--email', 'bob', '--password-stdin'], password, 1, 'no e-mail address'],
  [['--email', 'bob@example.com', '--password-stdin'], 'short', 1, 'too short'],
  [['--email', 'bob@example.com', '--password-stdin'], '', 1, 'too short'],
  [['--email', 'bob@example.com', '--password-stdin'], 'password1', 1, 'tried first'],
  [['--email', 'bob@example.com', '--password-stdin'], 'x'.repeat(1025), 1, 'too long'],
  [['--email', 'alice@example.com', '--password-stdin'], password, 1, 'already'],
  [['--email', 'bob@example.com'], password, 2, '--password-stdin'],
  [['--password-stdin'], password, 2, '--email'],
])('user add %j is refused with the reason', async (argv, stdin, exitCode, reason) => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  await alice(run)
  const result = await run(['user', 'add', ...argv], stdin)
  expect(result).toMatchObject({ exitCode, stdout: '' })
  expect(result.stderr).toContain(reason)
  expect((await run(['user', 'list', '--json'])).json().users).toHaveLength(1)
})

test('an address whose account could not be made is not taken for ever', async () => {
  await using database = await openTestDatabase()
  const real = accounts(database.store.db, () => new Date())
  const failing = { ...real, create: () => Promise.reject(new Error('the database went away')) }
  await expect(
    commandLine(database.store, { accounts: failing })(
      ['user', 'add', '--email', 'alice@example.com', '--password-stdin'],
      password,
    ),
  ).rejects.toThrow('went away')
  await alice(commandLine(database.store))
})

test('a person is named by id, or by an address that is clear', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const id = await alice(run)
  expect((await run(['user', 'show', 'ALICE@example.com', '--json'])).json().account_id).toBe(id)
  await accounts(database.store.db, () => new Date()).create({
    email: 'alice@example.com',
    identity: { provider: 'elsewhere', subject: 'other' },
  })
  const unclear = await run(['user', 'remove', 'alice@example.com'])
  expect(unclear.exitCode).toBe(1)
  expect(unclear.stderr).toContain(id)
  expect((await run(['user', 'list', '--json'])).json().users).toHaveLength(2)
})

test('a disabled person has no session, no grant and no token left, others keep theirs', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const [a, b] = [await alice(run), await alice(run, 'bob@example.com')]
  await signedIn(database, a, 'a')
  await signedIn(database, b, 'b')
  expect((await run(['user', 'disable', a, '--json'])).json().disabled_at).not.toBeNull()
  expect(await left(database)).toEqual({
    sessions: ['session-b'],
    grants: ['grant-b'],
    tokens: ['token-b'],
    consents: 1,
  })
  expect((await run(['user', 'enable', a, '--json'])).json().disabled_at).toBeNull()
})

test('of a removed person nothing is left, and the address is free again', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const id = await alice(run)
  await signedIn(database, id, 'a')
  expect(await run(['user', 'remove', 'alice@example.com'])).toMatchObject({ exitCode: 0 })
  expect(await left(database)).toEqual({ sessions: [], grants: [], tokens: [], consents: 0 })
  await alice(run)
})

test('a second factor is taken off', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  await alice(run)
  const { subject } = await database.store.db.selectFrom('passwords').select('subject').executeTakeFirstOrThrow()
  const time = new Date()
  await database.store.db
    .insertInto('totp_factors')
    .values({ subject, sealed_secret: 'sealed', confirmed_at: time, last_step: null, created_at: time })
    .execute()
  await database.store.db.insertInto('recovery_codes').values({ subject, code_hash: 'h', used_at: null }).execute()
  expect((await run(['user', 'show', 'alice@example.com', '--json'])).json().second_factor).toBe(true)
  expect(await run(['user', 'reset-totp', 'alice@example.com'])).toMatchObject({ exitCode: 0 })
  expect((await run(['user', 'show', 'alice@example.com', '--json'])).json().second_factor).toBe(false)
  expect(await database.store.db.selectFrom('recovery_codes').selectAll().execute()).toEqual([])
})

test('a session is listed and ended, by uid or all of a person', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const id = await alice(run)
  for (const name of ['a', 'b', 'c']) await signedIn(database, id, name)
  const listed = (await run(['session', 'list', '--account', id, '--json'])).json().sessions
  expect(listed).toHaveLength(3)
  expect(listed[0]).toMatchObject({ account_id: id, client_ids: ['app'] })
  expect(JSON.stringify(listed)).not.toContain('cookie-')
  await run(['session', 'revoke', 'session-b'])
  expect((await left(database)).sessions).toEqual(['session-a', 'session-c'])
  await run(['session', 'revoke', '--account', 'alice@example.com'])
  expect((await left(database)).sessions).toEqual([])
  expect(await run(['session', 'revoke'])).toMatchObject({ exitCode: 2 })
})

test('a revoked grant takes its tokens and the consent along; doing it again is no error', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const id = await alice(run)
  await signedIn(database, id, 'a')
  await signedIn(database, id, 'b', 'other')
  expect((await run(['grant', 'list', '--account', id, '--client', 'app', '--json'])).json().grants).toMatchObject([
    { id: 'grant-a', account_id: id, client_id: 'app', scopes: ['openid', 'email', 'notes:read'], revoked_at: null },
  ])
  expect((await run(['grant', 'revoke', 'grant-a', '--json'])).json().grants).toHaveLength(1)
  expect(await left(database)).toMatchObject({ grants: ['grant-b'], tokens: ['token-b'], consents: 1 })
  const again = await run(['grant', 'revoke', 'grant-a', '--json'])
  expect(again).toMatchObject({ exitCode: 0 })
  expect(again.json().grants).toEqual([])
})

test('nothing is revoked when nothing is named', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  await signedIn(database, await alice(run), 'a')
  expect(await run(['grant', 'revoke'])).toMatchObject({ exitCode: 2 })
  expect(await run(['grant', 'revoke', 'grant-a', '--client', 'app'])).toMatchObject({ exitCode: 2 })
  expect((await left(database)).grants).toEqual(['grant-a'])
})

test('user unlink takes a way to sign in with its sessions, and keeps the last one unless it is forced', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const id = await alice(run)
  const people = accounts(database.store.db, () => new Date())
  await people.addIdentity(id, { provider: 'atproto', subject: 'did:plc:a', label: 'alice.test' })
  await people.addIdentity(id, { provider: 'gone', subject: '1' })
  await signedIn(database, id, 'a')
  const unlink = (...rest: string[]) => run(['user', 'unlink', 'alice@example.com', ...rest, '--json'])
  expect((await unlink('atproto', 'did:plc:b')).stderr).toContain('no such way')
  expect((await unlink('atproto', 'did:plc:a', '--dry-run')).json()).toMatchObject({ dry_run: true, last: false })
  expect(await people.identitiesOf(id)).toHaveLength(3)
  expect(await unlink('atproto', 'did:plc:a')).toMatchObject({ exitCode: 0 })
  expect((await left(database)).sessions).toEqual([])
  const subject = (await people.identitiesOf(id)).find(({ provider }) => provider === 'password')?.subject ?? ''
  // What no server offers is no way in.
  const refused = await unlink('password', subject)
  expect(refused).toMatchObject({ exitCode: 1 })
  expect(refused.stderr).toContain('--force')
  expect(await people.identitiesOf(id)).toHaveLength(2)
  expect((await unlink('password', subject, '--force')).json()).toMatchObject({ last: true })
  expect(await people.identitiesOf(id)).toHaveLength(1)
  expect(await database.dump()).not.toContain(subject)
})

test('audit shows what happened, also to an account that is gone, as far back as asked', async () => {
  await using database = await openTestDatabase()
  const run = commandLine(database.store)
  const id = await alice(run)
  await alice(run, 'bob@example.com')
  const whole = await run(['audit', '--account', 'alice@example.com'])
  expect(whole.stdout).toMatch(new RegExp(`account\\.created +${id} `))
  await run(['user', 'remove', id])
  const events = async (...argv: string[]) =>
    (await run(['audit', ...argv, '--json'])).json().events.map((it: { event: string }) => it.event)
  expect(await events('--account', id)).toEqual(['account.removed', 'account.created'])
  expect(await events('--event', 'account.created')).toHaveLength(2)
  expect(await events('--since', '1h')).toHaveLength(3)
  expect(await events('--since', '2100-01-01')).toEqual([])
  const first = await run(['audit', '--limit', '1'])
  expect(first).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('--limit 10') })
  expect(first.stdout.split('\n').filter(Boolean)).toHaveLength(2)
})
