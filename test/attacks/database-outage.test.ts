import { createServer } from 'node:net'
import { expect, vi } from 'vitest'
import { openPostgres } from '../../adapters/postgres/database.ts'
import { readConfig } from '../../server/config.ts'
import { log } from '../../server/log.ts'
import { startServer } from '../../server/main.ts'
import { authorize, authorizeUrl, isActive, pkce, redeem, refresh, signedIn, tokensOf } from '../support/authorize.ts'
import { createDatabase, openPostgresDatabase, postgresTest } from '../support/database.ts'
import { wire } from '../support/outage.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { toy } from '../support/toy-provider.ts'

const patience = { timeout: 20_000, interval: 50 }

async function startBehindWire() {
  const database = await openPostgresDatabase()
  const line = await wire(database.url)
  const store = openPostgres(line.url)
  const server = await startTestServer({ providers: [toy()], database: { ...database, store } })
  return {
    line,
    server,
    async [Symbol.asyncDispose]() {
      await server.stop()
      await store.close()
      await line[Symbol.asyncDispose]()
      await database.close()
    },
  }
}

async function expectUnavailable(answer: Response, name: string): Promise<void> {
  const text = await answer.text()
  expect(answer.status, `${name}: ${text}`).toBe(503)
  expect(Number(answer.headers.get('retry-after')), name).toBeGreaterThan(0)
  if (answer.headers.get('content-type')?.includes('json')) {
    expect(JSON.parse(text), name).toMatchObject({ error: 'temporarily_unavailable', reference: expect.any(String) })
  }
  expect(text, name).not.toMatch(/ECONN|127\.0\.0\.1|postgres|\.ts:/)
}

const status = async (server: TestServer, path: string) => (await fetch(`${server.origin}${path}`)).status

postgresTest('while the database is away everything that needs it is a 503, and nothing is lost', async () => {
  await using running = await startBehindWire()
  const { line, server } = running
  const [client, cold] = [await server.client('web'), await server.client('web')]
  const api = 'https://api.example/outage'
  await server.resource(api, ['read'])
  const service = await server.client('service', { resource_scopes: 'read' })
  const tokens = await signedIn(server, client)
  const proof = pkce()
  const person = server.visitor()
  const callback = await authorize(person, client, proof, { extra: { scope: 'openid offline_access' } })
  const code = callback.searchParams.get('code') ?? ''
  const interaction = await server.visitor().get(authorizeUrl(client, pkce()))

  await line.cut()
  for (let round = 0; round < 3; round += 1) {
    const basic = (it: { id: string; secret: string }) =>
      `Basic ${Buffer.from(`${it.id}:${it.secret}`).toString('base64')}`
    const post = (path: string, it: { id: string; secret: string }, body: Record<string, string>) =>
      fetch(`${server.origin}${path}`, {
        method: 'POST',
        headers: { authorization: basic(it) },
        body: new URLSearchParams(body),
      })
    const refreshing = { grant_type: 'refresh_token', refresh_token: tokens.refresh }
    const redeeming = {
      grant_type: 'authorization_code',
      code,
      code_verifier: proof.verifier,
      redirect_uri: client.redirectUri,
    }
    await expectUnavailable(await post('/token', client, refreshing), 'refresh')
    await expectUnavailable(await post('/token', cold, refreshing), 'refresh of a client that is not known yet')
    await expectUnavailable(await post('/token', client, redeeming), 'code')
    await expectUnavailable(
      await post('/token', service, { grant_type: 'client_credentials', resource: api }),
      'service',
    )
    await expectUnavailable(await post('/introspect', client, { token: tokens.access }), 'introspect')
    await expectUnavailable(await post('/revoke', client, { token: tokens.access }), 'revoke')
    const pushed = Object.fromEntries(new URLSearchParams(authorizeUrl(client, pkce()).split('?')[1]))
    await expectUnavailable(await post('/par', client, pushed), 'par')
    const bearer = { headers: { authorization: `Bearer ${tokens.access}` } }
    await expectUnavailable(await fetch(`${server.origin}/userinfo`, bearer), 'userinfo')
    for (const accept of ['text/html', 'application/json']) {
      const asked = fetch(`${server.origin}${authorizeUrl(client, pkce())}`, {
        headers: { accept },
        redirect: 'manual',
      })
      await expectUnavailable(await asked, `authorize, ${accept}`)
    }
    const cookie = person.cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
    const known = fetch(`${server.origin}${authorizeUrl(client, pkce())}`, { headers: { cookie }, redirect: 'manual' })
    await expectUnavailable(await known, 'authorize with a session')
    await expectUnavailable(await fetch(interaction.url, { headers: { cookie: 'interaction=x' } }), 'interaction')
  }
  expect(await status(server, '/health/ready')).toBe(503)
  expect(await status(server, '/health/live')).toBe(200)
  expect(await status(server, '/.well-known/openid-configuration')).toBe(200)
  expect(await status(server, '/.well-known/oauth-authorization-server')).toBe(200)
  expect(await status(server, '/jwks')).toBe(200)
  expect(server.logged.join('\n')).not.toContain('invalid_grant')

  await line.restore()
  await vi.waitFor(async () => expect(await status(server, '/health/ready')).toBe(200), patience)
  expect(await isActive(server, client, tokens.access)).toBe(true)
  const renewed = tokensOf(await refresh(server, client, tokens.refresh))
  expect(await isActive(server, client, renewed.access)).toBe(true)
  const redeemed = await redeem(server, client, code, proof)
  expect(redeemed.status).toBe(200)
  expect((await signedIn(server, client)).access).toBeTruthy()
})

postgresTest('connections that were ended behind our back are replaced without anybody noticing for long', async () => {
  await using running = await startBehindWire()
  const { line, server } = running
  const client = await server.client('web')
  let tokens = await signedIn(server, client)
  for (let round = 0; round < 5; round += 1) {
    await line.restore()
    // What fails says so; whoever tries again gets on.
    const answer = await vi.waitFor(async () => {
      const tried = await refresh(server, client, tokens.refresh)
      expect([200, 503]).toContain(tried.status)
      expect(tried.status).toBe(200)
      return tried
    }, patience)
    tokens = tokensOf(answer)
  }
})

postgresTest('requests that are under way when the database goes end as 503 or whole, never in between', async () => {
  await using running = await startBehindWire()
  const { line, server } = running
  const client = await server.client('web')
  const people = await Promise.all(Array.from({ length: 12 }, () => signedIn(server, client)))
  const underWay = people.map(({ refresh: value }) => refresh(server, client, value))
  await line.cut()
  const answers = await Promise.all(underWay)
  for (const answer of answers) {
    expect([200, 503], JSON.stringify(answer.body)).toContain(answer.status)
    if (answer.status === 503) expect(answer.body.error).toBe('temporarily_unavailable')
  }
  await line.restore()
  await vi.waitFor(async () => expect(await status(server, '/health/ready')).toBe(200), patience)
  for (const [at, answer] of answers.entries()) {
    const presented = answer.status === 200 ? tokensOf(answer).refresh : String(people[at]?.refresh)
    expect((await refresh(server, client, presented)).status).toBe(200)
  }
})

postgresTest('a database that says nothing any more is given up within seconds', async () => {
  await using running = await startBehindWire()
  const { line, server } = running
  const client = await server.client('web')
  const tokens = await signedIn(server, client)
  line.freeze()
  const begun = performance.now()
  const answers = await Promise.all(Array.from({ length: 15 }, () => refresh(server, client, tokens.refresh)))
  for (const answer of answers)
    expect(answer).toMatchObject({ status: 503, body: { error: 'temporarily_unavailable' } })
  expect(performance.now() - begun).toBeLessThan(15_000)
  expect(await status(server, '/health/live')).toBe(200)
  await line.restore()
  await vi.waitFor(async () => expect(await status(server, '/health/ready')).toBe(200), patience)
  expect((await refresh(server, client, tokens.refresh)).status).toBe(200)
})

postgresTest('a server that starts before its database is alive, waits, and serves as soon as it comes', async () => {
  const { url, remove } = await createDatabase('empty')
  await using line = await wire(url, 'down')
  const port = await freePort()
  const logged: string[] = []
  const config = readConfig({ PORT: String(port), DATABASE_URL: line.url, SECRETS: 's'.repeat(32) })
  const starting = startServer(config, { log: log('info', { write: (text) => void logged.push(text) }) })
  const at = (path: string) => fetch(`http://localhost:${port}${path}`)
  await vi.waitFor(async () => expect((await at('/health/live')).status).toBe(200), patience)
  await vi.waitFor(() => expect(logged.join('\n')).toContain('the database does not answer'), patience)
  expect((await at('/health/ready')).status).toBe(503)
  const early = await at('/token')
  expect([early.status, await early.json()]).toEqual([
    503,
    expect.objectContaining({ error: 'temporarily_unavailable' }),
  ])
  expect(Number(early.headers.get('retry-after'))).toBeGreaterThan(0)
  await line.restore()
  const server = await starting
  expect((await at('/health/ready')).status).toBe(200)
  expect((await at('/.well-known/openid-configuration')).status).toBe(200)
  await server.stop()
  await remove()
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
