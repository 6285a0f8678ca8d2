/** Signing in with Google, as the whole server does it: a whole issuer plays Google. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { asGoogle, type FakeIssuer, fakeGoogle, type IssuerPerson } from '../support/fakes/google.ts'
import { ifttt } from '../support/fakes/ifttt.ts'
import { allow, iftttSettings, registerService } from '../support/ifttt-settings.ts'
import { startTestServer, type TestClient, type TestServer } from '../support/server.ts'
import type { Visit, Visitor } from '../support/visitor.ts'

let google: FakeIssuer
let acme: FakeIssuer
let server: TestServer
let client: TestClient

beforeAll(async () => {
  google = await fakeGoogle()
  acme = await fakeGoogle()
  server = await startTestServer({
    settings: {
      ...iftttSettings,
      ...asGoogle(google),
      OIDC_PROVIDERS: JSON.stringify([
        {
          id: 'acme',
          label: 'Acme',
          issuer: acme.issuer,
          clientId: acme.clientId,
          clientSecret: acme.clientSecret,
          auth: 'client_secret_post',
        },
      ]),
    },
  })
  google.allow(`${server.origin}/interaction/callback/google`)
  acme.allow(`${server.origin}/interaction/callback/acme`)
  client = await server.client('web')
})
afterAll(async () => {
  await server.stop()
  await google[Symbol.asyncDispose]()
  await acme[Symbol.asyncDispose]()
})

/** Up to where the person is sent away from our pages. */
async function sent(visitor: Visitor, provider: string): Promise<Visit> {
  const page = await visitor.get(authorizeUrl(client, pkce()))
  expect(page.text).toContain('Continue with Google')
  return visitor.submit(page, `/start/${provider}`)
}

async function signIn(
  visitor: Visitor,
  at: FakeIssuer,
  provider: string,
  person: IssuerPerson | 'cancel',
): Promise<Visit> {
  const callback = await at.choose((await sent(visitor, provider)).url, person)
  return visitor.get(callback.href, { 'sec-fetch-site': 'cross-site' })
}

describe('with Google', () => {
  test('a newcomer is asked, gets an account under (iss, sub), and is the same person the next time', async () => {
    const [alice] = google.people
    const visitor = server.visitor()
    const page = await signIn(visitor, google, 'google', alice)
    expect(page.text).toContain('You signed in with Google')
    const consent = await visitor.submit(page, '/newcomer', { decision: 'create', name: 'Alice' })
    const back = await visitor.submit(consent, '/consent', { decision: 'allow' })
    expect(back.url.searchParams.get('code')).not.toBeNull()
    const again = await signIn(server.visitor(), google, 'google', alice)
    expect(again.left).toBe(true)
    const { db } = server.database.store
    const rows = await db.selectFrom('identities').selectAll().where('subject', 'like', `%${alice.sub}`).execute()
    expect(rows).toMatchObject([{ provider: 'google', subject: `${google.issuer} ${alice.sub}`, label: alice.email }])
  })

  test('a newcomer connects IFTTT: the id is ours, and Google is needed no more', async () => {
    const platform = ifttt(await registerService(server))
    const visitor = server.visitor()
    const connection = await platform.connect(async (url) => {
      const away = await visitor.submit(await visitor.get(url), '/start/google')
      const callback = await google.choose(away.url, google.people[1])
      const newcomer = await visitor.get(callback.href, { 'sec-fetch-site': 'cross-site' })
      return allow(visitor, await visitor.submit(newcomer, '/newcomer', { decision: 'create', name: 'Bob' }))
    })
    expect(connection.user).toMatchObject({ name: 'Bob', id: expect.stringMatching(/^usr_/) })
    connection.access = 'one-that-is-no-more'
    const asked = google.asked.length
    expect(await platform.user(connection)).toEqual(connection.user)
    expect(google.asked).toHaveLength(asked)
  })

  test('Google is asked for openid email profile, an account to choose, PKCE, state and nonce, and for no lasting access', async () => {
    const { url } = await sent(server.visitor(), 'google')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      client_id: google.clientId,
      response_type: 'code',
      redirect_uri: `${server.origin}/interaction/callback/google`,
      scope: 'openid email profile',
      prompt: 'select_account',
      state: expect.stringMatching(/^[\w-]{43}$/),
      nonce: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: 'S256',
    })
  })

  test('who turns back there chooses anew here', async () => {
    const page = await signIn(server.visitor(), google, 'google', 'cancel')
    expect(page.status).toBe(400)
    expect(page.text).toContain('You cancelled that sign-in')
  })

  test('nothing that Google gave is kept: no token of it, nor our secret, is in the database or the log', async () => {
    const visitor = server.visitor()
    await signIn(visitor, google, 'google', google.people[1])
    const dump = JSON.stringify(await everything())
    expect(google.issued.length).toBeGreaterThan(1)
    for (const secret of [google.clientSecret, ...google.issued]) {
      expect(dump.includes(secret)).toBe(false)
      expect(server.logged.join('\n').includes(secret)).toBe(false)
    }
  })
})

describe('with several issuers (RFC 9700 §4.4)', () => {
  test('the same sub at another issuer is another person', async () => {
    const page = await signIn(server.visitor(), acme, 'acme', acme.people[0])
    expect(page.text).toContain('You signed in with Acme')
  })

  test('the callback of one issuer does not finish a sign-in at the other', async () => {
    const visitor = server.visitor()
    const atAcme = await sent(visitor, 'acme')
    const own = server.visitor()
    const stolen = await google.choose((await sent(own, 'google')).url, google.people[0])
    // The attacker's issuer sends the browser on with a code of the honest one, to either redirect URI.
    for (const provider of ['acme', 'google']) {
      const mixed = new URL(`/interaction/callback/${provider}`, server.origin)
      mixed.search = stolen.search
      mixed.searchParams.set('state', atAcme.url.searchParams.get('state') ?? '')
      const page = await visitor.get(mixed.href, { 'sec-fetch-site': 'cross-site' })
      expect(page.status).toBe(400)
      expect(page.left).toBe(false)
    }
    expect(server.logged.join('\n')).toContain('unexpected \\"iss\\" (issuer) response parameter value')
  })

  test('a callback in another browser leads nowhere', async () => {
    const callback = await google.choose((await sent(server.visitor(), 'google')).url, google.people[0])
    const page = await server.visitor().get(callback.href)
    expect(page.status).toBe(400)
    expect(page.text).toContain('This sign-in has expired')
  })
})

describe('in a browser inside another app, which Google refuses', () => {
  const telegram = {
    'user-agent': 'Mozilla/5.0 (Linux; Android 15; Pixel 8; wv) Chrome/131.0.0.0 Telegram-Android/11.4.2',
  }

  test('the person is shown the address to open in their own browser, and the other ways', async () => {
    const page = await sent(server.visitor(telegram), 'google')
    expect(page.left).toBe(false)
    expect(page.text).toContain('Open this page in your browser')
    expect(page.text).toContain('Continue with Acme')
    expect(page.text).not.toContain('Continue with Google')
    const address = /class="address"><code>([^<]+)</.exec(page.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    expect(address).toBe(page.url.href)
    const own = server.visitor()
    const begun = await own.get(address)
    expect((await own.submit(begun, '/start/google')).url.origin).toBe(google.issuer)
  })

  test('they can go on all the same, and to issuers that take any browser at once', async () => {
    const visitor = server.visitor(telegram)
    const page = await sent(visitor, 'google')
    expect((await visitor.submit(page, '/start/google/here')).url.origin).toBe(google.issuer)
    expect((await sent(server.visitor(telegram), 'acme')).url.origin).toBe(acme.issuer)
  })
})

test('an issuer that is down is a page that says so, and is asked again the next time', async () => {
  const [alice] = acme.people
  const visitor = server.visitor()
  const { url } = await sent(visitor, 'acme')
  const callback = await acme.choose(url, alice)
  acme.setMood('refuse')
  const page = await visitor.get(callback.href)
  acme.setMood('well')
  expect(page.status).toBe(503)
  expect(page.text).toContain('can’t be reached')
  expect(page.text).not.toContain(acme.issuer)
  const again = await acme.choose((await visitor.submit(page, '/start/acme')).url, alice)
  expect((await visitor.get(again.href)).status).toBe(200)
})

async function everything(): Promise<unknown[]> {
  const { db } = server.database.store
  const tables = await db.introspection.getTables()
  return Promise.all(
    tables.map(({ name }) =>
      db
        .selectFrom(name as 'accounts')
        .selectAll()
        .execute(),
    ),
  )
}
