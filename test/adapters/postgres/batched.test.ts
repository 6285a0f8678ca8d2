import { expect, test } from 'vitest'
import { batched } from '../../../adapters/postgres/batched.ts'

test('what comes while a statement is under way goes out together; each gets its own answer, when it is there', async () => {
  const under: { items: readonly string[]; finish(): void }[] = []
  const ask = batched<string, string>(
    (items) =>
      new Promise((resolve) => {
        under.push({ items, finish: () => resolve(items.map((item) => item.toUpperCase())) })
      }),
    { lanes: 1, size: 3 },
  )
  const answered: string[] = []
  const callers = ['a', 'b', 'c', 'd', 'e'].map((item) => ask(item).then((answer) => answered.push(`${item}${answer}`)))
  expect(under.map(({ items }) => items)).toEqual([['a']])
  expect(answered).toEqual([])
  under[0]?.finish()
  await callers[0]
  expect(answered).toEqual(['aA'])
  expect(under[1]?.items).toEqual(['b', 'c', 'd'])
  under[1]?.finish()
  await Promise.all(callers.slice(0, 4))
  expect(under[2]?.items).toEqual(['e'])
  under[2]?.finish()
  await Promise.all(callers)
  expect(answered).toEqual(['aA', 'bB', 'cC', 'dD', 'eE'])
})

test('a failed statement fails those that were in it, and only those', async () => {
  let calls = 0
  const ask = batched<string, string>(
    async (items) => {
      calls += 1
      await Promise.resolve()
      if (calls === 1) throw new Error('the database is gone')
      return items
    },
    { lanes: 1, size: 10 },
  )
  const results = await Promise.allSettled([ask('a'), ask('b'), ask('c')])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
})
