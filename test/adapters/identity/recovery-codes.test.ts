import { expect, test } from 'vitest'
import { base32, hashRecoveryCode, newRecoveryCodes } from '../../../adapters/identity/recovery-codes.ts'

test.each([
  ['', ''],
  ['fooba', 'MZXW6YTB'],
  ['\0\0\0\0\0', 'AAAAAAAA'],
  ['foobarbazz', 'MZXW6YTBOJRGC6T2'],
])('%j is %j in base32 (RFC 4648 §10)', (text, encoded) => {
  expect(base32(Buffer.from(text))).toBe(encoded)
})

test('a recovery code is recognised however it is typed, and no other is', () => {
  const [code = '', other = ''] = newRecoveryCodes()
  const hash = hashRecoveryCode(code)
  for (const typed of [code.toUpperCase(), code.replaceAll('-', ''), code.replaceAll('-', ' '), ` ${code} `]) {
    expect(hashRecoveryCode(typed)).toBe(hash)
  }
  expect(hashRecoveryCode(other)).not.toBe(hash)
})
