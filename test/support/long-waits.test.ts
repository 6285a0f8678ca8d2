/** Waits that are longer than Node knows. */
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('a wait of years is not over at once, and short ones are as ever', async () => {
  let fired = false
  const years = setTimeout(() => {
    fired = true
  }, 2 ** 40)
  await promisify(setTimeout)(20)
  clearTimeout(years)
  expect(fired).toBe(false)
})
