import { expect, test } from 'vitest'
import { batched } from '../../../adapters/postgres/batched.ts'

test('what comes while a write is under way goes out together, and nobody is answered before it is written', async () => {
  const under: { items: readonly string[]; done: PromiseWithResolvers<void> }[] = []
  const write = batched<string>(
    (items) => {
      const done = Promise.withResolvers<void>()
      under.push({ items, done })
      return done.promise
    },
    { lanes: 1, size: 3 },
  )
  const answered: string[] = []
  const callers = ['a', 'b', 'c', 'd', 'e'].map((item) => write(item).then(() => answered.push(item)))
  expect(under.map(({ items }) => items)).toEqual([['a']])
  expect(answered).toEqual([])
  under[0]?.done.resolve()
  await callers[0]
  expect(answered).toEqual(['a'])
  expect(under[1]?.items).toEqual(['b', 'c', 'd'])
  under[1]?.done.resolve()
  await Promise.all(callers.slice(0, 4))
  expect(under[2]?.items).toEqual(['e'])
  under[2]?.done.resolve()
  await Promise.all(callers)
  expect(answered).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('a failed write fails those that were in it, and only those', async () => {
  let calls = 0
  const write = batched<string>(
    async () => {
      calls += 1
      await Promise.resolve()
      if (calls === 1) throw new Error('the database is gone')
    },
    { lanes: 1, size: 10 },
  )
  const results = await Promise.allSettled([write('a'), write('b'), write('c')])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
})
