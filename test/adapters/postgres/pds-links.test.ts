import { afterEach, beforeEach, expect, test } from 'vitest'
import { accounts as accountStore } from '../../../adapters/postgres/accounts.ts'
import { clients as clientStore } from '../../../adapters/postgres/clients.ts'
import { grants as grantStore } from '../../../adapters/postgres/grants.ts'
import { pdsLinks } from '../../../adapters/postgres/pds-links.ts'
import { openTestDatabase, type TestDatabase } from '../../support/database.ts'

const now = () => new Date()
const resource = 'https://auth.example'
const did = 'did:plc:alice'

let database: TestDatabase
beforeEach(async () => {
  database = await openTestDatabase()
})
afterEach(() => database.close())

function stores() {
  const { db } = database.store
  return {
    db,
    accounts: accountStore(db, now),
    clients: clientStore(db, now),
    grants: grantStore(db, now),
    unneeded: (most = 10) => pdsLinks(db, now).unneeded(resource, most),
    ownerOf: pdsLinks(db, now).ownerOf,
  }
}

/** Somebody with a link, and an app that may use it. */
async function linked(scopes = 'openid repo:app.bsky.feed.post', identifier = resource) {
  const { db, accounts, clients } = stores()
  const account = await accounts.create({ identity: { provider: 'atproto', subject: did } })
  const metadata = { resource_scopes: 'transition:generic' }
  await clients.add({ id: 'app', profile: 'web', firstParty: false, metadata, secretHashes: [] })
  await db
    .insertInto('grants')
    .values({
      id: 'grant',
      account_id: account.id,
      client_id: 'app',
      payload: JSON.stringify({ openid: { scope: 'openid' }, resources: { [identifier]: scopes } }),
      created_at: now(),
      expires_at: new Date(Date.now() + 60_000),
    })
    .execute()
  await db
    .insertInto('atproto_sessions')
    .values({
      did,
      sealed_session: 'sealed',
      scope: 'atproto repo:app.bsky.feed.post',
      client_id: 'us',
      created_at: now(),
      updated_at: now(),
    })
    .execute()
  return account
}

test.each([
  'repo:app.bsky.feed.post',
  'openid transition:generic',
  'repo?collection=app.bsky.feed.post',
  'openid blob:*/*',
  'account:email openid',
])('a link is needed while an app holds %s', async (scopes) => {
  const account = await linked(scopes)
  const { unneeded, grants } = stores()
  expect(await unneeded()).toEqual([])
  expect(await grants.atResource(account.id, resource)).toMatchObject([{ clientId: 'app', scopes: scopes.split(' ') }])
})

test.each([
  ['says only who the person is', 'openid atproto offline_access', resource],
  ['is for another resource', 'repo:app.bsky.feed.post', 'https://api.example'],
  ['names what no PDS knows', 'openid repository:all notes:blob:x', resource],
])('a grant that %s keeps no link', async (_what, scopes, identifier) => {
  await linked(scopes, identifier)
  expect(await stores().unneeded()).toEqual([{ did, cause: 'unused' }])
  expect(await stores().unneeded(0)).toEqual([])
})

test('a link is not needed after the last grant was taken back, has expired, or lost its app', async () => {
  const account = await linked()
  const { db, unneeded, grants, clients } = stores()
  await db
    .updateTable('grants')
    .set({ expires_at: new Date(0) })
    .execute()
  expect(await unneeded()).toEqual([{ did, cause: 'unused' }])
  expect(await grants.atResource(account.id, resource)).toEqual([])
  await db
    .updateTable('grants')
    .set({ expires_at: new Date(Date.now() + 60_000) })
    .execute()
  await grants.revoke({ accountId: account.id, clientId: 'app' })
  expect(await unneeded()).toEqual([{ did, cause: 'unused' }])
  await db.updateTable('grants').set({ revoked_at: null }).execute()
  expect(await unneeded()).toEqual([])
  await clients.remove('app')
  expect(await unneeded()).toEqual([{ did, cause: 'unused' }])
})

test('an app that is disabled for a while keeps its link, but nothing more is asked for it', async () => {
  const account = await linked()
  const { unneeded, grants, clients } = stores()
  await clients.disable('app')
  expect(await unneeded()).toEqual([])
  expect(await grants.atResource(account.id, resource)).toEqual([])
})

test('the link of an account that is disabled or gone ends', async () => {
  const account = await linked()
  const { accounts, unneeded, ownerOf } = stores()
  expect(await ownerOf(did)).toBe(account.id)
  await accounts.disable(account.id)
  expect(await unneeded()).toEqual([{ did, cause: 'disabled' }])
  await accounts.remove(account.id)
  expect(await unneeded()).toEqual([{ did, cause: 'removed' }])
  expect(await ownerOf(did)).toBeUndefined()
})

test('a link that has ended does not end again', async () => {
  await linked('openid')
  const { db, unneeded } = stores()
  await db.updateTable('atproto_sessions').set({ ended_at: now(), sealed_session: null }).execute()
  expect(await unneeded()).toEqual([])
})
