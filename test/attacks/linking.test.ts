/** Getting into an account by the ways that are there to add a way in. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import {
  answerAs,
  arrive,
  beginAdding,
  choose,
  elsewhere,
  identitiesOf,
  newAccount,
  recorded,
  vouching,
} from '../support/linking.ts'
import { register, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    providers: [vouching('red', 'Red'), vouching('blue', 'Blue'), elsewhere('far', 'Far')],
  })
})
afterAll(() => server.stop())

let count = 0
/** An address that nobody had before. */
function fresh(name: string): string {
  count += 1
  return `${name}-${count}@linking.example`
}

/** The address that begins adding a way in, as the account page would make it and anybody can. */
async function linkAddress(provider: string): Promise<string> {
  const person = await newAccount(server, 'red', fresh('template'))
  const visit = await person.request('/account/identities/add', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', origin: server.origin },
    body: new URLSearchParams({ provider }).toString(),
  })
  return visit.url.href
}

async function later<T>(seconds: number, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
  try {
    return await work()
  } finally {
    vi.useRealTimers()
  }
}

/** The question whether to connect the newcomer `blue` to an account, to which its owner has signed in by `provider`. */
async function askedToConnect(visitor: Visitor, blue: string, provider: string, owner: string): Promise<Visit> {
  const page = await arrive(visitor, '/account', 'blue', blue)
  const chooser = await visitor.submit(page, '/newcomer', { decision: 'connect' })
  return answerAs(visitor, await choose(visitor, chooser, provider), owner)
}

test('an address that is not vouched for gets no hint of an account, let alone the account (K08)', async () => {
  const email = fresh('victim')
  await newAccount(server, 'red', email)
  const attacker = server.visitor()
  const page = await arrive(attacker, '/account', 'blue', email, 'unverified')
  const nobody = await arrive(server.visitor(), '/account', 'blue', fresh('nobody'), 'unverified')
  const plain = (text: string) =>
    text.replaceAll(/[\w-]+@linking\.example/g, 'address').replaceAll(/\/interaction\/[\w-]+/g, '')
  expect(plain(page.text)).toBe(plain(nobody.text))
  expect(page.text).not.toContain('There is an account')
  await attacker.submit(page, '/newcomer', { decision: 'create', name: '' })
  expect((await attacker.get('/account')).text).not.toContain('Red</strong>')
})

test('a verified address alone opens nothing: the account has to be signed in to (K08)', async () => {
  const email = fresh('victim')
  const victim = await newAccount(server, 'red', email)
  const attacker = server.visitor()
  const page = await arrive(attacker, '/account', 'blue', email)
  const chooser = await attacker.submit(page, '/newcomer', { decision: 'connect' })
  for (const form of [{ decision: 'connect' }, { decision: 'skip' }, {}] as Record<string, string>[]) {
    const answer = await attacker.post(`${chooser.url.pathname}/connect`, form)
    expect(answer.text).not.toContain('Your account')
  }
  expect((await attacker.post(`${chooser.url.pathname}/newcomer`, { decision: 'create' })).text).not.toContain(
    'Your account',
  )
  expect((await attacker.get('/account')).text).not.toContain('Your account')
  expect((await victim.get('/account')).text).not.toContain('Blue</strong>')
})

test.each([
  ['another case', (email: string) => email.toUpperCase(), true],
  ['full-width letters (NFKC)', (email: string) => email.replace('v', 'ｖ'), true],
  ['a letter of another script', (email: string) => email.replace('i', 'і'), false],
  ['a dotless i', (email: string) => email.replace('i', 'ı'), false],
  ['a plus address', (email: string) => email.replace('@', '+x@'), false],
  ['a trailing dot', (email: string) => `${email}.`, false],
  ['a dot in the name', (email: string) => email.replace('victim', 'vic.tim'), false],
  ['a zero-width space', (email: string) => email.replace('m', 'm\u200b'), false],
])('an address in %s is hinted at only where it is the same, and is never the account', async (_, changed, hinted) => {
  const email = fresh('victim')
  await newAccount(server, 'red', email)
  const attacker = server.visitor()
  const page = await arrive(attacker, '/account', 'blue', changed(email))
  expect(page.text.includes('There is an account')).toBe(hinted)
  await attacker.submit(page, '/newcomer', { decision: 'create', name: '' })
  const account = await attacker.get('/account')
  expect(account.text).toContain('Your account')
  expect(account.text).not.toContain('Red</strong>')
})

test('link CSRF: another site cannot post the form, and its address links nothing by itself', async () => {
  const victim = await newAccount(server, 'red', fresh('victim'))
  const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  for (const path of ['add', 'remove']) {
    const refused = await victim.post(`/account/identities/${path}`, { provider: 'far', subject: 'x' }, foreign)
    expect(refused.status).toBe(403)
  }
  const page = await victim.get(await linkAddress('far'), foreign)
  expect(page.left).toBe(false)
  expect(page.text).toContain('Connect Far')
  const started = await victim.post(`${page.url.pathname}/link`, {}, foreign)
  expect(started.status).toBe(403)
})

test('link CSRF: an answer of the attacker at the provider is not taken in the victim’s browser', async () => {
  const email = fresh('victim')
  const victim = await newAccount(server, 'red', email)
  const attacker = await newAccount(server, 'red', fresh('attacker'))
  const away = await attacker.submit(await beginAdding(attacker, 'far'), '/link')
  const callback = `/interaction/callback/far${away.url.search}&who=mallory`
  expect((await victim.get(callback)).text).toContain('has expired')
  // Also where the victim has begun the same themselves.
  const own = await victim.submit(await beginAdding(victim, 'far'), '/link')
  expect((await victim.get(callback)).text).toContain('has expired')
  // Signed in there as the attacker, the person still reads whose identity it is, and adds nothing by reading.
  const confirm = await victim.get(`/interaction/callback/far${own.url.search}&who=mallory`)
  expect(confirm.text).toContain('mallory')
  expect(await identitiesOf(server, email)).toHaveLength(1)
  const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
  const forged = await victim.post(`${confirm.url.pathname}/connect`, { decision: 'connect' }, foreign)
  expect(forged.status).toBe(403)
  await victim.get(`${confirm.url.pathname}/connect?decision=connect`)
  expect(await identitiesOf(server, email)).toHaveLength(1)
})

test('an old session adds and removes nothing: it is proven anew (ASVS 5 §7.5.1)', async () => {
  const email = fresh('victim')
  const victim = await newAccount(server, 'red', email)
  const begun = await beginAdding(victim, 'blue')
  const address = await linkAddress('blue')
  await later(6 * 60, async () => {
    for (const page of [
      await beginAdding(victim, 'blue'),
      await victim.get(address),
      await victim.get(`${address}&max_age=100000`),
      await victim.submit(begun, '/link'),
    ]) {
      expect(page.text).toContain('name="password"')
      expect(page.text).not.toContain('Connect Blue')
    }
    const removal = { provider: 'red', subject: `subject of ${email}` }
    expect((await victim.post('/account/identities/remove', removal)).text).toContain('name="password"')
  })
  expect(await identitiesOf(server, email)).toHaveLength(1)
})

test('an app that demands an identity gets it added only after a fresh proof, too', async () => {
  const client = await server.client('web', { required_identity: 'blue', first_party: true })
  const victim = await newAccount(server, 'red', fresh('victim'))
  await later(6 * 60, async () => {
    const page = await victim.get(authorizeUrl(client, pkce()))
    expect(page.text).toContain('name="password"')
    expect(page.text).not.toContain('Connect Blue')
  })
})

test('the parameter of the account page is nothing in the mouth of another app', async () => {
  const client = await server.client('web', { first_party: true })
  const person = await newAccount(server, 'red', fresh('person'))
  const back = await person.get(authorizeUrl(client, pkce(), { link_identity: 'blue' }))
  expect(back.url.searchParams.get('code')).toBeTruthy()
})

test('the confirmation counts once, for the browser and the session that it was shown to', async () => {
  const email = fresh('victim')
  const victim = await newAccount(server, 'red', email)
  const asked = await victim.submit(await beginAdding(victim, 'blue'), '/link')
  const confirm = await answerAs(victim, asked, fresh('blue'))
  const thief = server.visitor()
  expect((await thief.post(`${confirm.url.pathname}/connect`, { decision: 'connect' })).status).toBe(400)
  // With the cookies of the interaction, but not of the session.
  thief.cookies.push(...victim.cookies.filter(({ path }) => path.startsWith('/interaction')))
  expect((await thief.post(`${confirm.url.pathname}/connect`, { decision: 'connect' })).status).toBe(410)
  expect(await identitiesOf(server, email)).toHaveLength(1)
  expect(await recorded(server, email)).toEqual([])
  const answers = await Promise.all([1, 2].map(() => victim.submit(confirm, '/connect', { decision: 'connect' })))
  for (const { status } of answers) expect(status).toBeLessThan(500)
  expect(await identitiesOf(server, email)).toHaveLength(2)
  expect(await recorded(server, email)).toEqual(['identity.added'])
})

test('a session that was ended meanwhile adds nothing', async () => {
  const email = fresh('victim')
  const intruder = await newAccount(server, 'red', email)
  const asked = await intruder.submit(await beginAdding(intruder, 'blue'), '/link')
  const confirm = await answerAs(intruder, asked, fresh('intruder'))
  const owner = server.visitor()
  await arrive(owner, '/account', 'red', email)
  await owner.submit(await owner.get('/account'), '/sign-out-everywhere')
  const answer = await intruder.submit(confirm, '/connect', { decision: 'connect' })
  expect(answer.status).toBe(400)
  expect(await identitiesOf(server, email)).toHaveLength(1)
})

test('a disabled account gets no way in, also when it was proven just before', async () => {
  const email = fresh('banned')
  await newAccount(server, 'red', email)
  const person = server.visitor()
  const confirm = await askedToConnect(person, email, 'red', email)
  const { db } = server.database.store
  await db.updateTable('accounts').set({ disabled_at: new Date() }).where('email', '=', email).execute()
  const answer = await person.submit(confirm, '/connect', { decision: 'connect' })
  expect(answer.status).toBe(403)
  expect(await identitiesOf(server, email)).toHaveLength(1)
})

test('what waits is connected to whoever signs in next in this browser only after they read whose it is', async () => {
  const email = fresh('victim')
  await newAccount(server, 'red', email)
  const shared = server.visitor()
  const confirm = await askedToConnect(shared, 'mallory@evil.example', 'red', email)
  expect(confirm.text).toContain('mallory@evil.example')
  expect(confirm.text).toContain(email)
  const account = await shared.submit(confirm, '/connect', { decision: 'skip' })
  expect(account.text).toContain('Your account')
  expect(await identitiesOf(server, email)).toHaveLength(1)
  expect((await shared.post(`${confirm.url.pathname}/connect`, { decision: 'connect' })).status).toBe(400)
  expect(await identitiesOf(server, email)).toHaveLength(1)
})

test('ending the sessions of an account ends a sign-in to it that waits for the last question (ASVS 5 §7.4.3)', async () => {
  const email = fresh('victim')
  const victim = await newAccount(server, 'red', email)
  const attacker = server.visitor()
  const confirm = await askedToConnect(attacker, 'mallory@waiting.example', 'red', email)
  expect(confirm.text).toContain(email)
  await victim.post('/account/sign-out-everywhere', {})
  const after = await attacker.submit(confirm, '/connect', { decision: 'connect' })
  expect(after.text).not.toContain('Your account')
  expect(await identitiesOf(server, email)).toEqual([`red subject of ${email}`])
})

test('an account that is disabled before the last question stays shut, and what the sign-in brought is given back', async () => {
  const givenBack: string[] = []
  const handle = vouching('atproto', 'Handle')
  const keeping: IdentityProvider = {
    ...handle,
    keepsakes: { keep: async () => false, discard: async (id) => void givenBack.push(id) },
    async answer(input) {
      const step = await handle.answer(input)
      return step.kind === 'proven' ? { ...step, keepsake: { id: 'brought along', scopes: [] } } : step
    },
  }
  await using other = await startTestServer({ providers: [vouching('blue', 'Blue'), keeping] })
  await newAccount(other, 'atproto', 'shut@example.com')
  givenBack.length = 0
  const person = other.visitor()
  const confirm = await askedToConnect(person, 'late@example.com', 'atproto', 'shut@example.com')
  const { db } = other.database.store
  await db.updateTable('accounts').set({ disabled_at: new Date() }).execute()
  expect((await person.submit(confirm, '/connect', { decision: 'connect' })).status).toBe(403)
  expect(givenBack).toEqual(['brought along'])
  expect(await identitiesOf(other, 'shut@example.com')).toHaveLength(1)
  const last = await db.selectFrom('audit_events').select('event').orderBy('id', 'desc').limit(1).execute()
  expect(last).toEqual([{ event: 'sign-in.refused' }])
})

test('two tabs that connect the same at once add it to one account, and to no other (race)', async () => {
  const [one, two] = [fresh('one'), fresh('two')]
  const people: Visitor[] = [await newAccount(server, 'red', one), await newAccount(server, 'red', two)]
  const shared = fresh('blue')
  const confirms = await Promise.all(
    people.map(async (person) => {
      const asked = await person.submit(await beginAdding(person, 'blue'), '/link')
      return { person, page: await answerAs(person, asked, shared) }
    }),
  )
  const answers = await Promise.all(
    confirms.map(({ person, page }) => person.submit(page, '/connect', { decision: 'connect' })),
  )
  const counts = [await identitiesOf(server, one), await identitiesOf(server, two)].map(({ length }) => length)
  expect(counts.toSorted()).toEqual([1, 2])
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 400])
})

test('a closed registration lets nobody in but those who sign in to an account that exists', async () => {
  await using closed = await startTestServer({
    settings: { REGISTRATION: 'closed' },
    providers: [vouching('red', 'Red'), vouching('blue', 'Blue')],
  })
  const { db } = closed.database.store
  const at = new Date()
  await db
    .insertInto('accounts')
    .values({
      id: 'usr_1',
      name: null,
      email: 'kept@example.com',
      email_verified: true,
      created_at: at,
      disabled_at: null,
    })
    .execute()
  await db
    .insertInto('identities')
    .values({
      provider: 'red',
      subject: 'subject of kept@example.com',
      account_id: 'usr_1',
      label: null,
      created_at: at,
      last_used_at: null,
    })
    .execute()
  const person = closed.visitor()
  const page = await arrive(person, '/account', 'blue', 'kept@example.com')
  expect(page.text).toContain('There is an account')
  expect(page.text).not.toContain('value="create"')
  const forged = await person.post(`${page.url.pathname}/newcomer`, { decision: 'create', name: '' })
  expect(forged.status).toBe(403)
  expect((await arrive(closed.visitor(), '/account', 'blue', 'other@example.com')).status).toBe(403)
  expect(await db.selectFrom('accounts').select('id').execute()).toHaveLength(1)
})

test('what is proven and waits stands nowhere in clear (a stolen database)', async () => {
  const email = fresh('victim')
  await newAccount(server, 'red', email)
  const person = server.visitor()
  const page = await arrive(person, '/account', 'blue', 'waiting@secret.example')
  await person.submit(page, '/newcomer', { decision: 'connect' })
  expect(await server.database.dump()).not.toContain('waiting@secret.example')
})

test('with an address that somebody else registered by password, nothing of theirs is shown or changed', async () => {
  const victim = somebody('victim')
  await register(server.visitor(), '/account', victim)
  const attacker = await newAccount(server, 'red', fresh('attacker'))
  const asked = await attacker.submit(await beginAdding(attacker, 'password'), '/link')
  const answer = await attacker.submit(asked, '/answer', { email: victim.email, password: 'not theirs at all' })
  expect(answer.status).toBe(400)
  expect(await identitiesOf(server, victim.email)).toHaveLength(1)
  // Not even with their password: it is the way in to their account, and stays it.
  const known = await attacker.submit(answer, '/answer', { email: victim.email, password: victim.password })
  expect(known.text).toContain('belongs to another account')
})
