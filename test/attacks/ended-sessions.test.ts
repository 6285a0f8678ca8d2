/** Whoever was signed out stays out: neither a request under way nor a sign-in that was held back brings it back. */
import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { sealer } from '../../adapters/crypto/seal.ts'
import { accounts } from '../../adapters/postgres/accounts.ts'
import { oidcModels } from '../../adapters/postgres/oidc-models.ts'
import { sessions } from '../../adapters/postgres/sessions.ts'
import { authorizeUrl, pkce } from '../support/authorize.ts'
import { clock } from '../support/clock.ts'
import { openTestDatabase } from '../support/database.ts'
import { type Person, register, signIn, somebody } from '../support/people.ts'
import { startTestServer, type TestServer } from '../support/server.ts'
import { formsOf, type Visitor } from '../support/visitor.ts'

/** Sends the right password and does not follow the redirect: what the thief comes back with later. */
async function heldSignIn(visitor: Visitor, address: string, { email, password }: Person): Promise<string> {
  const page = await visitor.get(address)
  const form = formsOf(page.text).find(({ action }) => action.endsWith('/answer'))
  const answer = await visitor.request(form?.action ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ email, password }).toString(),
  })
  expect(answer.status).toBe(303)
  return answer.url.href
}

async function withTwoBrowsers(
  work: (parts: { server: TestServer; owner: Visitor; thief: Visitor; person: Person }) => Promise<void>,
): Promise<void> {
  await using server = await startTestServer()
  const [owner, thief, person] = [server.visitor(), server.visitor(), somebody()]
  await register(owner, '/account', person)
  await work({ server, owner, thief, person })
}

test('a sign-in with the old password that was held back ends with the password', () =>
  withTwoBrowsers(async ({ owner, thief, person }) => {
    const address = await heldSignIn(thief, '/account', person)
    const page = await owner.get('/account/password')
    await owner.submit(page, '/account/password', { current_password: person.password, password: 'quite another 1' })
    expect((await thief.get(address)).text).not.toContain(person.email)
    expect((await thief.get('/account')).text).toContain('name="password"')
    expect((await owner.get('/account')).text).toContain(person.email)
  }))

test('signing out everywhere ends what was held back too', () =>
  withTwoBrowsers(async ({ owner, thief, person }) => {
    const address = await heldSignIn(thief, '/account', person)
    const ended = await owner.submit(await owner.get('/account'), '/sign-out-everywhere')
    expect(ended.text).toContain('in every browser')
    await thief.get(address)
    expect((await thief.get('/account')).text).toContain('name="password"')
  }))

test('somebody who is disabled between password and answer is asked to sign in, and refused', () =>
  withTwoBrowsers(async ({ server, thief, person }) => {
    const client = await server.client('web', { first_party: true })
    const address = await heldSignIn(thief, authorizeUrl(client, pkce()), person)
    const store = accounts(server.database.store.db, () => new Date())
    for (const { id } of await store.byEmail(person.email)) await store.disable(id)
    const late = await thief.get(address)
    expect(late.left).toBe(false)
    expect(late.status).toBeLessThan(500)
    expect((await signIn(thief, authorizeUrl(client, pkce()), person)).status).toBe(403)
  }))

test.for(['one session', 'all of the account'] as const)(
  'a request under way does not store again: %s',
  async (which) => {
    await using database = await openTestDatabase()
    const { db } = database.store
    const { now } = clock()
    const { id: accountId } = await accounts(db, now).create({ identity: { provider: 'toy', subject: 'alice' } })
    let key = {}
    const models = oidcModels({
      db,
      sealer: sealer([randomBytes(32).toString('hex')]),
      now,
      scope: () => ({ key, defer: false, refreshGrace: 0, ownIds: false }),
      findClient: async () => undefined,
      onReplay: () => undefined,
    })
    const session = models.adapter('Session')
    const payload = { uid: 'uid-of-alice', accountId, kind: 'Session', exp: now().getTime() / 1000 + 3600 }
    await session.upsert('first-id', payload, 3600)

    key = {}
    const found = await session.find('first-id')
    expect(found).toMatchObject(payload)
    // Signing in anew gives the session another id: it goes on under that one.
    await session.destroy('first-id')
    await session.upsert('second-id', payload, 3600)
    expect(await session.find('first-id')).toBeUndefined()
    expect(await session.find('second-id')).toMatchObject(payload)

    key = {}
    await session.find('second-id')
    const store = sessions(db, now)
    expect(
      await (which === 'one session' ? store.revoke('uid-of-alice') : store.revokeByAccount(accountId)),
    ).toBeTruthy()
    await session.upsert('second-id', payload, 3600)
    await session.upsert('third-id', payload, 3600)
    for (const id of ['second-id', 'third-id']) expect(await session.find(id)).toBeUndefined()
    expect(await session.findByUid('uid-of-alice')).toBeUndefined()
  },
)
