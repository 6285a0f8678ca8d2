import { expect, test } from 'vitest'
import {
  acrDemand,
  acrOf,
  isBeyondUs,
  levels,
  meets,
  oneFactor,
  reaches,
  statedAcr,
  twoFactors,
} from '../../../server/oidc/acr.ts'

test.each([
  [['pwd'], oneFactor],
  [['pwd', 'otp', 'mfa'], twoFactors],
  [['fed'], oneFactor],
  [['fed', 'mfa'], twoFactors],
  // Two methods are not two factors until somebody says so (RFC 8176 §2).
  [['pwd', 'otp'], oneFactor],
  [[], oneFactor],
])('a sign-in by %j has the level %s', (amr, acr) => {
  expect(acrOf(amr)).toBe(acr)
})

test('a level holds those below it, and nothing else holds any', () => {
  expect(levels).toEqual([oneFactor, twoFactors])
  expect(reaches(twoFactors, oneFactor)).toBe(true)
  expect(reaches(oneFactor, twoFactors)).toBe(false)
  expect(reaches(undefined, oneFactor)).toBe(false)
  for (const other of ['', '1', 'urn:habitat:acr', 'constructor']) {
    expect(reaches(twoFactors, other)).toBe(false)
    expect(reaches(other, oneFactor)).toBe(false)
    expect(reaches(other, other)).toBe(false)
  }
})

test.each([
  [undefined, undefined],
  [null, undefined],
  [{}, undefined],
  [{ essential: true }, undefined],
  [{ values: [] }, undefined],
  [{ value: 'a' }, { values: ['a'], essential: false }],
  [
    { values: ['a', 'b'], essential: true },
    { values: ['a', 'b'], essential: true },
  ],
])('the demand in %j is %j (OIDC Core §5.5.1)', (requested, demand) => {
  expect(acrDemand(requested)).toEqual(demand)
})

test.each([{ values: 'a' }, { value: 1 }, { values: [1] }, { value: 'a', essential: 'yes' }])(
  '%j is no demand',
  (wrong) => {
    expect(() => acrDemand(wrong)).toThrow(TypeError)
  },
)

test('a demand is met by any of its values, and beyond us when none is a level of ours', () => {
  const either = { values: ['elsewhere', twoFactors, oneFactor], essential: false }
  expect(meets(oneFactor, either)).toBe(true)
  expect(meets(oneFactor, { values: [twoFactors], essential: false })).toBe(false)
  expect(isBeyondUs(either)).toBe(false)
  expect(isBeyondUs({ values: ['elsewhere'], essential: true })).toBe(true)
})

test('what is stated is what was asked for where the sign-in reaches it, and never more than the sign-in', () => {
  const asked = (...values: string[]) => ({ values, essential: true })
  expect(statedAcr(twoFactors, undefined)).toBe(twoFactors)
  expect(statedAcr(twoFactors, asked(oneFactor))).toBe(oneFactor)
  expect(statedAcr(twoFactors, asked(oneFactor, twoFactors))).toBe(twoFactors)
  expect(statedAcr(oneFactor, asked(twoFactors))).toBe(oneFactor)
  expect(statedAcr(oneFactor, asked('elsewhere'))).toBe(oneFactor)
  expect(statedAcr(undefined, asked(oneFactor))).toBeUndefined()
})
