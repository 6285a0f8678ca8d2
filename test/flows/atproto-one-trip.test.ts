/** An app whose consent follows from its registration takes a person to their PDS once; what is not needed goes back there. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { authorizeUrl, type Pkce, pkce, redeem, type Tokens, tokensOf } from '../support/authorize.ts'
import { type Decision, type PdsAccount, startPds, type TestPds } from '../support/pds.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

const post = 'repo:app.bsky.feed.post'
const like = 'repo:app.bsky.feed.like'
const scope = `openid atproto offline_access ${post}`

let pds: TestPds
beforeAll(async () => {
  pds = await startPds()
})
afterAll(() => pds.close())

/** A server, an app of its own, one of somebody else, and a person at a PDS who was never here. */
async function house(settings: Record<string, string> = {}, now = () => new Date()) {
  const server = await startTestServer({ settings: { ...pds.settings, ...settings }, now })
  const registration = { scope: 'openid atproto offline_access', resource_scopes: 'transition:generic' }
  return {
    server,
    account: await pds.account(),
    person: server.visitor(),
    own: await server.client('web', { ...registration, first_party: true }),
    foreign: await server.client('web', registration),
    [Symbol.asyncDispose]: () => server.stop(),
  }
}

type House = Awaited<ReturnType<typeof house>>

interface Way {
  scope?: string
  decision?: Decision
  person?: Visitor
  account?: PdsAccount
  extra?: Record<string, string>
}

/** Goes on until a page of ours asks something but consent, or the browser is back at the app. */
async function walk(it: House, client: TestClient, way: Way = {}) {
  const { person = it.person, account = it.account, decision = 'allow' } = way
  const proof = pkce()
  const extra = { scope: way.scope ?? scope, handle: account.handle, ...way.extra }
  const asked: string[] = []
  let visit = await person.get(authorizeUrl(client, proof, extra))
  for (let steps = 0; steps < 10; steps += 1) {
    if (visit.left && visit.url.origin === pds.url) {
      asked.push(visit.url.searchParams.get('request_uri') ?? '')
      const callback = await pds.login(visit.url, account, decision)
      visit = await person.get(callback.pathname + callback.search)
    } else if (visit.text.includes('value="create"')) {
      return { visit, proof, trips: asked.length }
    } else if (visit.text.includes('value="allow"')) {
      visit = await person.submit(visit, '/consent', { decision: 'allow' })
    } else return { visit, proof, trips: asked.length }
  }
  throw new Error(`the browser goes nowhere: ${visit.url}`)
}

async function become(it: House, newcomer: Visit): Promise<Visit> {
  expect(newcomer.text).toContain('value="create"')
  return it.person.submit(newcomer, '/newcomer', { decision: 'create' })
}

async function tokens(it: House, client: TestClient, { visit, proof }: { visit: Visit; proof: Pkce }): Promise<Tokens> {
  const code = visit.url.searchParams.get('code')
  if (code === null) throw new Error(`no code: ${visit.url}\n${visit.text}`)
  return tokensOf(await redeem(it.server, client, code, proof))
}

/** The account is made by an app that wants nothing at the PDS. */
async function known(it: House): Promise<void> {
  const plain = await it.server.client('web', { scope: 'openid', first_party: true })
  await become(it, (await walk(it, plain, { scope: 'openid' })).visit)
  await expect.poll(() => pds.sessions(it.account)).toBe(0)
}

async function link({ server, account }: House) {
  const row = await server.database.store.db
    .selectFrom('atproto_sessions')
    .select(['scope', 'ended_cause'])
    .where('did', '=', account.did)
    .executeTakeFirst()
  return row && { scopes: row.scope.split(' ').sort(), ended: row.ended_cause }
}

async function held({ server }: Pick<House, 'server'>): Promise<number> {
  return (await server.database.store.db.selectFrom('atproto_keepsakes').select('id_hash').execute()).length
}

function createPost(server: TestServer, { did }: PdsAccount, access: string): Promise<Response> {
  const record = { $type: 'app.bsky.feed.post', text: 'Hello', createdAt: new Date().toISOString() }
  return fetch(`${server.origin}/xrpc/com.atproto.repo.createRecord`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access}`, 'content-type': 'application/json' },
    body: JSON.stringify({ repo: did, collection: 'app.bsky.feed.post', record }),
  })
}

const pushed = () => pds.asked.filter((request) => request === 'POST /oauth/par').length
const shown = () => pds.asked.filter((request) => request === 'GET /oauth/authorize').length

test('a newcomer goes to their PDS once, and the token writes there', async () => {
  await using it = await house()
  await known({ ...it, account: await pds.account(), person: it.server.visitor() })
  const [pushedBefore, shownBefore] = [pushed(), shown()]
  const newcomer = await walk(it, it.own)
  expect(await held(it)).toBe(1)
  expect(await link(it)).toBeUndefined()
  const { access } = await tokens(it, it.own, { ...newcomer, visit: await become(it, newcomer.visit) })
  expect([pushed() - pushedBefore, shown() - shownBefore]).toEqual([1, 1])
  expect(await link(it)).toEqual({ scopes: ['atproto', post], ended: null })
  expect((await createPost(it.server, it.account, access)).status).toBe(200)
  expect(await pds.sessions(it.account)).toBe(1)
  expect(await held(it)).toBe(0)
  const linked = await it.server.database.store.db
    .selectFrom('audit_events')
    .select(['detail', 'client_id'])
    .where('event', '=', 'pds.linked')
    .execute()
  expect(linked).toMatchObject([{ detail: { did: it.account.did }, client_id: it.own.id }])
})

test('somebody whose account exists goes there once, too, also where they type their handle here', async () => {
  await using it = await house()
  await known(it)
  const proof = pkce()
  const person = it.server.visitor()
  let visit = await person.get(authorizeUrl(it.own, proof, { scope }))
  const before = shown()
  const away = await person.submit(visit, '/answer', { handle: it.account.handle })
  const callback = await pds.login(away.url, it.account)
  visit = await person.get(callback.pathname + callback.search)
  const { access } = await tokens(it, it.own, { visit, proof })
  expect(shown() - before).toBe(1)
  expect((await createPost(it.server, it.account, access)).status).toBe(200)
})

test('a newcomer who turns back leaves nothing, neither here nor at the PDS', async () => {
  await using it = await house()
  const { visit } = await walk(it, it.own)
  expect(await pds.sessions(it.account)).toBe(1)
  const back = await it.person.submit(visit, '/cancel')
  expect(back.url.searchParams.get('error')).toBe('access_denied')
  expect(await held(it)).toBe(0)
  await expect.poll(() => pds.sessions(it.account)).toBe(0)
  expect(await link(it)).toBeUndefined()
})

test('neither does who may not come in: registration closed, account disabled', async () => {
  await using closed = await house({ REGISTRATION: 'closed' })
  expect((await walk(closed, closed.own)).visit.status).toBe(403)
  await expect.poll(() => pds.sessions(closed.account)).toBe(0)
  expect(await held(closed)).toBe(0)

  await using it = await house()
  await known(it)
  await it.server.database.store.db.updateTable('accounts').set({ disabled_at: new Date() }).execute()
  expect((await walk(it, it.own, { person: it.server.visitor() })).visit.status).toBe(403)
  await expect.poll(() => pds.sessions(it.account)).toBe(0)
  expect(await held(it)).toBe(0)
  expect(await link(it)).toBeUndefined()
})

test('a wider link stays as it is, and what the sign-in brought goes back', async () => {
  await using it = await house()
  await known(it)
  await tokens(it, it.foreign, await walk(it, it.foreign, { scope: `openid ${post} ${like}` }))
  const row = () => it.server.database.store.db.selectFrom('atproto_sessions').selectAll().executeTakeFirst()
  const before = await row()
  const way = await walk(it, it.own, { person: it.server.visitor() })
  expect(way.trips).toBe(1)
  const { access } = await tokens(it, it.own, way)
  expect(await row()).toEqual(before)
  expect(await held(it)).toBe(0)
  await expect.poll(() => pds.sessions(it.account)).toBe(1)
  expect((await createPost(it.server, it.account, access)).status).toBe(200)
})

test('where another app was granted something else, a second trip asks for both', async () => {
  await using it = await house()
  await known(it)
  await tokens(it, it.foreign, await walk(it, it.foreign, { scope: `openid ${like}` }))
  const way = await walk(it, it.own, { person: it.server.visitor() })
  expect(way.trips).toBe(2)
  await tokens(it, it.own, way)
  expect((await link(it))?.scopes).toEqual(['atproto', like, post])
  expect(await held(it)).toBe(0)
  await expect.poll(() => pds.sessions(it.account)).toBe(1)
})

test('so does one where the person allowed less at their PDS, and then a page says so', async () => {
  await using it = await house()
  await known(it)
  const way = await walk(it, it.own, { person: it.server.visitor(), decision: { scope: 'atproto' } })
  expect(way).toMatchObject({ trips: 2, visit: { status: 400 } })
  expect(way.visit.text).toContain('allowed less')
  expect(await held(it)).toBe(0)
})

test('an app of somebody else: who has not decided here is asked for nothing but who they are', async () => {
  await using it = await house()
  const newcomer = await walk(it, it.foreign)
  expect(await held(it)).toBe(0)
  await expect.poll(() => pds.sessions(it.account)).toBe(0)
  const consent = await become(it, newcomer.visit)
  expect(consent.text).toContain('value="allow"')
  const away = await it.person.submit(consent, '/consent', { decision: 'allow' })
  expect(away.url.origin).toBe(pds.url)
})

test('what somebody who walks away left is given back to the PDS when the time is over', async () => {
  // Only what the server does every minute: everything else goes its way.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  let ahead = 0
  try {
    await using it = await house({}, () => new Date(Date.now() + ahead * 1000))
    await walk(it, it.own)
    await vi.advanceTimersByTimeAsync(60_000)
    expect([await held(it), await pds.sessions(it.account)]).toEqual([1, 1])
    ahead = 601
    await vi.advanceTimersByTimeAsync(60_000)
    await expect.poll(() => held(it)).toBe(0)
    await expect.poll(() => pds.sessions(it.account)).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
