/** One account, several ways to sign in: added on the account page, demanded by an app, connected by a newcomer. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { authorizeUrl, endpoint, pkce, redeem } from '../support/authorize.ts'
import {
  addIdentity,
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
import { register, signIn, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { formsOf, type Visit } from '../support/visitor.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({
    providers: [
      vouching('red', 'Red'),
      vouching('blue', 'Blue'),
      elsewhere('far', 'Far'),
      vouching('atproto', 'Handle'),
      { ...elsewhere('picky', 'Picky'), externalBrowser: true },
    ],
  })
})
afterAll(() => server.stop())

const has = (page: Visit, action: string) => formsOf(page.text).some((form) => form.action.endsWith(action))

describe('on the account page', () => {
  test('a way to sign in is added, and lets the person in from then on', async () => {
    const person = await newAccount(server, 'red', 'ann@example.com')
    const intro = await beginAdding(person, 'blue')
    expect(intro.text).toContain('Connect Blue')
    expect(intro.text).toContain('ann@example.com')
    const asked = await person.submit(intro, '/link')
    const confirm = await answerAs(person, asked, 'ann@other.example')
    expect(confirm.text).toContain('ann@other.example')
    expect(confirm.text).toContain('ann@example.com')
    expect(await identitiesOf(server, 'ann@example.com')).toHaveLength(1)
    const done = await person.submit(confirm, '/connect', { decision: 'connect' })
    expect(done.text).toContain('The new way to sign in is connected.')
    expect(done.text).toContain('ann@other.example')
    const elsewhereBrowser = server.visitor()
    const account = await arrive(elsewhereBrowser, '/account', 'blue', 'ann@other.example')
    expect(account.text).toContain('ann@example.com')
    expect(await recorded(server, 'ann@example.com')).toEqual(['identity.added'])
  })

  test('a password is added on a page of its own, and opens the account', async () => {
    const person = await newAccount(server, 'red', 'pat@example.com')
    const asked = await person.submit(await beginAdding(person, 'password'), '/link')
    expect(asked.text).toContain('Add a password')
    const weak = await person.submit(asked, '/answer', { email: 'pat@example.com', password: 'short' })
    expect(weak.text).toContain('too short')
    const pat = { ...somebody('pat') }
    const done = await person.submit(weak, '/answer', { email: pat.email, password: pat.password })
    expect(done.text).toContain('The new way to sign in is connected.')
    expect((await signIn(server.visitor(), '/account', pat)).text).toContain('pat@example.com')
    // Nobody has two passwords.
    expect(formsOf(done.text).some(({ hidden }) => hidden['provider'] === 'password' && !('subject' in hidden))).toBe(
      false,
    )
    expect((await beginAdding(person, 'password')).text).not.toContain('Connect email')
  })

  test('what comes back from elsewhere is asked about before it is added', async () => {
    const person = await newAccount(server, 'red', 'fay@example.com')
    const away = await person.submit(await beginAdding(person, 'far'), '/link')
    const confirm = await person.get(`/interaction/callback/far${away.url.search}&who=fay.far`)
    expect(confirm.text).toContain('fay.far')
    expect((await identitiesOf(server, 'fay@example.com')).join()).not.toContain('fay.far')
    await person.submit(confirm, '/connect', { decision: 'connect' })
    expect(await identitiesOf(server, 'fay@example.com')).toContain('far fay.far')
  })

  test('a way that refuses browsers inside other apps says so, and can be tried all the same', async () => {
    const person = await newAccount(server, 'red', 'gil@example.com')
    const intro = await beginAdding(person, 'picky')
    const inside = { 'user-agent': 'Mozilla/5.0 (Linux; Android 15; wv) Telegram-Android/11' }
    const told = await person.post(`${intro.url.pathname}/link`, {}, inside)
    expect(told.left).toBe(false)
    expect(told.url.pathname).toContain('/browser/picky')
    expect((await person.submit(told, '/link/here')).left).toBe(true)
  })

  test('whoever turns back has added nothing, and is told of nothing', async () => {
    const person = await newAccount(server, 'red', 'tim@example.com')
    const asked = await person.submit(await beginAdding(person, 'blue'), '/link')
    const confirm = await answerAs(person, asked, 'tim@other.example')
    const back = await person.submit(confirm, '/cancel')
    expect(back.text).toContain('Your account')
    expect(back.text).not.toContain('is connected')
    expect(await identitiesOf(server, 'tim@example.com')).toHaveLength(1)
  })

  test('a way that is refused elsewhere can be tried again', async () => {
    const person = await newAccount(server, 'red', 'rob@example.com')
    const asked = await person.submit(await beginAdding(person, 'blue'), '/link')
    const refused = await answerAs(person, asked, '')
    expect(refused.status).toBe(400)
    expect(refused.text).toContain('You cancelled')
    const again = await answerAs(person, await person.submit(refused, '/link'), 'rob@other.example')
    await person.submit(again, '/connect', { decision: 'connect' })
    expect(await identitiesOf(server, 'rob@example.com')).toHaveLength(2)
  })

  test('the same identity a second time changes nothing', async () => {
    const person = await newAccount(server, 'red', 'sam@example.com')
    await addIdentity(person, 'blue', 'sam@other.example')
    const asked = await person.submit(await beginAdding(person, 'blue'), '/link')
    const done = await answerAs(person, asked, 'sam@other.example')
    expect(done.text).toContain('Your account')
    expect(await identitiesOf(server, 'sam@example.com')).toHaveLength(2)
  })

  test('a way to sign in is removed, with the sessions of other browsers; the last one stays', async () => {
    const person = await newAccount(server, 'red', 'kim@example.com')
    const alone = await person.get('/account')
    expect(alone.text).toContain('Your only way to sign in')
    expect(has(alone, '/identities/remove')).toBe(false)
    await addIdentity(person, 'blue', 'kim@other.example')
    const other = server.visitor()
    await arrive(other, '/account', 'blue', 'kim@other.example')
    const removed = await person.post('/account/identities/remove', {
      provider: 'blue',
      subject: 'subject of kim@other.example',
    })
    expect(removed.text).toContain('That way to sign in is removed.')
    expect((await other.get('/account')).text).not.toContain('kim@example.com')
    expect((await arrive(server.visitor(), '/account', 'blue', 'kim@other.example')).text).toContain('first time')
    const last = { provider: 'red', subject: 'subject of kim@example.com' }
    const refused = await person.post('/account/identities/remove', last)
    expect(refused.status).toBe(403)
    expect(refused.text).toContain('only way to sign in')
    expect(await identitiesOf(server, 'kim@example.com')).toHaveLength(1)
    expect(await recorded(server, 'kim@example.com')).toEqual(['identity.added', 'identity.removed'])
    const unknown = await person.post('/account/identities/remove', { ...last, subject: 'nobody' })
    expect(unknown.status).toBe(404)
  })

  test('with the password go the password and its second step', async () => {
    const person = server.visitor()
    const pam = somebody('pam')
    await register(person, '/account', pam)
    await addIdentity(person, 'blue', 'pam@other.example')
    const page = await person.get('/account')
    const form = formsOf(page.text).find(({ hidden }) => hidden['provider'] === 'password' && 'subject' in hidden)
    const removed = await person.post('/account/identities/remove', form?.hidden ?? {})
    expect(removed.text).not.toContain('Change password')
    expect((await signIn(server.visitor(), '/account', pam)).text).toContain('don’t match')
    expect(await server.database.dump()).not.toContain(form?.hidden['subject'])
  })
})

describe('an app that demands a kind of identity (required_identity)', () => {
  test('has it added after the sign-in, before consent; who has it is not asked again', async () => {
    const client = await server.client('web', { required_identity: 'blue', client_name: 'Blue app' })
    const person = await newAccount(server, 'red', 'lee@example.com')
    const proof = pkce()
    const intro = await person.get(authorizeUrl(client, proof))
    expect(intro.text).toContain('Blue app')
    expect(intro.text).toContain('lee@example.com')
    const asked = await person.submit(intro, '/link')
    const confirm = await answerAs(person, asked, 'lee@other.example')
    const consent = await person.submit(confirm, '/connect', { decision: 'connect' })
    const back = await person.submit(consent, '/consent', { decision: 'allow' })
    expect((await redeem(server, client, back.url.searchParams.get('code') ?? '', proof)).status).toBe(200)
    const again = await person.get(authorizeUrl(client, pkce()))
    expect(again.url.searchParams.get('code')).toBeTruthy()
    expect(await identitiesOf(server, 'lee@example.com')).toHaveLength(2)
  })

  test('is signed in to with that identity first, so that nothing has to be added', async () => {
    const client = await server.client('web', { required_identity: 'blue', first_party: true })
    const person = server.visitor()
    const first = await person.get(authorizeUrl(client, pkce()))
    const newcomer = await answerAs(person, first, 'new@blue.example')
    expect(newcomer.text).toContain('You signed in with Blue')
    const back = await person.submit(newcomer, '/newcomer', { decision: 'create', name: '' })
    expect(back.url.searchParams.get('code')).toBeTruthy()
  })

  test('does not lead a browser inside another app straight to where it would be refused', async () => {
    const client = await server.client('web', { required_identity: 'picky', first_party: true })
    const inside = { 'user-agent': 'Mozilla/5.0 (Linux; Android 15; wv) Telegram-Android/11' }
    const told = await server.visitor(inside).get(authorizeUrl(client, pkce()))
    expect(told.left).toBe(false)
    expect(told.url.pathname).toContain('/browser/picky')
    expect(has(told, '/start/red')).toBe(true)
    expect((await server.visitor().get(authorizeUrl(client, pkce()))).left).toBe(true)
  })

  test('is told that a page is needed when it asks for none (OIDC Core §3.1.2.6)', async () => {
    const client = await server.client('web', { required_identity: 'blue', first_party: true })
    const person = await newAccount(server, 'red', 'non@example.com')
    const back = await person.get(authorizeUrl(client, pkce(), { prompt: 'none' }))
    expect(back.url.searchParams.get('error')).toBe('interaction_required')
  })

  test('that pushes its requests is waited for, too, when the person thinks for longer than a sign-in is fresh', async () => {
    const client = await server.client('web', {
      required_identity: 'blue',
      first_party: true,
      require_pushed_authorization_requests: true,
    })
    const person = await newAccount(server, 'red', 'slow@example.com')
    const proof = pkce()
    const params = Object.fromEntries(new URL(authorizeUrl(client, proof), server.origin).searchParams)
    const { request_uri } = (await endpoint(server, client, '/par', params)).body
    const pushed = new URLSearchParams({ client_id: client.id, request_uri: String(request_uri) })
    const intro = await person.get(`/authorize?${pushed}`)
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 6 * 60_000 })
    try {
      const signIn = await person.submit(intro, '/link')
      expect(signIn.text).toContain('Sign in')
      const again = await answerAs(person, await choose(person, signIn, 'red'), 'slow@example.com')
      const confirm = await answerAs(person, await person.submit(again, '/link'), 'slow@blue.example')
      const back = await person.submit(confirm, '/connect', { decision: 'connect' })
      expect((await redeem(server, client, back.url.searchParams.get('code') ?? '', proof)).status).toBe(200)
    } finally {
      vi.useRealTimers()
    }
  })

  test('learns that the person turned back', async () => {
    const client = await server.client('web', { required_identity: 'blue' })
    const person = await newAccount(server, 'red', 'out@example.com')
    const back = await person.submit(await person.get(authorizeUrl(client, pkce())), '/cancel')
    expect(back.url.searchParams.get('error')).toBe('access_denied')
  })

  test('an identity of another account stays there; that account can be used instead', async () => {
    const client = await server.client('web', { required_identity: 'blue', first_party: true })
    await newAccount(server, 'blue', 'owner@blue.example')
    const person = await newAccount(server, 'red', 'guest@example.com')
    const asked = await person.submit(await person.get(authorizeUrl(client, pkce())), '/link')
    const taken = await answerAs(person, asked, 'owner@blue.example')
    expect(taken.status).toBe(400)
    expect(taken.text).toContain('belongs to another account')
    expect(await identitiesOf(server, 'guest@example.com')).toHaveLength(1)
    expect(await recorded(server, 'guest@example.com')).toEqual(['identity.refused'])
    const question = await person.submit(taken, '/switch')
    expect(question.text).toContain('/answer')
    const back = await answerAs(person, question, 'owner@blue.example')
    expect(back.url.searchParams.get('code')).toBeTruthy()
    expect((await person.get('/account')).text).toContain('owner@blue.example')
  })

  test('adds an atproto identity for an app that goes to the PDS, rather than ask for another account', async () => {
    const scope = 'openid atproto transition:generic'
    const atPds = { scope: 'openid atproto', resource_scopes: 'transition:generic' }
    const demanding = await server.client('web', { ...atPds, required_identity: 'atproto' })
    const other = await server.client('web', atPds)
    const person = await newAccount(server, 'red', 'pds@example.com')
    expect((await person.get(authorizeUrl(other, pkce(), { scope }))).text).toContain('has none')
    const intro = await person.get(authorizeUrl(demanding, pkce(), { scope }))
    expect(intro.text).toContain('Connect Handle')
  })

  test('whose way to sign in is not offered here is not served; the page says so, and leads back', async () => {
    const client = await server.client('web', { required_identity: 'gone', client_name: 'Lost app' })
    const person = await newAccount(server, 'red', 'lost@example.com')
    const page = await person.get(authorizeUrl(client, pkce()))
    expect(page.status).toBe(404)
    expect(page.text).toMatch(/Lost app.* asks for a way to sign in that is not offered here/)
    const back = await person.submit(page, '/cancel')
    expect(back.url.searchParams.get('error')).toBe('access_denied')
  })
})

describe('a newcomer whose verified address an account has', () => {
  test('is asked to sign in to it, and then whether both are theirs', async () => {
    await newAccount(server, 'red', 'joe@example.com')
    const client = await server.client('web', { first_party: true })
    const person = server.visitor()
    const proof = pkce()
    const page = await arrive(person, authorizeUrl(client, proof), 'blue', 'joe@example.com')
    expect(page.text).toContain('There is an account with the address')
    const chooser = await person.submit(page, '/newcomer', { decision: 'connect' })
    expect(chooser.text).toContain('Blue becomes another way to sign in')
    const confirm = await answerAs(person, await choose(person, chooser, 'red'), 'joe@example.com')
    expect(confirm.text).toContain('Connect to this account?')
    expect(await identitiesOf(server, 'joe@example.com')).toHaveLength(1)
    const back = await person.submit(confirm, '/connect', { decision: 'connect' })
    expect((await redeem(server, client, back.url.searchParams.get('code') ?? '', proof)).status).toBe(200)
    expect(await identitiesOf(server, 'joe@example.com')).toEqual([
      'blue subject of joe@example.com',
      'red subject of joe@example.com',
    ])
  })

  test('may leave it at signing in', async () => {
    await newAccount(server, 'red', 'ida@example.com')
    const person = server.visitor()
    const page = await arrive(person, '/account', 'blue', 'ida@example.com')
    const chooser = await person.submit(page, '/newcomer', { decision: 'connect' })
    const confirm = await answerAs(person, await choose(person, chooser, 'red'), 'ida@example.com')
    const account = await person.submit(confirm, '/connect', { decision: 'skip' })
    expect(account.text).toContain('Your account')
    expect(await identitiesOf(server, 'ida@example.com')).toHaveLength(1)
  })

  test('may create an account of their own, which has nothing of the other', async () => {
    await newAccount(server, 'red', 'max@example.com')
    const person = server.visitor()
    const page = await arrive(person, '/account', 'blue', 'max@example.com')
    await person.submit(page, '/newcomer', { decision: 'create', name: 'Another Max' })
    const account = await person.get('/account')
    expect(account.text).toContain('Another Max')
    expect(account.text).not.toContain('Red</strong>')
  })

  test('may sign in to the account with a password', async () => {
    const person = somebody('pia')
    await register(server.visitor(), '/account', person)
    const browser = server.visitor()
    const page = await arrive(browser, '/account', 'blue', person.email)
    expect(page.text).toContain('There is an account with the address')
    const chooser = await browser.submit(page, '/newcomer', { decision: 'connect' })
    const asked = await choose(browser, chooser, 'password')
    const confirm = await browser.submit(asked, '/answer', { email: person.email, password: person.password })
    await browser.submit(confirm, '/connect', { decision: 'connect' })
    expect(await identitiesOf(server, person.email)).toHaveLength(2)
  })

  test('whose address nobody knows may still connect it to an account that they have', async () => {
    await newAccount(server, 'red', 'una@example.com')
    const person = server.visitor()
    const page = await arrive(person, '/account', 'blue', 'una@elsewhere.example')
    expect(page.text).not.toContain('There is an account')
    const chooser = await person.submit(page, '/newcomer', { decision: 'connect' })
    const confirm = await answerAs(person, await choose(person, chooser, 'red'), 'una@example.com')
    await person.submit(confirm, '/connect', { decision: 'connect' })
    expect(await identitiesOf(server, 'una@example.com')).toHaveLength(2)
  })

  test('who takes more than ten minutes signs in without it', async () => {
    await newAccount(server, 'red', 'zoe@example.com')
    const person = server.visitor()
    const page = await arrive(person, '/account', 'blue', 'zoe@example.com')
    const chooser = await person.submit(page, '/newcomer', { decision: 'connect' })
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 11 * 60 * 1000 })
    try {
      const account = await answerAs(person, await choose(person, chooser, 'red'), 'zoe@example.com')
      expect(account.text).toContain('Your account')
      expect(await identitiesOf(server, 'zoe@example.com')).toHaveLength(1)
    } finally {
      vi.useRealTimers()
    }
  })
})
