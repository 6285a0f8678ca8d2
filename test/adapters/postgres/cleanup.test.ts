import { expect, test } from 'vitest'
import { artifacts } from '../../../adapters/postgres/artifacts.ts'
import { removeExpired } from '../../../adapters/postgres/cleanup.ts'
import { durableGrants } from '../../../adapters/postgres/durable-grants.ts'
import { openTestDatabase } from '../../support/database.ts'

const day = 24 * 60 * 60 * 1000

test('what expired an hour ago goes, and with it the grant that nothing hangs on; what lives stays', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  let time = new Date('2026-01-01T00:00:00Z')
  const now = () => time
  const store = artifacts(db, now)
  const payload = { clientId: 'client' }
  const write = async (name: string, expiresIn: number) => {
    await durableGrants(db, now).save(`grant-${name}`, payload, 10_000_000)
    const row = { idHash: name, model: 'AccessToken', payload: { ...payload, grantId: `grant-${name}` }, expiresIn }
    await store.write([store.row(row)])
  }
  await write('short', 60)
  await write('long', 30 * 24 * 60 * 60)

  time = new Date(time.getTime() + 2 * day)
  expect(await removeExpired(db, now)).toBe(2)
  const left = async () => ({
    artifacts: (await db.selectFrom('artifacts').select('id_hash').execute()).map((row) => row.id_hash),
    grants: (await db.selectFrom('grants').select('id').execute()).map((row) => row.id),
  })
  expect(await left()).toEqual({ artifacts: ['long'], grants: ['grant-long'] })
  expect(await removeExpired(db, now)).toBe(0)
})
