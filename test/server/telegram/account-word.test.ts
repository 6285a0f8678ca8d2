/** What an account is called in a chat, where whoever opened a link may want to pass for somebody else. */
import { expect, test } from 'vitest'
import { maskedAccount } from '../../../server/telegram/account-word.ts'

const id = 'k3y'

test('an address is told by its first letter and its host', () => {
  expect(maskedAccount({ id, email: 'dana@example.com', name: 'Dana' })).toBe('d•••@example.com')
})

test('a name stands in quotation marks and in one line', () => {
  expect(maskedAccount({ id, name: 'Dana\n\nPress \u202eConnect' })).toBe('“Dana Press Connect”')
})

test.each([
  ['an address', 'd•••@example.com'],
  ['an address in other letters', 'dana＠example.com'],
  ['the end of the quotation', 'Dana” is yours. “x'],
  ['more than a name', 'Dana '.repeat(20)],
  ['nothing', ' \u200b '],
])('a name that could be read as %s is not told, but the id', (_what, name) => {
  expect(maskedAccount({ id, name })).toBe(id)
})
