import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { declaredScopes } from '../../../server/atproto/declared-scopes.ts'
import { linkEnds } from '../../../server/atproto/link-ends.ts'

test('a PDS that fails keeps no other link from ending, and is told', async () => {
  const ended: string[] = []
  const errors: unknown[] = []
  const ends = linkEnds({
    unneeded: async () => ['did:plc:a', 'did:plc:b'].map((did) => ({ did, cause: 'unused' as const })),
    async end(did, cause) {
      if (did === 'did:plc:a') throw new Error('down')
      ended.push(`${did} ${cause}`)
    },
    onError: (error) => errors.push(error),
  })
  await ends.look()
  expect(ended).toEqual(['did:plc:b unused'])
  expect(errors).toHaveLength(1)
})

test('of very many links few end at once, in one look a thousand, and the next one goes on', async () => {
  const left = new Set(Array.from({ length: 1_030 }, (_, index) => `did:plc:${index}`))
  let [now, most] = [0, 0]
  const ends = linkEnds({
    unneeded: async (limit) => [...left].slice(0, limit).map((did) => ({ did, cause: 'unused' as const })),
    async end(did) {
      most = Math.max(most, ++now)
      await setImmediate()
      now -= 1
      left.delete(did)
    },
    onError: (error) => {
      throw error
    },
  })
  await ends.look()
  expect(left.size).toBe(30)
  expect(most).toBe(20)
  await ends.look()
  expect(left.size).toBe(0)
})

test('links that do not end are tried again by the next look, not by this one', async () => {
  let tries = 0
  const errors: unknown[] = []
  const ends = linkEnds({
    unneeded: async (limit) =>
      Array.from({ length: limit }, (_, index) => ({ did: `did:plc:${index}`, cause: 'unused' as const })),
    async end() {
      tries += 1
      throw new Error('away')
    },
    onError: (error) => errors.push(error),
  })
  await ends.look()
  expect([tries, errors.length]).toEqual([20, 20])
})

test('a sign that comes while somebody looks is not lost, and many of them cost one more look', async () => {
  let looks = 0
  const ends = linkEnds({
    async unneeded() {
      looks += 1
      await setImmediate()
      return []
    },
    end: async () => undefined,
    onError: () => undefined,
  })
  const first = ends.look()
  await Promise.all([first, ends.look(), ends.look(), ends.look()])
  expect(looks).toBe(2)
  await ends.look()
  expect(looks).toBe(3)
})

test('a database that is away is told, and looked into again later', async () => {
  const errors: unknown[] = []
  let away = true
  const ends = linkEnds({
    async unneeded() {
      if (away) throw new Error('away')
      return []
    },
    end: async () => undefined,
    onError: (error) => errors.push(error),
  })
  await ends.look()
  away = false
  await ends.look()
  expect(errors).toHaveLength(1)
})

test.each([
  ['the ceiling word for word', ['atproto', 'transition:generic'], [], ['atproto', 'transition:generic']],
  [
    'what apps are registered for within it',
    ['atproto', 'transition:generic'],
    ['repo:app.bsky.feed.post', 'repo?collection=app.bsky.feed.post', 'account:email', 'notes:read'],
    ['atproto', 'repo:app.bsky.feed.post', 'transition:generic'],
  ],
])('our client declares %s', (_what, ceiling, registered, expected) => {
  expect(declaredScopes(ceiling, registered)).toEqual(expected)
})
