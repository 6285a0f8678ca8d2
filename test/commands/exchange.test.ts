/** What may be exchanged and whose assertions count, as an administrator says it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CommandLine, commandLine } from '../support/command-line.ts'
import { openTestDatabase, type TestDatabase } from '../support/database.ts'

const [orders, stock] = ['https://orders.example', 'https://stock.example']

let database: TestDatabase
let run: CommandLine
/** An app that may exchange and bring assertions. */
let app: string
/** One that may not. */
let plain: string
beforeAll(async () => {
  database = await openTestDatabase()
  run = commandLine(database.store)
  await run(['resource', 'add', orders, '--name', 'Orders', '--scope', 'orders:read'])
  await run(['resource', 'add', stock, '--name', 'Stock', '--scope', 'stock:read', '--scope', 'stock:write'])
  const add = ['client', 'add', '--profile', 'service', '--name', 'Orders', '--scope', 'stock:read', '--json']
  app = (await run([...add, '--grant', 'token-exchange', '--grant', 'jwt-bearer'])).json().client_id
  plain = (await run(add)).json().client_id
})
afterAll(() => database.close())

const allow = (...further: string[]) => run(['exchange', 'allow', '--client', app, ...further, '--json'])

test('a policy is allowed, replaced by saying it again, listed, and taken back; each is recorded', async () => {
  const pair = ['--from', orders, '--to', stock]
  const first = (await allow(...pair, '--scope', 'stock:read')).json()
  expect(first).toMatchObject({ client_id: app, from: orders, to: stock, scopes: ['stock:read'], impersonate: false })
  const again = (await allow(...pair, '--scope', 'stock:read', '--impersonate', '--may-act', plain)).json()
  expect(again).toMatchObject({ id: first.id, impersonate: true, may_act: plain })
  expect((await run(['exchange', 'list', '--client', app, '--json'])).json().policies).toEqual([again])
  expect((await run(['exchange', 'list'])).stdout).toContain('does not say who acts')
  expect((await run(['exchange', 'deny', first.id])).exitCode).toBe(0)
  expect((await run(['exchange', 'deny', first.id])).exitCode).toBe(1)
  expect((await run(['exchange', 'list', '--json'])).json()).toEqual({ policies: [] })
  const { events } = (await run(['audit', '--client', app, '--json'])).json()
  const names = (events as { event: string }[]).map(({ event }) => event)
  expect(names).toEqual(['exchange.denied', 'exchange.allowed', 'exchange.allowed', 'client.added'])
})

test.for<[string, string[], number, string]>([
  ['an unknown source', ['--from', 'x', '--to', stock, '--scope', 'stock:read'], 1, '--from'],
  ['an unknown API', ['--from', orders, '--to', 'https://x.example', '--scope', 'a'], 1, '--to'],
  ['a scope that the API has not', ['--from', orders, '--to', stock, '--scope', 'orders:read'], 1, 'no scope'],
  ['a scope that the app has not', ['--from', orders, '--to', stock, '--scope', 'stock:write'], 1, 'not registered'],
  ['no scope', ['--from', orders, '--to', stock], 1, '--scope'],
  [
    'an unknown next actor',
    ['--from', orders, '--to', stock, '--scope', 'stock:read', '--may-act', 'x'],
    1,
    '--may-act',
  ],
  ['half a pair', ['--from', orders], 2, '--from and --to'],
  ['an assertion without a name there', ['--issuer', 'https://a.example', '--scope', 'a'], 2, '--client-there'],
  ['an assertion for no address', ['--issuer', 'a', '--client-there', 'b', '--scope', 'a'], 1, 'address'],
  [
    'an API there that has no address',
    ['--issuer', 'https://a.example', '--client-there', 'b', '--scope', 'a', '--resource', 'x'],
    1,
    'https://api.example',
  ],
  [
    'an assertion for this server itself',
    ['--issuer', 'http://localhost:1', '--client-there', 'b', '--scope', 'a'],
    1,
    'this server itself',
  ],
  ['both kinds at once', ['--issuer', 'https://a.example', '--client-there', 'b', '--to', stock], 2, '--issuer'],
])('refused: %s', async ([, argv, exitCode, reason]) => {
  const result = await allow(...argv)
  expect(result).toMatchObject({ exitCode })
  expect(result.stderr).toContain(reason)
})

test('refused: an app that lacks the grant type, or that nobody registered', async () => {
  const pair = ['--from', orders, '--to', stock, '--scope', 'stock:read']
  expect((await run(['exchange', 'allow', '--client', plain, ...pair])).stderr).toContain('--grant token-exchange')
  expect((await run(['exchange', 'allow', '--client', 'x', ...pair])).exitCode).toBe(1)
  const spa = ['client', 'add', '--profile', 'spa', '--name', 'x', '--redirect-uri', 'https://app.example/cb']
  expect((await run([...spa, '--grant', 'token-exchange'])).stderr).toContain('set by profile spa')
})

test('what an app may do goes with the app', async () => {
  const { client_id } = (
    await run([
      'client',
      'add',
      '--profile',
      'service',
      '--name',
      'x',
      '--scope',
      'stock:read',
      '--grant',
      'token-exchange',
      '--json',
    ])
  ).json()
  await run(['exchange', 'allow', '--client', client_id, '--from', orders, '--to', stock, '--scope', 'stock:read'])
  await run(['client', 'remove', client_id])
  expect((await run(['exchange', 'list', '--client', client_id, '--json'])).json()).toEqual({ policies: [] })
})

test('what is advised to an app without the grant type keeps those that it has', async () => {
  const add = ['client', 'add', '--profile', 'service', '--name', 'Wiki', '--grant', 'jwt-bearer', '--json']
  const { client_id } = (await run(add)).json()
  const refused = await run(['exchange', 'allow', '--client', client_id, '--from', orders, '--to', stock])
  expect(refused.stderr).toContain(`client update ${client_id} --grant token-exchange --grant jwt-bearer`)
})

test('an update keeps the grant types that were added, and takes them away when told to', async () => {
  const update = async (...argv: string[]) =>
    (await run(['client', 'update', plain, ...argv, '--json'])).json().grant_types
  const bearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
  expect(await update('--grant', 'jwt-bearer')).toEqual(['client_credentials', bearer])
  expect(await update('--name', 'Other')).toEqual(['client_credentials', bearer])
  expect(await update('--grant', '')).toEqual(['client_credentials'])
})

test('an issuer is trusted for apps, listed and trusted no more', async () => {
  const trust = (...argv: string[]) => run(['issuer', 'trust', ...argv, '--json'])
  const good = ['https://idp.example', '--jwks-uri', 'https://idp.example/jwks', '--client', app]
  expect((await trust(...good, '--provider', 'password')).json()).toMatchObject({
    issuer: 'https://idp.example',
    provider: 'password',
    clients: [app],
  })
  expect((await run(['issuer', 'list'])).stdout).toContain('https://idp.example')
  expect((await trust(...good)).stderr).toContain('--provider')
  expect((await trust(...good, '--provider', 'x')).stderr).toContain('No way to sign in')
  expect((await trust('http://idp.example', ...good.slice(1), '--provider', 'password')).stderr).toContain('https')
  const own = ['http://localhost:1', ...good.slice(1), '--provider', 'password']
  expect((await trust(...own)).stderr).toContain('this server itself')
  expect((await trust(...good.slice(0, 3), '--client', 'x', '--provider', 'password')).stderr).toContain('no client')
  expect((await run(['issuer', 'distrust', 'https://idp.example'])).exitCode).toBe(0)
  expect((await run(['issuer', 'distrust', 'https://idp.example'])).exitCode).toBe(1)
})
