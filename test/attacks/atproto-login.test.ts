/**
 * Signing in at a PDS when the outside world lies, fails or is somebody else's: each ends on a page from which the
 * person can go on, makes nothing, and leaves no secret in page or log.
 */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { answering, newHandle, type PdsAccount, startPds, type TestPds } from '../support/pds.ts'
import { comeBack, signInByHandle } from '../support/pds-sign-in.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let pds: TestPds
let server: TestServer
let client: TestClient

beforeAll(async () => {
  pds = await startPds()
  server = await startTestServer({ settings: pds.settings })
  client = await server.client('web')
})
afterEach(async () => {
  pds.setMood('well')
  for (const path of stood.splice(0)) {
    pds.stand(path, undefined)
    pds.standForPlc(path, undefined)
  }
  expect(await made()).toEqual([])
  expect(server.logged.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([])
})
afterAll(async () => {
  await server.stop()
  await pds.close()
})

test('a handle that nobody has', async () => {
  await asksAgain(await typed(server.visitor(), newHandle()), 'We couldn’t find that handle')
})

test('a handle that leads to somebody who does not bear it (atproto: Handle, §resolution is bidirectional)', async () => {
  const alice = await pds.account()
  stand('/xrpc/com.atproto.identity.resolveHandle', answering(200, { did: alice.did }))
  await asksAgain(await typed(server.visitor(), 'mallory.test'), 'We couldn’t find that handle')
})

test('a DID that nobody has', async () => {
  await asksAgain(await typed(server.visitor(), `did:plc:${'a'.repeat(24)}`))
})

test('a DID without a PDS', async () => {
  const alice = await pds.account()
  const document = await (await fetch(`${pds.plcUrl}/${alice.did}`)).json()
  standForPlc(`/${alice.did}`, answering(200, { ...(document as object), service: [] }))
  await asksAgain(await typed(server.visitor(), alice.did))
})

test('a PDS that offers no OAuth', async () => {
  // Of its own, because what a PDS says about itself is kept for a while.
  await using old = await startPds()
  await using own = await startTestServer({ settings: old.settings })
  old.stand('/.well-known/oauth-protected-resource', answering(404, {}))
  const [alice, app, person] = [await old.account(), await own.client('web'), own.visitor()]
  await asksAgain(await person.get(authorizeUrl(app, pkce(), { handle: alice.did })), 'doesn’t offer sign-in to apps')
})

test('a PDS whose authorization server answers nonsense', async () => {
  const alice = await pds.account()
  stand('/oauth/par', answering(500, { error: 'server_error', secret: 'upstream-secret' }))
  const page = await typed(server.visitor(), alice.did)
  await asksAgain(page)
  expect(page.text).not.toContain('upstream-secret')
})

test('a PDS that cannot be reached, by DID and by handle', async () => {
  const alice = await pds.account()
  pds.setMood('refuse')
  for (const written of [alice.did, alice.handle]) {
    await asksAgain(await typed(server.visitor(), written), 'didn’t answer')
  }
})

test('a PDS that takes the question and never answers', async () => {
  await using own = await startTestServer({ settings: pds.settings, outside: { patience: { question: 1_000 } } })
  const [alice, app, person] = [await pds.account(), await own.client('web'), own.visitor()]
  pds.setMood('hang')
  const page = await person.get(authorizeUrl(app, pkce(), { handle: alice.did }))
  await asksAgain(page, 'didn’t answer')
})

test('a PDS that is gone when the person comes back', async () => {
  const { person, callback } = await away()
  pds.setMood('refuse')
  const page = await comeBack(person, callback)
  pds.setMood('well')
  offersOtherWays(page, 'can’t be reached', 503)
})

test('a person who turns back at the PDS', async () => {
  const alice = await pds.account()
  const person = server.visitor()
  const callback = await pds.login((await typed(person, alice.handle)).url, alice, 'deny')
  const page = await comeBack(person, callback)
  offersOtherWays(page, 'You cancelled that sign-in')
  const again = await person.submit(page, '/start/atproto')
  expect((await person.submit(again, '/answer', { handle: alice.handle })).url.origin).toBe(pds.url)
})

test('an account that its PDS has deactivated', async () => {
  const alice = await pds.account()
  const { person, callback } = await away(alice)
  await pds.deactivate(alice)
  offersOtherWays(await comeBack(person, callback), 'isn’t active where it lives')
  await expect.poll(() => pds.sessions(alice)).toBe(0)
})

test('a callback that comes a second time', async () => {
  const { person, callback } = await away()
  expect((await comeBack(person, callback)).text).toContain('value="create"')
  const replayed = await comeBack(person, callback)
  expect(replayed.left).toBe(false)
  expect(await made()).toEqual([])
})

test('a callback that is taken twice at once proves once', async () => {
  const waiting = async () => (await server.database.store.db.selectFrom('attempts').select('id_hash').execute()).length
  const { person, callback } = await away()
  const before = await waiting()
  const pages = await Promise.all([comeBack(person, callback), comeBack(person, callback)])
  for (const page of pages) expect(page.left).toBe(false)
  // One newcomer waits for a decision, in place of the attempt.
  expect(await waiting()).toBe(before)
  expect(pages.map(({ text }) => text.includes('value="create"'))).toContain(true)
})

test('a callback of one’s own planted in another browser (login CSRF, RFC 6749 §10.12)', async () => {
  const { callback } = await away()
  const victim = server.visitor()
  const page = await comeBack(victim, callback)
  expect(page.status).toBe(400)
  expect(page.text).toContain('This sign-in has expired')
  await typed(victim, (await pds.account()).handle)
  const busy = await comeBack(victim, callback)
  expect(busy.status).toBe(400)
  expect(busy.text).toContain('This sign-in has expired')
})

test('a callback planted at the answer of another interaction', async () => {
  const { callback } = await away()
  const victim = server.visitor()
  await typed(victim, (await pds.account()).handle)
  const interaction = victim.cookies.find(({ path }) => path.startsWith('/interaction/'))?.path
  offersOtherWays(await victim.get(`${interaction}/answer${callback.search}`), 'couldn’t confirm who you are')
})

test('a callback that another server signed (iss mismatch, RFC 9207 §2.4), or none', async () => {
  for (const iss of ['https://evil.example', undefined]) {
    const { person, callback } = await away()
    if (iss === undefined) callback.searchParams.delete('iss')
    else callback.searchParams.set('iss', iss)
    offersOtherWays(await comeBack(person, callback), 'couldn’t confirm who you are')
  }
})

test('a callback with the code of another attempt', async () => {
  const [first, second] = [await away(), await away()]
  first.callback.searchParams.set('code', second.callback.searchParams.get('code') ?? '')
  offersOtherWays(await comeBack(first.person, first.callback))
})

test('an address that names somebody else signs nobody out and in unasked (login CSRF, RFC 6749 §10.12)', async () => {
  await using own = await startTestServer({ settings: pds.settings })
  const app = await own.client('web')
  const [victim, alice, mallory] = [own.visitor(), await pds.account(), await pds.account()]
  await signInByHandle(own, pds, victim, app, alice)
  for (const extra of [
    { handle: mallory.handle },
    { handle: mallory.did, prompt: 'login' },
    { login_hint: mallory.handle, prompt: 'login' },
    { login_hint: mallory.did, max_age: '0' },
  ]) {
    const page = await victim.get(authorizeUrl(app, pkce(), extra))
    expect([extra, page.left, page.status]).toEqual([extra, false, 200])
    expect(page.text).toMatch(/name="handle"[^>]*value="[^"]/)
  }
  expect((await victim.get('/account')).text).toContain(alice.handle)
  const again = await victim.get(authorizeUrl(app, pkce(), { handle: alice.handle, prompt: 'login' }))
  expect(again.url.origin).toBe(pds.url)
})

test('a callback with a parameter twice', async () => {
  const { person, callback } = await away()
  callback.searchParams.append('code', 'another')
  const page = await comeBack(person, callback)
  expect(page.status).toBe(400)
})

test('nothing that came with a callback is logged or shown', async () => {
  const { person, callback } = await away()
  callback.searchParams.set('iss', 'https://evil.example')
  const page = await comeBack(person, callback)
  for (const name of ['code', 'state']) {
    const secret = callback.searchParams.get(name) ?? ''
    expect(secret.length).toBeGreaterThan(10)
    expect(server.logged.join('\n')).not.toContain(secret)
    expect(page.text).not.toContain(secret)
  }
})

test('whoever makes this server call out again and again is slowed down', async () => {
  await using own = await startTestServer({ settings: pds.settings })
  const app = await own.client('web')
  const person = own.visitor()
  let page = await person.submit(await person.get(authorizeUrl(app, pkce())), '/start/atproto')
  let tries = 0
  for (; page.status !== 429; tries += 1) {
    if (tries > 300) throw new Error('nobody is slowed down')
    if (!page.text.includes('name="handle"')) page = await person.submit(page, '/start/atproto')
    page = await person.submit(page, '/answer', { handle: `did:plc:${'b'.repeat(24)}` })
  }
  expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(page.text).toContain('Too many tries')
})

/** Types an identifier into the page that asks for one. */
async function typed(person: Visitor, handle: string): Promise<Visit> {
  const page = await person.submit(await person.get(authorizeUrl(client, pkce())), '/start/atproto')
  return person.submit(page, '/answer', { handle })
}

/** Somebody whom the PDS has just sent back; the callback is not taken yet. */
async function away(account?: PdsAccount): Promise<{ person: Visitor; callback: URL }> {
  const person = server.visitor()
  const alice = account ?? (await pds.account())
  return { person, callback: await pds.login((await typed(person, alice.handle)).url, alice) }
}

/** The page asks for a handle again, says what is wrong, and a right one leads on. */
async function asksAgain(page: Visit, words = ''): Promise<void> {
  expect(page.left).toBe(false)
  expect(page.status).toBe(400)
  expect(page.text).toContain('role="alert"')
  expect(page.text).toContain(words)
  expect(page.text).toContain('name="handle"')
  expect(page.text).toContain('/start/password"')
}

function offersOtherWays(page: Visit, words = '', status = 400): void {
  expect(page.left).toBe(false)
  expect(page.status).toBe(status)
  expect(page.text).toContain('role="alert"')
  expect(page.text).toContain(words)
  expect(page.text).toContain('/start/atproto"')
  expect(page.text).toContain('/start/password"')
}

/** What a sign-in that came to nothing must not leave. */
async function made(): Promise<readonly unknown[]> {
  const { db } = server.database.store
  return [
    ...(await db.selectFrom('accounts').select('id').execute()),
    ...(await db.selectFrom('identities').select('subject').execute()),
    ...(await db.selectFrom('atproto_sessions').select('did').execute()),
  ]
}

const stood: string[] = []
function stand(path: string, what: Parameters<TestPds['stand']>[1]): void {
  stood.push(path)
  pds.stand(path, what)
}
function standForPlc(path: string, what: Parameters<TestPds['stand']>[1]): void {
  stood.push(path)
  pds.standForPlc(path, what)
}
