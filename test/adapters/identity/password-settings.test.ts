import { describe, expect, test } from 'vitest'
import { hashRecoveryCode } from '../../../adapters/identity/recovery-codes.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest } from '../../support/database.ts'
import { passwordFixture } from '../../support/password-fixture.ts'

const email = 'alice@example.com'
const secret = 'correct horse battery'

describe('a password', () => {
  test('is created once per address, however it is written', async () => {
    await using database = await openTestDatabase()
    const { settings } = passwordFixture(database)
    const created = await settings.create(' Alice@Example.com', secret)
    expect(created).toEqual({ subject: expect.stringMatching(/^pwd_[\w-]{22}$/), email })
    expect(await settings.create('ALICE@example.com', 'another good one')).toEqual({ problem: 'email-unavailable' })
    expect(await settings.create('nonsense', secret)).toEqual({ problem: 'invalid-email' })
    expect(await settings.create('bob@example.com', 'short')).toEqual({ problem: 'password-too-short' })
    expect(await settings.create('bob@example.com', 'iloveyou1')).toEqual({ problem: 'password-too-common' })
  })

  test('is verified, changed and removed by subject', async () => {
    await using database = await openTestDatabase()
    const { settings, person } = passwordFixture(database)
    const { subject } = await person(email, secret)
    expect(await settings.verify(subject, secret)).toBe(true)
    expect(await settings.verify(subject, 'wrong horse battery')).toBe(false)
    expect(await settings.verify('pwd_nobody', secret)).toBe(false)
    expect(await settings.change(subject, 'short')).toBe('password-too-short')
    expect(await settings.change(subject, 'alice')).toBe('password-too-short')
    expect(await settings.verify(subject, secret)).toBe(true)
    expect(await settings.change(subject, 'staple of another kind')).toBeUndefined()
    expect(await settings.verify(subject, secret)).toBe(false)
    expect(await settings.verify(subject, 'staple of another kind')).toBe(true)
    await expect(settings.change('pwd_nobody', 'staple of another kind')).rejects.toThrow('no such')
    expect(await settings.emailOf(subject)).toBe(email)
    expect(await settings.remove(subject)).toBe(true)
    expect(await settings.remove(subject)).toBe(false)
    expect(await settings.emailOf(subject)).toBeUndefined()
  })

  postgresTest('of 20 parallel creations for one address one succeeds', async () => {
    await using database = await openPostgresDatabase()
    const { settings } = passwordFixture(database)
    const all = await Promise.all(Array.from({ length: 20 }, () => settings.create(email, secret)))
    expect(all.filter((it) => 'subject' in it)).toHaveLength(1)
  })
})

describe('a second factor', () => {
  test('is off until a code of the shown secret is given, then comes with ten recovery codes', async () => {
    await using database = await openTestDatabase()
    const { settings, person, codeOf, time } = passwordFixture(database)
    const { subject } = await person(email, secret)
    const begun = await settings.beginTotp(subject)
    if (begun === undefined) throw new Error('nothing was begun')
    const uri = new URL(begun.uri)
    expect(begun.secret).toMatch(/^[A-Z2-7]{32}$/)
    expect(uri.protocol).toBe('otpauth:')
    expect(decodeURIComponent(uri.pathname)).toBe(`/Habitat:${email}`)
    expect(uri.searchParams.get('secret')).toBe(begun.secret)
    expect(uri.searchParams.get('issuer')).toBe('Habitat')
    expect(await settings.secondFactor(subject)).toEqual({ status: 'none', codesLeft: 0 })
    for (const wrong of ['', '000000', codeOf(begun.secret, 120), codeOf('A'.repeat(32))]) {
      expect(await settings.confirmTotp(subject, wrong)).toBe('wrong-code')
    }
    const shown = codeOf(begun.secret)
    const codes = await settings.confirmTotp(subject, `${shown.slice(0, 3)} ${shown.slice(3)}`)
    if (codes === 'wrong-code') throw new Error(codes)
    expect(new Set(codes).size).toBe(10)
    for (const code of codes) expect(code).toMatch(/^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/)
    expect(await settings.secondFactor(subject)).toEqual({ status: 'on', codesLeft: 10 })
    time.advance(3600)
    expect(await settings.beginTotp(subject)).toBeUndefined()
    expect(await settings.confirmTotp(subject, codeOf(begun.secret))).toBe('wrong-code')
  })

  test('shows the same secret for 15 minutes while somebody enrols, another one later', async () => {
    await using database = await openTestDatabase()
    const { settings, person, time, codeOf } = passwordFixture(database)
    const { subject } = await person(email, secret)
    const first = await settings.beginTotp(subject)
    time.advance(899)
    expect(await settings.beginTotp(subject)).toEqual(first)
    time.advance(2)
    const second = await settings.beginTotp(subject)
    expect(second?.secret).not.toBe(first?.secret)
    expect(await settings.confirmTotp(subject, codeOf(first?.secret ?? ''))).toBe('wrong-code')
    expect(await settings.beginTotp('pwd_nobody')).toBeUndefined()
  })

  test('is removed with its recovery codes, and can be set up anew', async () => {
    await using database = await openTestDatabase()
    const { settings, person } = passwordFixture(database)
    const { subject } = await person(email, secret, true)
    expect(await settings.removeTotp(subject)).toBe(true)
    expect(await settings.removeTotp(subject)).toBe(false)
    expect(await settings.secondFactor(subject)).toEqual({ status: 'none', codesLeft: 0 })
    expect(await database.dump()).not.toMatch(/^recovery_codes/m)
    expect(await settings.renewRecoveryCodes(subject)).toBeUndefined()
    expect(await settings.beginTotp(subject)).toBeDefined()
  })

  test('gets new recovery codes in place of the old ones', async () => {
    await using database = await openTestDatabase()
    const { settings, person, rows } = passwordFixture(database)
    const { subject, recoveryCodes = [] } = await person(email, secret, true)
    const renewed = await settings.renewRecoveryCodes(subject)
    expect(renewed).toHaveLength(10)
    expect(await rows.spendCode(subject, hashRecoveryCode(recoveryCodes[0] ?? ''))).toBe(false)
    expect(await rows.spendCode(subject, hashRecoveryCode(renewed?.[0] ?? ''))).toBe(true)
    expect(await settings.secondFactor(subject)).toEqual({ status: 'on', codesLeft: 9 })
  })

  postgresTest('has ten recovery codes after 20 parallel renewals, and is turned on once', async () => {
    await using database = await openPostgresDatabase()
    const { settings, person, codeOf } = passwordFixture(database)
    const { subject } = await person(email, secret)
    const begun = await Promise.all(Array.from({ length: 20 }, () => settings.beginTotp(subject)))
    expect(new Set(begun.map((it) => it?.secret)).size).toBe(1)
    const code = codeOf(begun[0]?.secret ?? '')
    const turnedOn = await Promise.all(Array.from({ length: 20 }, () => settings.confirmTotp(subject, code)))
    expect(turnedOn.filter((it) => it !== 'wrong-code')).toHaveLength(1)
    await Promise.all(Array.from({ length: 20 }, () => settings.renewRecoveryCodes(subject)))
    expect(await settings.secondFactor(subject)).toEqual({ status: 'on', codesLeft: 10 })
  })

  postgresTest('takes a recovery code and a time step from one of 50 parallel callers', async () => {
    await using database = await openPostgresDatabase()
    const { person, rows } = passwordFixture(database)
    const { subject, recoveryCodes = [] } = await person(email, secret, true)
    const hash = hashRecoveryCode(recoveryCodes[0] ?? '')
    const spent = await Promise.all(Array.from({ length: 50 }, () => rows.spendCode(subject, hash)))
    expect(spent.filter((it) => it)).toHaveLength(1)
    const steps = await Promise.all(Array.from({ length: 50 }, () => rows.spendStep(subject, 99_999_999)))
    expect(steps.filter((it) => it)).toHaveLength(1)
    expect(await rows.spendStep(subject, 99_999_998)).toBe(false)
    expect(await rows.spendStep(subject, 100_000_000)).toBe(true)
  })
})

test('a stolen database holds neither password, nor secret, nor recovery code', async () => {
  await using database = await openTestDatabase()
  const { person } = passwordFixture(database)
  const { totpSecret = '', recoveryCodes = [] } = await person(email, secret, true)
  const dump = await database.dump()
  expect(dump).toContain(email)
  const secrets = [secret, totpSecret, ...recoveryCodes, ...recoveryCodes.map((code) => code.replaceAll('-', ''))]
  expect(secrets).toHaveLength(22)
  for (const it of secrets) expect(dump.toLowerCase()).not.toContain(it.toLowerCase())
})
