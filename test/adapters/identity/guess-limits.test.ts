import { expect, test } from 'vitest'
import { sealer } from '../../../adapters/crypto/seal.ts'
import { guessLimits } from '../../../adapters/identity/guess-limits.ts'
import { limits } from '../../../adapters/postgres/limits.ts'
import { clock } from '../../support/clock.ts'
import { openTestDatabase } from '../../support/database.ts'

test('an address that is held up leaves nothing behind for the names that it makes up', async () => {
  await using database = await openTestDatabase()
  const { db } = database.store
  const ring = sealer(['test secret of thirty-two characters'])
  const guesses = guessLimits({ limits: limits(db, clock().now), sealer: ring })
  const guess = (index: number) => guesses.password(`stranger-${index}@example.com`, '192.0.2.10')
  const rows = async () => (await db.selectFrom('limits').select('key').execute()).length
  let index = 0
  while ((await guess(index)).allowed) index += 1
  const before = await rows()
  for (let more = 1; more <= 20; more += 1) expect((await guess(index + more)).allowed).toBe(false)
  expect(await rows()).toBe(before)
})
