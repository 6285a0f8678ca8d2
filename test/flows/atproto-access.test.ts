/** From an app's wish to the link at a real PDS and to its end: what is asked there is what stands granted here. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, endpoint, type Pkce, pkce, redeem, refresh, tokensOf } from '../support/authorize.ts'
import { commandLine, commandLineSecret } from '../support/command-line.ts'
import { answering, type Decision, type PdsAccount, startPds, type TestPds } from '../support/pds.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

const post = 'repo:app.bsky.feed.post'
const like = 'repo:app.bsky.feed.like'
const pictures = 'blob:image/*'

let pds: TestPds
let usual: TestServer
beforeAll(async () => {
  pds = await startPds()
  usual = await startTestServer({ settings: pds.settings })
})
afterAll(async () => {
  await usual.stop()
  await pds.close()
})

/** A server in the world of the PDS, an app, and somebody who signed in at their PDS before; no other test knows them. */
async function house(settings?: Record<string, string>) {
  const own = settings && (await startTestServer({ settings: { ...pds.settings, ...settings } }))
  const server = own ?? usual
  const account = await pds.account()
  const person = server.visitor()
  const client = await newApp(server)
  const first = await server.client('web', { scope: 'openid', first_party: true })
  const away = await person.get(authorizeUrl(first, pkce(), { handle: account.handle }))
  const newcomer = await comeBack(person, await pds.login(away.url, account))
  await person.submit(newcomer, '/newcomer', { decision: 'create' })
  return { server, account, person, client, [Symbol.asyncDispose]: async () => own?.stop() }
}

type House = Awaited<ReturnType<typeof house>>

function newApp(server: TestServer, resource_scopes = 'transition:generic'): Promise<TestClient> {
  return server.client('web', { scope: 'openid atproto offline_access', resource_scopes })
}

/** Follows the callback as a browser does that knows this machine by one name. */
function comeBack(person: Visitor, callback: URL): Promise<Visit> {
  return person.get(callback.pathname + callback.search)
}

function ask({ person }: House, client: TestClient, scope: string, extra: Record<string, string> = {}) {
  const proof = pkce()
  return { proof, visit: person.get(authorizeUrl(client, proof, { scope, ...extra })) }
}

function isAtPds(visit: Visit): boolean {
  return visit.left && visit.url.origin === pds.url
}

async function confirm({ person, account }: House, visit: Visit, decision: Decision = 'allow', other?: PdsAccount) {
  expect(isAtPds(visit), `${visit.url}\n${visit.text}`).toBe(true)
  return comeBack(person, await pds.login(visit.url, other ?? account, decision))
}

async function tokens({ server }: House, client: TestClient, visit: Visit, proof: Pkce) {
  const code = visit.url.searchParams.get('code')
  if (code === null) throw new Error(`no code: ${visit.url}\n${visit.text}`)
  return tokensOf(await redeem(server, client, code, proof))
}

/** The whole way of an app that is allowed everything. */
async function allowed(house: House, client: TestClient, scope: string) {
  const { proof, visit } = ask(house, client, scope)
  const consent = await visit
  const away = await house.person.submit(consent, '/consent', { decision: 'allow' })
  return tokens(house, client, isAtPds(away) ? await confirm(house, away) : away, proof)
}

/** The link as it is stored. */
async function link({ server, account }: House) {
  const row = await server.database.store.db
    .selectFrom('atproto_sessions')
    .select(['scope', 'ended_cause'])
    .where('did', '=', account.did)
    .executeTakeFirst()
  return row && { scopes: row.scope.split(' ').sort(), ended: row.ended_cause }
}

async function audited({ server, account }: House, event: string) {
  const { db } = server.database.store
  const rows = await db.selectFrom('audit_events').select('detail').where('event', '=', event).execute()
  return rows.filter(({ detail }) => (detail as { did?: unknown }).did === account.did)
}

test('after consent the person confirms at their PDS exactly what they allowed, and the app gets its token', async () => {
  await using it = await house()
  const { proof, visit } = ask(it, it.client, `openid atproto ${post}?action=create ${pictures}`)
  const consent = await visit
  expect(consent.text).toContain('Create Bluesky posts')
  expect(consent.text).toContain('Upload pictures')
  expect(consent.text).toContain(it.account.handle)
  expect(await link(it)).toBeUndefined()
  const away = await it.person.submit(consent, '/consent', { decision: 'allow' })
  const { access } = await tokens(it, it.client, await confirm(it, away), proof)
  expect(access).toBeTruthy()
  expect((await link(it))?.scopes).toEqual(['atproto', pictures, `${post}?action=create`])
  expect(await pds.sessions(it.account)).toBe(1)
  expect(await audited(it, 'pds.linked')).toMatchObject([{ detail: { did: it.account.did } }])
})

test('who denies here is not sent to the PDS, and nothing is asked there', async () => {
  await using it = await house()
  const before = pds.asked.length
  const consent = await ask(it, it.client, `openid ${post}`).visit
  const back = await it.person.submit(consent, '/consent', { decision: 'deny' })
  expect(back.url.searchParams.get('error')).toBe('access_denied')
  // What another test left is given back in the background; here is nothing to give back.
  expect(pds.asked.slice(before).filter((it) => it !== 'POST /oauth/revoke')).toEqual([])
  expect(await link(it)).toBeUndefined()
})

test('who one is needs no link: atproto alone sends nobody to the PDS', async () => {
  await using it = await house()
  await allowed(it, it.client, 'openid atproto')
  expect(await link(it)).toBeUndefined()
})

test('what is covered needs neither consent nor the PDS again, for this app; another one asks for consent alone', async () => {
  await using it = await house()
  await allowed(it, it.client, `openid atproto ${post} ${pictures}`)
  const { proof, visit } = ask(it, it.client, `openid atproto ${post}?action=delete blob:image/png`)
  await tokens(it, it.client, await visit, proof)

  const other = await newApp(it.server)
  const second = ask(it, other, `openid ${post}?action=create`)
  const back = await it.person.submit(await second.visit, '/consent', { decision: 'allow' })
  expect(isAtPds(back)).toBe(false)
  await tokens(it, other, back, second.proof)
  expect((await link(it))?.scopes).toEqual(['atproto', pictures, post])
})

test('the account page says what an app was granted in words, also where one scope covers another or is spelt otherwise', async () => {
  await using it = await house()
  await allowed(it, it.client, `openid atproto ${post} ${pictures}`)
  const covered = ask(it, it.client, `openid atproto ${post}?action=update&action=create blob:image/png`)
  await tokens(it, it.client, await covered.visit, covered.proof)
  const { text } = await it.person.get('/account')
  expect(text).toContain('Upload pictures')
  expect(text).not.toContain('?action=')
  expect(text).not.toContain('image/png')
})

test('an app that needs more takes the person to the PDS again, for all that stands granted to any app', async () => {
  await using it = await house()
  const other = await newApp(it.server)
  await allowed(it, other, `openid ${like}`)
  const first = await allowed(it, it.client, `openid offline_access ${post}?action=create`)
  expect((await link(it))?.scopes).toEqual(['atproto', like, `${post}?action=create`])
  await allowed(it, it.client, `openid offline_access ${post}`)
  expect((await link(it))?.scopes).toEqual(['atproto', like, post])
  // The link before was given back, not left behind.
  expect(await pds.sessions(it.account)).toBe(1)
  const narrower = await refresh(it.server, it.client, first.refresh, { scope: `openid ${post}?action=create` })
  expect(narrower).toMatchObject({ status: 200, body: { scope: `openid ${post}?action=create` } })
})

test('a PDS that was not confirmed is a page with two ways on, and never a circle', async () => {
  await using it = await house()
  const { proof, visit } = ask(it, it.client, `openid ${post}`)
  const away = await it.person.submit(await visit, '/consent', { decision: 'allow' })
  const interaction = it.person.cookies.findLast(({ name }) => name === 'attempt')?.path ?? ''

  const cancelled = await confirm(it, away, 'deny')
  expect(cancelled).toMatchObject({ status: 400, left: false })
  expect(cancelled.text).toContain('You cancelled at your PDS')
  // Back and forward, or a reload: the page, not the PDS.
  expect((await it.person.get(interaction)).text).toContain('hasn’t confirmed yet')

  const again = await it.person.submit(cancelled, '/pds')
  const stranger = await pds.account()
  const refused = await confirm(it, again, 'allow', stranger)
  expect(refused).toMatchObject({ status: 400, left: false })
  expect(refused.text).toContain('not for this account')
  await expect.poll(() => pds.sessions(stranger)).toBe(0)
  expect(await link(it)).toBeUndefined()

  const narrowed = await confirm(it, await it.person.submit(refused, '/pds'), { scope: 'atproto' })
  expect(narrowed).toMatchObject({ status: 400, left: false })
  expect(narrowed.text).toContain('allowed less')

  const back = await confirm(it, await it.person.submit(narrowed, '/pds'))
  await tokens(it, it.client, back, proof)
})

test('who gives up goes back to the app', async () => {
  await using it = await house()
  const away = await it.person.submit(await ask(it, it.client, `openid ${post}`).visit, '/consent', {
    decision: 'allow',
  })
  const page = await confirm(it, away, 'deny')
  const back = await it.person.submit(page, '/cancel')
  expect(back.left).toBe(true)
  expect(back.url.searchParams.get('error')).toBe('access_denied')
})

test('a PDS that is down is said to be, and tried again when the person says so', async () => {
  await using it = await house()
  const { proof, visit } = ask(it, it.client, `openid ${post}`)
  const consent = await visit
  pds.setMood('refuse')
  let page: Visit
  try {
    page = await it.person.submit(consent, '/consent', { decision: 'allow' })
  } finally {
    pds.setMood('well')
  }
  expect(page).toMatchObject({ status: 503, left: false })
  expect(page.text).toContain('can’t be reached')
  await tokens(it, it.client, await confirm(it, await it.person.submit(page, '/pds')), proof)
})

test('a PDS that does not take what is asked is said not to, in other words than one that is down', async () => {
  await using it = await house()
  const consent = await ask(it, it.client, `openid ${post}`).visit
  pds.stand('/oauth/par', answering(400, { error: 'invalid_scope' }))
  let page: Visit
  try {
    page = await it.person.submit(consent, '/consent', { decision: 'allow' })
  } finally {
    pds.stand('/oauth/par', undefined)
  }
  expect(page).toMatchObject({ status: 400, left: false })
  expect(page.text).toContain('doesn’t take what this app asks for')
  expect((await confirm(it, await it.person.submit(page, '/pds'))).left).toBe(true)
})

test('whom an app asks for something at their PDS is asked for their handle first, and may still sign in otherwise', async () => {
  await using it = await house()
  const person = it.server.visitor()
  const page = await person.get(authorizeUrl(it.client, pkce(), { scope: `openid ${post}` }))
  expect(page).toMatchObject({ status: 200, left: false })
  expect(page.text).toContain('name="handle"')
  expect((await person.submit(page, '/start/password')).text).toContain('name="password"')
  const who = await it.server.visitor().get(authorizeUrl(it.client, pkce(), { scope: 'openid atproto' }))
  expect(who.text).toContain('name="password"')
})

test('prompt=none answers interaction_required where the PDS has to confirm (OpenID Connect Core §3.1.2.6)', async () => {
  await using it = await house()
  await allowed(it, it.client, `openid ${post}`)
  const fine = await ask(it, it.client, `openid ${post}`, { prompt: 'none' }).visit
  expect(fine.url.searchParams.get('code')).toBeTruthy()
  const sessions = it.server.database.store.db.updateTable('atproto_sessions').set({ ended_at: new Date() })
  await sessions.where('did', '=', it.account.did).execute()
  const visit = await ask(it, it.client, `openid ${post}`, { prompt: 'none' }).visit
  expect(visit.url.searchParams.get('error')).toBe('interaction_required')
})

test('the link ends with the last app that needs it, also at the PDS', async () => {
  await using it = await house()
  const other = await newApp(it.server)
  await allowed(it, other, `openid ${like}`)
  await allowed(it, it.client, `openid ${post}`)
  const remove = async ({ id }: TestClient) => {
    const response = await it.person.post('/account/apps/revoke', { client_id: id })
    expect(response.text).toContain('The app has no access any more')
  }
  await remove(other)
  expect((await link(it))?.ended).toBeNull()
  await remove(it.client)
  await expect.poll(() => link(it)).toMatchObject({ ended: 'unused' })
  await expect.poll(() => pds.sessions(it.account)).toBe(0)
  expect(await audited(it, 'pds.link-ended')).toMatchObject([{ detail: { did: it.account.did, cause: 'unused' } }])
  const account = await it.person.get('/account')
  expect(account.text).toContain('No app needed it any more')
})

test('an app that gives its token back ends the link, too (RFC 7009 §2.1)', async () => {
  await using it = await house()
  const { refresh: value } = await allowed(it, it.client, `openid offline_access ${post}`)
  await endpoint(it.server, it.client, '/revoke', { token: value })
  await expect.poll(() => link(it)).toMatchObject({ ended: 'unused' })
})

test('the person ends the link on the account page; the next use of the app goes to the PDS again', async () => {
  await using it = await house()
  await allowed(it, it.client, `openid ${post}`)
  const page = await it.person.get('/account')
  expect(page.text).toContain(it.account.handle)
  expect(page.text).toContain(it.account.did)
  expect(page.text).toContain('used by <bdi>Example</bdi>')
  const after = await it.person.submit(page, '/account/pds/end')
  expect(after.text).toContain('You ended it')
  expect(await pds.sessions(it.account)).toBe(0)
  const { proof, visit } = ask(it, it.client, `openid ${post}`)
  await tokens(it, it.client, await confirm(it, await visit), proof)
  expect((await link(it))?.ended).toBeNull()
})

test('signing out ends the link where the operator wants that, and not otherwise', async () => {
  const left: number[] = []
  for (const [setting, way] of [
    ['end', '/account/sign-out'],
    ['end', '/account/sign-out-everywhere'],
    ['keep', '/account/sign-out'],
    ['keep', '/account/sign-out-everywhere'],
  ] as const) {
    const it = await house({ ATPROTO_SIGN_OUT: setting })
    try {
      await allowed(it, it.client, `openid offline_access ${post}`)
      const page = await it.person.submit(await it.person.get('/account'), way)
      if (way === '/account/sign-out') await it.person.submit(page, '/logout/confirm', { logout: 'yes' })
      expect((await it.person.get('/account')).text).not.toContain(it.account.did)
      if (setting === 'end') await expect.poll(() => link(it)).toMatchObject({ ended: 'sign-out' })
    } finally {
      // Waits for what is done in the background: a link that was kept would have ended by then.
      await it.server.stop()
    }
    left.push(await pds.sessions(it.account))
  }
  expect(left).toEqual([0, 0, 1, 1])
})

test('the command line names the link', async () => {
  await using it = await house({ SECRETS: commandLineSecret })
  await allowed(it, it.client, `openid ${post}`)
  const run = commandLine(it.server.database.store)
  const [account] = (await run(['user', 'list', '--json'])).json().users as { account_id: string }[]
  const shown = await run(['user', 'show', account?.account_id ?? ''])
  expect(shown.stdout).toContain(`${it.account.handle} (${it.account.did})`)
  expect(shown.stdout).toContain('PDS linked since')
})

test('somebody whose account has no PDS is asked to sign in with one, and told why', async () => {
  await using it = await house()
  const person = it.server.visitor()
  const plain = await it.server.client('web', { scope: 'openid', first_party: true })
  await register(person, authorizeUrl(plain, pkce(), {}), somebody())
  const page = await person.get(authorizeUrl(it.client, pkce(), { scope: `openid ${post}` }))
  expect(page.left).toBe(false)
  expect(page.text).toContain('the account you are signed in with has none')
  expect(page.text).toContain('/start/atproto"')
  expect(page.text).not.toContain('/start/password"')
})

test('a link that the PDS ended: the app is told so, and its next sign-in goes to the PDS again (RFC 6750 §3.1)', async () => {
  await using it = await house()
  const { access } = await allowed(it, it.client, `openid atproto ${post}`)
  const call = () =>
    fetch(
      `${it.server.origin}/xrpc/com.atproto.repo.listRecords?repo=${it.account.did}&collection=app.bsky.feed.post`,
      {
        headers: { authorization: `Bearer ${access}` },
      },
    )
  expect((await call()).status).toBe(200)
  await pds.revokeSessions(it.account)
  const record = () =>
    fetch(`${it.server.origin}/xrpc/com.atproto.repo.createRecord`, {
      method: 'POST',
      headers: { authorization: `Bearer ${access}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        repo: it.account.did,
        collection: 'app.bsky.feed.post',
        record: { $type: 'app.bsky.feed.post', text: 'Hello', createdAt: new Date().toISOString() },
      }),
    })
  await expect.poll(async () => (await record()).status, { timeout: 10_000 }).toBe(401)
  expect((await record()).headers.get('www-authenticate')).toContain('invalid_token')
  const { proof, visit } = ask(it, it.client, `openid atproto ${post}`)
  await tokens(it, it.client, await confirm(it, await visit), proof)
})
