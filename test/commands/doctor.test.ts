import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { sealer } from '../../adapters/crypto/seal.ts'
import { signingKeys } from '../../adapters/postgres/signing-keys.ts'
import { commandServices } from '../../server/composition/commands.ts'
import { readConfig } from '../../server/config.ts'
import { commandLine } from '../support/command-line.ts'
import { openTestDatabase } from '../support/database.ts'

interface Finding {
  check: string
  level: string
  message: string
  remedy: string | null
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'habitat-doctor-'))
  onTestFinished(() => rmSync(path, { recursive: true }))
  return path
}

async function discovery(answer: (origin: string) => object): Promise<string> {
  const server = createServer((_request, response) => {
    const { port } = server.address() as AddressInfo
    response.end(JSON.stringify(answer(`http://localhost:${port}`)))
  })
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  onTestFinished(() => void server.close())
  return `http://localhost:${(server.address() as AddressInfo).port}`
}

function found(findings: readonly Finding[], check: string): Finding[] {
  return findings.filter((finding) => finding.check === check)
}

test('a healthy installation has nothing wrong', async () => {
  await using database = await openTestDatabase()
  const issuer = await discovery((origin) => ({ issuer: origin }))
  const config = readConfig({ DATA_DIR: folder(), ISSUER: issuer })
  await signingKeys(
    database.store.db,
    sealer(['a secret of the tests that is long enough']),
    () => new Date(),
  ).loadOrCreate()
  const run = commandLine(database.store, { config })
  await run(['client', 'add', '--profile', 'spa', '--name', 'App', '--redirect-uri', 'https://app.example/cb'])
  const result = await run(['doctor', '--json'])
  expect(result.json()).toMatchObject({ healthy: true })
  expect(result.json().findings.filter(({ level }: Finding) => level !== 'ok')).toEqual([])
  expect(result.exitCode).toBe(0)
})

test('each thing that is wrong is found, with what to do', async () => {
  await using database = await openTestDatabase()
  const dataDir = folder()
  writeFileSync(join(dataDir, 'secrets'), '')
  chmodSync(join(dataDir, 'secrets'), 0o644)
  const config = readConfig({ DATA_DIR: dataDir, ISSUER: await discovery(() => ({ issuer: 'https://other.example' })) })
  await signingKeys(
    database.store.db,
    sealer(['another secret that is long enough as well']),
    () => new Date(),
  ).loadOrCreate()
  const run = commandLine(database.store, { config, now: () => new Date(Date.now() - 120_000) })
  const callback = ['--redirect-uri', 'https://app.example/cb']
  const add = ['client', 'add', '--profile', 'web', '--name', 'App', ...callback, '--client-id']
  await run([...add, 'disabled'])
  await run(['client', 'disable', 'disabled'])
  await run(['client', 'add', '--profile', 'device', '--name', 'Bot', '--approve-in-chat', '--client-id', 'bot'])
  await run(['client', 'add', '--profile', 'mini-app', '--name', 'Shop', ...callback, '--client-id', 'shop'])
  await run([...add, 'odd'])
  await database.store.db
    .updateTable('clients')
    .set({
      metadata: JSON.stringify({
        client_name: 'Odd',
        redirect_uris: ['http://odd.example/cb'],
        required_identity: 'gone',
      }),
      secret_hashes: '[]',
    })
    .where('id', '=', 'odd')
    .execute()
  const result = await run(['doctor', '--json'])
  expect(result.exitCode).toBe(1)
  const { healthy, findings } = result.json() as { healthy: boolean; findings: Finding[] }
  expect(healthy).toBe(false)
  for (const finding of findings.filter(({ level }) => level !== 'ok')) expect(finding.remedy).not.toBeNull()
  expect(found(findings, 'data folder')).toMatchObject([
    { level: 'problem', remedy: expect.stringContaining('chmod 600') },
  ])
  expect(found(findings, 'signing keys')).toMatchObject([{ level: 'problem' }])
  expect(found(findings, 'clock')).toMatchObject([{ level: 'problem', message: expect.stringMatching(/1[12]\d s/) }])
  expect(found(findings, 'issuer')).toMatchObject([{ level: 'warning' }])
  const clients = found(findings, 'clients').map(({ message }) => message)
  expect(clients).toHaveLength(6)
  expect(clients).toContain('bot: It may ask people in Telegram, where this server has no bot.')
  expect(clients).toContain('shop: It is a Mini App in Telegram, and this server has no bot to judge by.')
  expect(clients.join('\n')).toMatch(
    /disabled: It is disabled[\s\S]*odd: It has no secret[\s\S]*odd: It demands to sign in with "gone"[\s\S]*odd: .*http:\/\/odd\.example\/cb/,
  )
})

test('a database that does not answer is a finding, not a crash', async () => {
  await using database = await openTestDatabase()
  const examination = {
    databaseTime: () => Promise.reject(new AggregateError([new Error('connect ECONNREFUSED')], 'connect ECONNREFUSED')),
    keysThatOpen: () => Promise.reject(new Error('never asked')),
  }
  const result = await commandLine(database.store, { examination })(['doctor', '--json'])
  expect(result.exitCode).toBe(1)
  expect(found(result.json().findings, 'database')).toMatchObject([
    { level: 'problem', message: expect.stringContaining('ECONNREFUSED') },
  ])
})

test('in production an issuer that does not answer is a problem', async () => {
  await using database = await openTestDatabase()
  const config = readConfig({
    NODE_ENV: 'production',
    ISSUER: 'https://localhost:1',
    DATABASE_URL: 'postgres://localhost/x',
    SECRETS: 'x'.repeat(40),
    DATA_DIR: folder(),
  })
  const result = await commandLine(database.store, { config })(['doctor', '--json'])
  expect(found(result.json().findings, 'issuer')).toMatchObject([{ level: 'problem' }])
})

test('missing migrations are a problem', async () => {
  await using database = await openTestDatabase()
  await database.store.migrateDown()
  const result = await commandLine(database.store)(['doctor', '--json'])
  expect(found(result.json().findings, 'migrations')).toMatchObject([
    { level: 'problem', remedy: 'Run: habitat-auth migrate up' },
  ])
})

test('each issuer at which people sign in is asked, and has a redirect URI to be told', async () => {
  await using database = await openTestDatabase()
  const issuer = await discovery((origin) => ({
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/token`,
    jwks_uri: `${origin}/jwks`,
  }))
  const acme = { id: 'acme', label: 'Acme', issuer, clientId: 'habitat', clientSecret: 'hush-hush' }
  const config = readConfig({
    DATA_DIR: folder(),
    ISSUER: 'http://127.0.0.1:3000',
    OIDC_PROVIDERS: JSON.stringify([acme, { ...acme, id: 'gone', issuer: 'http://localhost:1' }]),
  })
  const { otherIssuers } = commandServices({
    store: database.store,
    config,
    sealer: sealer(['a secret of the tests that is long enough']),
    insideServer: false,
    now: () => new Date(),
  })
  const result = await commandLine(database.store, { config, otherIssuers })(['doctor', '--json'])
  const { findings } = result.json()
  expect(found(findings, 'sign-in acme')).toMatchObject([
    { level: 'ok', message: expect.stringContaining('http://127.0.0.1:3000/interaction/callback/acme') },
  ])
  expect(found(findings, 'sign-in gone')).toMatchObject([
    { level: 'problem', message: expect.stringContaining('it does not answer') },
  ])
  expect(result.stdout).not.toContain('hush-hush')
  const near = readConfig({ DATA_DIR: config.dataDir })
  const neighbours = await commandLine(database.store, { config: near, otherIssuers })(['doctor', '--json'])
  expect(found(neighbours.json().findings, 'sign-in acme')).toMatchObject([
    { level: 'warning', message: expect.stringContaining('cookies') },
  ])
})
