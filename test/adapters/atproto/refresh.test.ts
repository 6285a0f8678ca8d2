import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { LinkEnded, PdsUnreachable } from '../../../adapters/atproto/contract.ts'
import { guardedFetch } from '../../../adapters/atproto/guarded-fetch.ts'
import { openPostgres } from '../../../adapters/postgres/database.ts'
import { expire, linked, type TestClient, testClient } from '../../support/atproto-client.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest } from '../../support/database.ts'
import { answering, startPds, type TestPds } from '../../support/pds.ts'

const getSession = '/xrpc/com.atproto.server.getSession'

let pds: TestPds

beforeAll(async () => {
  pds = await startPds()
})
afterEach(() => {
  pds.setMood('well')
  pds.stand('/oauth/token', undefined)
})
afterAll(() => pds.close())

/** A client of its own, with a link to the PDS of Alice. */
async function aliceLinked() {
  const database = await openTestDatabase()
  const client = testClient(database.store, pds)
  const alice = await pds.account()
  await linked(client, pds, alice)
  return { client, alice, [Symbol.asyncDispose]: database.close }
}

async function ask(client: TestClient, did: string): Promise<number | undefined> {
  const response = await (await client.link(did))?.fetch(getSession, {})
  await response?.body?.cancel()
  return response?.status
}

/** Watches the token endpoint from now on. A challenge for a nonce takes nothing, so it counts for nothing. */
function watchRefreshes(): { readonly answered: number[] } {
  const answered: number[] = []
  pds.stand('/oauth/token', (_request, response) => {
    const end = response.end.bind(response) as (...args: unknown[]) => typeof response
    response.end = ((chunk: unknown, ...rest: unknown[]) => {
      if (!String(chunk).includes('use_dpop_nonce')) answered.push(response.statusCode)
      return end(chunk, ...rest)
    }) as typeof response.end
    return false
  })
  return { answered }
}

postgresTest('40 calls on two nodes at the moment of expiry refresh once, and none fails', async () => {
  await using database = await openPostgresDatabase()
  const other = openPostgres(database.url)
  try {
    const nodes = [testClient(database.store, pds), testClient(other, pds)] as const
    const alice = await pds.account()
    await linked(nodes[0], pds, alice)
    for (const _round of [1, 2]) {
      await expire(nodes[0], alice.did)
      const { answered } = watchRefreshes()
      const calls = Array.from({ length: 40 }, (_, index) => ask(nodes[index % 2 === 0 ? 0 : 1], alice.did))
      expect(await Promise.all(calls)).toEqual(Array(40).fill(200))
      expect(answered).toEqual([200])
      expect(await pds.sessions(alice)).toBe(1)
    }
    expect(nodes.flatMap(({ ends, reports }) => [...ends, ...reports])).toEqual([])
  } finally {
    await other.close()
  }
})

postgresTest('a link that ends at the PDS is told once over two nodes, and every call says so', async () => {
  await using database = await openPostgresDatabase()
  const other = openPostgres(database.url)
  try {
    const nodes = [testClient(database.store, pds), testClient(other, pds)] as const
    const alice = await pds.account()
    await linked(nodes[0], pds, alice)
    await expire(nodes[0], alice.did)
    await pds.revokeSessions(alice)
    const open = await Promise.all(
      Array.from({ length: 10 }, (_, index) => nodes[index % 2 === 0 ? 0 : 1].link(alice.did)),
    )
    const outcomes = await Promise.allSettled(open.map((link) => link?.fetch(getSession, {})))
    expect(outcomes.every((it) => it.status === 'rejected' && it.reason instanceof LinkEnded)).toBe(true)
    await Promise.all(nodes.map((node) => node.settled()))
    expect(nodes.flatMap(({ ends }) => ends)).toEqual([`${alice.did} revoked`])
  } finally {
    await other.close()
  }
})

test('a link that ends while it is refreshed stays ended, and the fresh tokens are given back', async () => {
  await using it = await aliceLinked()
  const { client, alice } = it
  await expire(client, alice.did)
  const link = await client.link(alice.did)
  // The PDS has the refresh before it in the queue when the end comes.
  const asked = Promise.withResolvers<void>()
  pds.stand('/oauth/token', (_request, _response) => {
    pds.stand('/oauth/token', undefined)
    asked.resolve()
    return false
  })
  const refreshing = link?.fetch(getSession, {})
  const refused = expect(refreshing).rejects.toThrow(LinkEnded)
  await asked.promise
  await client.sessions.end(alice.did, 'unused')
  await refused
  await client.settled()
  expect(await client.link(alice.did)).toBeUndefined()
  expect(await pds.sessions(alice)).toBe(0)
})

test('tokens that the database did not take are kept and stored with the next call', async () => {
  await using database = await openTestDatabase()
  const probe = testClient(database.store, pds)
  let broken = false
  const client = testClient(database.store, pds, {
    sessions: {
      ...probe.sessions,
      refresh: (...args) => (broken ? Promise.reject(new Error('no database')) : probe.sessions.refresh(...args)),
    },
  })
  const alice = await pds.account()
  await linked(client, pds, alice)
  await expire(probe, alice.did)
  broken = true
  const { answered } = watchRefreshes()
  expect(await ask(client, alice.did)).toBe(200)
  expect(await ask(client, alice.did)).toBe(200)
  broken = false
  expect(await ask(client, alice.did)).toBe(200)
  expect(answered).toEqual([200])
  expect(await ask(probe, alice.did)).toBe(200)
  expect(client.ends).toEqual([])
})

test('a database that fails ends no link', async () => {
  await using database = await openTestDatabase()
  const probe = testClient(database.store, pds)
  const alice = await pds.account()
  await linked(probe, pds, alice)
  await expire(probe, alice.did)
  const client = testClient(database.store, pds, { lock: () => Promise.reject(new Error('no database')) })
  await expect(ask(client, alice.did)).rejects.toThrow('no database')
  expect(client.ends).toEqual([])
  expect(await ask(probe, alice.did)).toBe(200)
})

test('a PDS that does not answer is told apart from one that is down', async () => {
  await using database = await openTestDatabase()
  const patience = { question: 300, change: 300, silence: 300 }
  const client = testClient(database.store, pds, { fetch: guardedFetch({ open: true, patience }) })
  const alice = await pds.account()
  await linked(client, pds, alice)
  for (const stage of ['request', 'refresh']) {
    if (stage === 'refresh') await expire(client, alice.did)
    pds.setMood('hang')
    await expect(ask(client, alice.did)).rejects.toMatchObject({ name: 'PdsUnreachable', timeout: true })
    pds.setMood('refuse')
    await expect(ask(client, alice.did)).rejects.toMatchObject({ name: 'PdsUnreachable', timeout: false })
    pds.setMood('well')
  }
  expect(await ask(client, alice.did)).toBe(200)
})

test('a DID that went to another authorization server takes its link along: it ends', async () => {
  await using it = await aliceLinked()
  const { client, alice } = it
  await expire(client, alice.did)
  await using elsewhere = await startPds()
  const document = (await (await fetch(`${pds.plcUrl}/${alice.did}`)).json()) as {
    service: { serviceEndpoint: string }[]
  }
  const moved = {
    ...document,
    service: document.service.map((service) => ({ ...service, serviceEndpoint: elsewhere.url })),
  }
  pds.standForPlc(`/${alice.did}`, answering(200, moved))
  pds.standForPlc(`/${encodeURIComponent(alice.did)}`, answering(200, moved))
  await expect(ask(client, alice.did)).rejects.toThrow(LinkEnded)
  await client.settled()
  expect(client.ends).toEqual([`${alice.did} moved`])
})

test('a directory that is down ends no link', async () => {
  await using it = await aliceLinked()
  const { client, alice } = it
  await expire(client, alice.did)
  pds.standForPlc('/', answering(500, {}))
  try {
    await expect(ask(client, alice.did)).rejects.toThrow(PdsUnreachable)
  } finally {
    pds.standForPlc('/', undefined)
  }
  expect(await ask(client, alice.did)).toBe(200)
})

test('a PDS that is slow holds few of the locks that all others need, too', async () => {
  await using database = await openTestDatabase()
  const probe = testClient(database.store, pds)
  const alice = await pds.account()
  await linked(probe, pds, alice)
  await expire(probe, alice.did)
  const stored = await probe.sessions.read(alice.did)
  if (stored === undefined) throw new Error('there is no link')
  const people = Array.from({ length: 10 }, (_, index) => `did:plc:${'abcdefghij'[index]?.repeat(24)}`)
  for (const did of people) await probe.sessions.replace(did, stored)
  const slow = Promise.withResolvers<never>()
  const held: string[] = []
  const client = testClient(database.store, pds, {
    lock: (name) => {
      held.push(name)
      return slow.promise
    },
  })
  const calls = people.map((did) => ask(client, did))
  const other = JSON.parse(stored.secret) as { session: { tokenSet: { iss: string } } }
  other.session.tokenSet.iss = 'https://pds.habitat-other.dev'
  await probe.sessions.replace(alice.did, { ...stored, secret: JSON.stringify(other) })
  calls.push(ask(client, alice.did))
  await vi.waitUntil(() => held.includes(`atproto-session:${alice.did}`))
  expect(held).toHaveLength(5)
  slow.reject(new Error('over'))
  await Promise.allSettled(calls)
})
