/** Whose account it is: who is signed in here, who comes back from the PDS, and what ends when an account does. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { authorizeUrl, type Pkce, pkce, redeem, tokensOf } from '../support/authorize.ts'
import { commandLine } from '../support/command-line.ts'
import { type PdsAccount, startPds, type TestPds } from '../support/pds.ts'
import { comeBack, signInByHandle } from '../support/pds-sign-in.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

const post = 'repo:app.bsky.feed.post'
const scope = `openid atproto offline_access ${post}`

let pds: TestPds
beforeAll(async () => {
  pds = await startPds()
})
afterAll(() => pds.close())

function start(settings: Record<string, string> = {}): Promise<TestServer> {
  return startTestServer({ settings: { ...pds.settings, ...settings } })
}

function app(server: TestServer): Promise<TestClient> {
  return server.client('web', { scope: 'openid atproto offline_access', resource_scopes: 'transition:generic' })
}

/** What the server does every minute happens when the test says so; everything else goes its way. */
function minutes() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  return { next: () => vi.advanceTimersByTimeAsync(60_000), [Symbol.dispose]: () => void vi.useRealTimers() }
}

/** Does what every page asks, as `account` at the PDS, until the browser is back at the app. */
async function onward(person: Visitor, client: TestClient, first: Visit, account: PdsAccount): Promise<Visit> {
  let visit = first
  for (let steps = 0; visit.url.origin !== new URL(client.redirectUri).origin; steps += 1) {
    if (steps > 10) throw new Error(`nowhere: ${visit.url}\n${visit.text}`)
    if (visit.left) visit = await comeBack(person, await pds.login(visit.url, account))
    else if (visit.text.includes('value="create"'))
      visit = await person.submit(visit, '/newcomer', { decision: 'create' })
    else if (visit.text.includes('value="allow"')) visit = await person.submit(visit, '/consent', { decision: 'allow' })
    else if (visit.text.includes('/logout/confirm"')) visit = await person.submit(visit, '/logout/confirm')
    else throw new Error(`does not go on: ${visit.status} ${visit.url}\n${visit.text}`)
  }
  return visit
}

async function whoIs(server: TestServer, client: TestClient, visit: Visit, proof: Pkce) {
  const { access } = tokensOf(await redeem(server, client, visit.url.searchParams.get('code') ?? '', proof))
  const answer = await fetch(`${server.origin}/userinfo`, { headers: { authorization: `Bearer ${access}` } })
  return (await answer.json()) as Record<string, unknown>
}

test('somebody else is signed in here: the app gets whom it named, and the browser is theirs from then on', async () => {
  await using server = await start()
  const [client, alice, bob, person] = [await app(server), await pds.account(), await pds.account(), server.visitor()]
  await signInByHandle(server, pds, person, client, alice, pkce(), { scope: 'openid atproto' })
  const proof = pkce()
  const page = await person.get(authorizeUrl(client, proof, { scope: 'openid atproto', handle: bob.handle }))
  const away = await person.submit(page, '/answer', { handle: bob.handle })
  const back = await onward(person, client, away, bob)
  expect(await whoIs(server, client, back, proof)).toMatchObject({ did: bob.did })
  expect((await person.get('/account')).text).toContain(bob.handle)
  expect((await person.get('/account')).text).not.toContain(alice.handle)
})

test('somebody with a password signs in at a PDS where an app needs one: the link is of that account alone', async () => {
  await using server = await start()
  const [client, alice, person] = [await app(server), await pds.account(), server.visitor()]
  const plain = await server.client('web', { scope: 'openid', first_party: true })
  await register(person, authorizeUrl(plain, pkce(), {}), somebody())
  const proof = pkce()
  const page = await person.get(authorizeUrl(client, proof, { scope }))
  const handle = await person.submit(page, '/start/atproto')
  const away = await person.submit(handle, '/answer', { handle: alice.handle })
  const back = await onward(person, client, away, alice)
  expect(await whoIs(server, client, back, proof)).toMatchObject({ did: alice.did, handle: alice.handle })
  const rows = await server.database.store.db.selectFrom('identities').select(['provider', 'account_id']).execute()
  expect(new Set(rows.map(({ account_id }) => account_id)).size).toBe(2)
  expect(await pds.sessions(alice)).toBe(1)
})

test('an app that is taken back while the person is at their PDS has to ask again, and leaves no link', async () => {
  using time = minutes()
  await using server = await start()
  const [client, alice, person] = [await app(server), await pds.account(), server.visitor()]
  const first = await server.client('web', { scope: 'openid', first_party: true })
  await signInByHandle(server, pds, person, first, alice)
  const consent = await person.get(authorizeUrl(client, pkce(), { scope }))
  const away = await person.submit(consent, '/consent', { decision: 'allow' })
  const callback = await pds.login(away.url, alice)
  await person.post('/account/apps/revoke', { client_id: client.id })
  const back = await comeBack(person, callback)
  expect(back.text).toContain('value="allow"')
  await expect.poll(() => pds.sessions(alice)).toBe(1)
  const denied = await person.submit(back, '/consent', { decision: 'deny' })
  expect(denied.url.searchParams.get('error')).toBe('access_denied')
  await time.next()
  await expect.poll(() => pds.sessions(alice)).toBe(0)
})

test.each([
  ['remove', 'removed'],
  ['disable', 'disabled'],
])('user %s gives the link back to the PDS within a minute', async (command, cause) => {
  using time = minutes()
  await using server = await start()
  const [client, alice, person] = [await app(server), await pds.account(), server.visitor()]
  await signInByHandle(server, pds, person, client, alice, pkce(), { scope })
  expect(await pds.sessions(alice)).toBe(1)
  const run = commandLine(server.database.store)
  const [account] = (await run(['user', 'list', '--json'])).json().users as { account_id: string }[]
  expect(await run(['user', command, account?.account_id ?? ''])).toMatchObject({ exitCode: 0 })
  await time.next()
  await expect.poll(() => pds.sessions(alice)).toBe(0)
  const row = await server.database.store.db.selectFrom('atproto_sessions').selectAll().executeTakeFirstOrThrow()
  expect(row).toMatchObject({ sealed_session: null, ended_cause: cause })
})
