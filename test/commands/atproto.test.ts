import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { clients } from '../../adapters/postgres/clients.ts'
import { readConfig } from '../../server/config.ts'
import { commandLine } from '../support/command-line.ts'
import { openTestDatabase } from '../support/database.ts'

const config = readConfig({ ISSUER: 'https://auth.example', DATA_DIR: tmpdir() })

test('a new key for PDSs stands beside the one before, and no list shows a private part', async () => {
  const database = await openTestDatabase()
  try {
    const run = commandLine(database.store, { config })
    expect((await run(['atproto', 'keys'])).stdout).toContain('No key')
    const first = (await run(['atproto', 'rotate-key', '--json'])).json()
    const second = (await run(['atproto', 'rotate-key', '--json'])).json()
    const { keys } = (await run(['atproto', 'keys', '--json'])).json()
    expect(keys).toHaveLength(2)
    expect(new Set(keys.map(({ kid }: { kid: string }) => kid))).toEqual(new Set([first.kid, second.kid]))
    expect(keys.find(({ kid }: { kid: string }) => kid === first.kid).retired_at).not.toBeNull()
    expect(Object.keys(keys[0]).sort()).toEqual(['created_at', 'kid', 'retired_at'])
    expect((await run(['atproto', 'keys'])).stdout).toContain(second.kid)
  } finally {
    await database.close()
  }
})

test('a public client on a developer’s machine has no key to rotate', async () => {
  const database = await openTestDatabase()
  try {
    const refused = await commandLine(database.store)(['atproto', 'rotate-key'])
    expect(refused).toMatchObject({ exitCode: 1 })
    expect(refused.stderr).toContain('without keys')
  } finally {
    await database.close()
  }
})

test('what is declared to PDSs is the ceiling and what enabled apps are registered for within it', async () => {
  const database = await openTestDatabase()
  try {
    const store = clients(database.store.db, () => new Date())
    const add = (id: string, scopes: string) =>
      store.add({
        id,
        profile: 'web',
        firstParty: false,
        metadata: { resource_scopes: scopes },
        secretHashes: [],
      })
    await add('poster', 'repo:app.bsky.feed.post notes:read')
    await add('asleep', 'repo:app.bsky.feed.like')
    await store.disable('asleep')
    const { scopes } = (await commandLine(database.store, { config })(['atproto', 'scopes', '--json'])).json()
    expect(scopes).toEqual(['atproto', 'repo:app.bsky.feed.post', 'transition:generic'])
  } finally {
    await database.close()
  }
})
