/** What a person has allowed can be seen and taken back, whatever has become of the tokens (ASVS 5 §10.7.3). */
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { authorizeUrl, pkce, redeem, token } from '../support/authorize.ts'
import { commandLine } from '../support/command-line.ts'
import { register, signIn, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('an app that is remembered is shown after sign-out too, and asks again once it is removed', async () => {
  const client = await server.client('web', { client_name: 'Remembered app' })
  const [person, who] = [server.visitor(), somebody()]
  const question = await register(person, authorizeUrl(client, pkce()), who)
  await person.submit(question, '/consent', { decision: 'allow' })
  await person.submit(await person.get('/logout'), '/logout/confirm', { logout: 'yes' })

  const account = await signIn(person, '/account', who)
  expect(account.text).toContain('Remembered app')
  expect((await person.get(authorizeUrl(client, pkce()))).left).toBe(true)
  const removed = await person.submit(await person.get('/account'), '/apps/revoke')
  expect(removed.text).not.toContain('Remembered app')
  expect((await person.get(authorizeUrl(client, pkce()))).text).toContain('value="allow"')
})

test('a way to sign in is removed with or without the access of apps, as the person says', async () => {
  const client = await server.client('web', { client_name: 'Kept app' })
  const provider = 'password'
  for (const [decision, keeps] of [
    ['remove', true],
    ['remove-with-apps', false],
  ] as const) {
    const [person, who, proof] = [server.visitor(), somebody(), pkce()]
    const scope = { scope: 'openid offline_access' }
    const question = await register(person, authorizeUrl(client, proof, scope), who)
    const back = await person.submit(question, '/consent', { decision: 'allow' })
    const { body } = await redeem(server, client, back.url.searchParams.get('code') ?? '', proof)
    const { db } = server.database.store
    const rows = await db.selectFrom('identities').selectAll().where('provider', '=', provider).execute()
    const { account_id, subject } = rows.find(({ label }) => label === who.email) ?? { account_id: '', subject: '' }
    const another = { provider: 'atproto', subject: `did:example:${decision}`, label: null, last_used_at: null }
    await db
      .insertInto('identities')
      .values({ ...another, account_id, created_at: new Date() })
      .execute()
    const asked = await person.post('/account/identities/remove', { provider, subject })
    expect(asked.text).toContain('Kept app')
    const done = await person.post('/account/identities/remove', { provider, subject, decision })
    expect(done.text).toContain('That way to sign in is removed')
    expect(done.text.includes('Kept app')).toBe(keeps)
    const again = await token(server, client, {
      grant_type: 'refresh_token',
      refresh_token: String(body.refresh_token),
    })
    expect(again.status).toBe(keeps ? 200 : 400)
  }
})

test('an app shows when it last fetched a token', async () => {
  const client = await server.client('web')
  const [person, proof] = [server.visitor(), pkce()]
  const question = await register(person, authorizeUrl(client, proof, { scope: 'openid offline_access' }), somebody())
  const back = await person.submit(question, '/consent', { decision: 'allow' })
  expect((await person.get('/account')).text).not.toContain('last used')
  const { body } = await redeem(server, client, back.url.searchParams.get('code') ?? '', proof)
  await token(server, client, { grant_type: 'refresh_token', refresh_token: String(body.refresh_token) })
  expect((await person.get('/account')).text).toContain('last used')
})

const iftttAddress = 'https://ifttt.com/channels/example_service/authorize'
const forIfttt = { scope: 'ifttt', code_challenge: undefined, code_challenge_method: undefined }

/** Posts to the token endpoint as IFTTT does: the secret in the body. */
function asIfttt(client: TestClient, params: Record<string, string>) {
  const body = new URLSearchParams({ ...params, client_id: client.id, client_secret: client.secret })
  return fetch(`${server.origin}/token`, { method: 'POST', body })
}

async function connectedToIfttt() {
  const client = await server.client('ifttt', { client_name: 'IFTTT', redirect_uris: [iftttAddress] })
  const [person, who] = [server.visitor(), somebody()]
  const question = await register(person, authorizeUrl(client, pkce(), forIfttt), who)
  const back = await person.submit(question, '/consent', { decision: 'allow' })
  const code = back.url.searchParams.get('code') ?? ''
  const answer = await asIfttt(client, { grant_type: 'authorization_code', code, redirect_uri: iftttAddress })
  const tokens = (await answer.json()) as { access_token: string; refresh_token: string }
  return { client, person, who, question, tokens }
}

/** What the service behind us and IFTTT get for the token. */
function userInfo(accessToken: string): Promise<Response> {
  return fetch(`${server.origin}/ifttt/v1/user/info`, { headers: { authorization: `Bearer ${accessToken}` } })
}

test('whoever is asked for IFTTT reads what for, and that it lasts until it is taken back', async () => {
  const { question, person } = await connectedToIfttt()
  expect(question.text).toContain('IFTTT</bdi></strong> wants to use')
  expect(question.text).toContain('whatever this service offers on IFTTT')
  expect(question.text).toContain('Keep access until you take it back')
  expect(question.text).not.toContain('/ifttt/v1')
  const other = await server.client('web', { client_name: 'Other' })
  const offline = await person.get(authorizeUrl(other, pkce(), { scope: 'openid offline_access', prompt: 'consent' }))
  expect(offline.text).toContain('Keep access when you are away')
  expect(offline.text).not.toContain('until you take it back')
})

test.each(['openid', 'openid ifttt'])('what lasts is said to last when IFTTT asks for %j, too', async (scope) => {
  const client = await server.client('ifttt', { client_name: 'IFTTT', redirect_uris: [iftttAddress] })
  const person = server.visitor()
  const question = await register(person, authorizeUrl(client, pkce(), { ...forIfttt, scope }), somebody())
  expect(question.text).toContain('Keep access until you take it back')
  const back = await person.submit(question, '/consent', { decision: 'allow' })
  const code = back.url.searchParams.get('code') ?? ''
  const answer = await asIfttt(client, { grant_type: 'authorization_code', code, redirect_uri: iftttAddress })
  expect(await answer.json()).toHaveProperty('refresh_token')
})

test('the account shows on which day IFTTT last used its access, and takes it back at once', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2030-03-01T23:50:00Z') })
  onTestFinished(() => void vi.useRealTimers())
  const { client, person, tokens } = await connectedToIfttt()
  const shown = async () => /last used <time datetime="([^"T]+)/.exec((await person.get('/account')).text)?.[1]
  expect(await shown()).toBe('2030-03-01')
  vi.setSystemTime(new Date('2030-03-02T00:10:00Z'))
  expect((await userInfo(tokens.access_token)).status).toBe(200)
  expect(await shown()).toBe('2030-03-02')
  await person.submit(await person.get('/account'), '/apps/revoke')
  expect((await userInfo(tokens.access_token)).status).toBe(401)
  const again = await asIfttt(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
  expect([again.status, await again.json()]).toMatchObject([400, { error: 'invalid_grant' }])
})

test('an account that is disabled ends what IFTTT was given, and enabling it does not bring it back', async () => {
  const { client, who, tokens } = await connectedToIfttt()
  const run = commandLine(server.database.store)
  for (const verb of ['disable', 'enable']) {
    expect(await run(['user', verb, who.email])).toMatchObject({ exitCode: 0 })
    expect((await userInfo(tokens.access_token)).status).toBe(401)
    const again = await asIfttt(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
    expect([again.status, await again.json()]).toMatchObject([400, { error: 'invalid_grant' }])
  }
})

test('an app that was removed is said to be unknown, in words for the person who was sent here', async () => {
  const page = await server.visitor().get(`/authorize?client_id=gone&response_type=code&scope=ifttt&state=x`)
  expect(page.status).toBe(400)
  expect(page.text).toContain('This app is not known here')
  expect(page.text).not.toContain('invalid_client')
})
