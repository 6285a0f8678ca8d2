/** What was registered at the command line is what a token can do (RFC 8707, RFC 6749 §3.3). */
import { expect, test } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { commandLine } from '../support/command-line.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestServer, testRedirectUri } from '../support/server.ts'

interface Credentials {
  client_id: string
  client_secret: string
}

async function post(
  server: TestServer,
  path: string,
  { client_id, client_secret }: Credentials,
  body: Record<string, string>,
) {
  const response = await fetch(`${server.origin}${path}`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString('base64')}` },
    body: new URLSearchParams(body),
  })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

const resource = 'https://api.example'
const wanted = { grant_type: 'client_credentials', resource, scope: 'notes:read notes:write' }

test('a program gets the scopes that it was registered for, and no others', async () => {
  await using server = await startTestServer()
  const run = commandLine(server.database.store)
  const scopes = ['--scope', 'notes:read', '--scope', 'notes:write']
  const api: Credentials = (
    await run(['resource', 'add', resource, '--name', 'Notes', ...scopes, '--token-format', 'opaque', '--json'])
  ).json()
  const add = async (...more: string[]): Promise<Credentials> =>
    (await run(['client', 'add', '--profile', 'service', '--name', 'Report', '--json', ...more])).json()
  const [reader, nobody] = [await add('--scope', 'notes:read'), await add()]

  const token = await post(server, '/token', reader, wanted)
  expect(token).toMatchObject({ status: 200, json: { scope: 'notes:read' } })
  const seen = await post(server, '/introspect', api, { token: String(token.json['access_token']) })
  expect(seen.json).toMatchObject({ active: true, scope: 'notes:read', aud: resource, client_id: reader.client_id })

  for (const scope of ['', 'notes:read']) {
    const refused = await post(server, '/token', nobody, { ...wanted, scope })
    expect(refused).toMatchObject({ status: 400, json: { error: 'invalid_target' } })
  }
})

test('a rotated secret works beside the one before, a disabled client not at all', async () => {
  await using server = await startTestServer()
  const run = commandLine(server.database.store)
  const first: Credentials = (await run(['client', 'add', '--profile', 'service', '--name', 'Report', '--json'])).json()
  const second: Credentials = (await run(['client', 'rotate-secret', first.client_id, '--json'])).json()
  const body = { grant_type: 'client_credentials' }
  for (const credentials of [first, second]) expect((await post(server, '/token', credentials, body)).status).toBe(200)
  const wrong = { ...first, client_secret: 'sha256:guess' }
  expect(await post(server, '/token', wrong, body)).toMatchObject({ status: 401, json: { error: 'invalid_client' } })
  await run(['client', 'disable', first.client_id])
  await expect.poll(async () => (await post(server, '/token', second, body)).status, { timeout: 5_000 }).toBe(401)
})

test('consent and account page say what an app may do at an API in the words that were registered', async () => {
  await using server = await startTestServer()
  const run = commandLine(server.database.store)
  const described = ['--scope', 'notes:read=Read <your> notes', '--scope', 'notes:write']
  await run(['resource', 'add', resource, '--name', 'Notes', ...described])
  const added = await run([
    ...['client', 'add', '--profile', 'web', '--name', 'Reader', '--redirect-uri', testRedirectUri, '--json'],
    ...['--scope', 'openid notes:read notes:write'],
  ])
  const { client_id: id, client_secret: secret } = added.json() as Credentials
  const client = { id, secret, redirectUri: testRedirectUri }
  const person = server.visitor()
  const page = await register(
    person,
    authorizeUrl(client, pkce(), { scope: 'openid notes:read notes:write', resource }),
    somebody(),
  )
  expect(page.text).toContain('<bdi>Read &lt;your&gt; notes</bdi>')
  expect(page.text).toContain('<code><bdi>notes:write</bdi></code>')
  expect(page.text).not.toContain('notes:read')
  expect(await person.submit(page, '/consent', { decision: 'allow' })).toMatchObject({ left: true })

  const account = await person.get('/account')
  expect(account.text).toContain('<bdi>Read &lt;your&gt; notes</bdi>')
  expect(account.text).toContain('<code><bdi>notes:write</bdi></code>')
  expect(account.text).not.toContain('notes:read')
})

test('consent offers no scope of an API that the app was not registered for', async () => {
  await using server = await startTestServer()
  await server.resource(resource, ['notes:read', 'notes:write'])
  const client = await server.client('web', { resource_scopes: 'notes:read' })
  const address = authorizeUrl(client, pkce(), { scope: 'openid notes:read notes:write', resource })
  const page = await register(server.visitor(), address, somebody())
  expect(page.text).toContain('notes:read')
  expect(page.text).not.toContain('notes:write')
})
