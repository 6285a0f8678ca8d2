import { expect, test } from 'vitest'
import { loadCommonPasswords, passwordProblem } from '../../../adapters/identity/password-rules.ts'

const context = { email: 'alice.liddell@example.com', productName: 'Habitat Auth', commonPasswords: ['iloveyou1'] }

test.each([
  '        ',
  'aaaaaaab',
  'correct horse battery staple',
  'пароль-пароль',
  '🐴🐴🐴🐴🐴🐴🐴🐴',
  'habitat auth plus a few words',
  'alice.liddell went down',
  'x'.repeat(1024),
])('%j is accepted: no rule about its mixture (ASVS 5 §6.2.5)', (password) => {
  expect(passwordProblem(password, context)).toBeUndefined()
})

test.each([
  ['', 'password-too-short'],
  ['1234567', 'password-too-short'],
  ['🐴🐴🐴🐴', 'password-too-short'],
  ['x'.repeat(1025), 'password-too-long'],
  ['iloveyou1', 'password-too-common'],
  ['ILoveYou1', 'password-too-common'],
  ['habitat auth', 'password-too-common'],
  ['Alice.Liddell', 'password-too-common'],
  ['alice.liddell@example.com', 'password-too-common'],
])('%j is refused: %s', (password, problem) => {
  expect(passwordProblem(password, context)).toBe(problem)
})

test('the common passwords are more than the 3000 that are asked for, in lower case (ASVS 5 §6.2.4)', async () => {
  const common = await loadCommonPasswords()
  expect(common.filter(({ length }) => length >= 8).length).toBeGreaterThan(3000)
  expect(common).toContain('password1')
  expect(common.filter((password) => password !== password.toLowerCase())).toEqual([])
  expect(passwordProblem('Password1', { ...context, commonPasswords: common })).toBe('password-too-common')
})
