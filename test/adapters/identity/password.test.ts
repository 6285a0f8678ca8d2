/** What the password provider promises beyond the contract. */
import { describe, expect, test } from 'vitest'
import type { Step } from '../../../adapters/identity/contract.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest } from '../../support/database.ts'
import {
  homeAddress,
  type PasswordFixture,
  pageOf,
  passwordFixture,
  problemOf,
} from '../../support/password-fixture.ts'

const email = 'alice@example.com'
const secret = 'correct horse battery'
const wrong = 'wrong horse battery'

describe('signing in', () => {
  test('starts with an empty page, or with the address that the client hints at', async () => {
    await using database = await openTestDatabase()
    const { start } = passwordFixture(database)
    expect(pageOf(await start())).toEqual({ name: 'password-sign-in', email: '', canRegister: true })
    expect(pageOf(await start(' Alice@Example.com'))).toMatchObject({ email })
    expect(pageOf(await start('<script>'))).toMatchObject({ email: '' })
  })

  test('proves the person by the right password, however the address is written', async () => {
    await using database = await openTestDatabase()
    const { person, signIn } = passwordFixture(database)
    const { subject } = await person(email, secret)
    expect(await signIn(' ALICE@example.com ', secret)).toEqual({
      kind: 'proven',
      identity: { provider: 'password', subject, email: { address: email, verified: false } },
      amr: ['pwd'],
    })
  })

  test('answers a wrong password and an unknown address alike, and keeps what was typed but the password', async () => {
    await using database = await openTestDatabase()
    const { person, signIn } = passwordFixture(database)
    await person(email, secret)
    const expected = { name: 'password-sign-in', canRegister: true, problem: 'wrong-credentials' }
    expect(pageOf(await signIn(email, wrong))).toEqual({ ...expected, email })
    expect(pageOf(await signIn('nobody@example.com', wrong))).toEqual({ ...expected, email: 'nobody@example.com' })
    const step = await signIn(email, wrong)
    expect(JSON.stringify(step)).not.toContain(wrong)
  })

  test('says what was missing, and compares a password exactly as it was sent', async () => {
    await using database = await openTestDatabase()
    const { person, start, answer } = passwordFixture(database)
    await person(email, secret)
    for (const [fields, problem] of [
      [{}, 'invalid-email'],
      [{ email: 'nonsense', password: secret }, 'invalid-email'],
      [{ email: '', password: secret }, 'invalid-email'],
      [{ email, password: '' }, 'wrong-credentials'],
      [{ email }, 'wrong-credentials'],
      [{ email, password: 'x'.repeat(1025) }, 'wrong-credentials'],
      [{ email, password: `${secret} ` }, 'wrong-credentials'],
      [{ email, password: secret.toUpperCase() }, 'wrong-credentials'],
    ] as [Record<string, string>, string][]) {
      expect(problemOf(await answer(await start(), fields)), JSON.stringify(fields)).toBe(problem)
    }
  })

  test('takes 20 answers per attempt, then refuses', async () => {
    await using database = await openTestDatabase()
    const { start, answer } = passwordFixture(database)
    let step = await start()
    for (let index = 0; index < 19; index += 1) step = await answer(step, { email: 'nonsense' })
    expect(step).toMatchObject({ kind: 'show', tries: 1 })
    expect(await answer(step, { email: 'nonsense' })).toEqual({ kind: 'refused', reason: 'invalid' })
  })

  test('renews a hash of another cost without counting as a change of the password', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, rows, time } = passwordFixture(database)
    const { subject } = await person(email, secret)
    const { hash: cheap } = await import('argon2')
    const old = await cheap(secret, { memoryCost: 1024, timeCost: 2, parallelism: 1 })
    await database.store.db.updateTable('passwords').set({ hash: old }).execute()
    const before = await rows.find(subject)
    time.advance(60)
    expect((await signIn(email, secret)).kind).toBe('proven')
    const after = await rows.find(subject)
    expect(after?.hash).toContain('m=19456')
    expect(after?.changedAt).toEqual(before?.changedAt)
    expect((await signIn(email, secret)).kind).toBe('proven')
  })

  test('says that it is busy when too many passwords are being hashed, and counts no try', async () => {
    await using database = await openTestDatabase()
    const { person, signIn } = passwordFixture(database, { hashing: { atOnce: 1, waiting: 0 } })
    await person(email, secret)
    const all = await Promise.all(Array.from({ length: 20 }, () => signIn(email, wrong)))
    const busy = all.map(pageOf).filter((page) => page.problem === 'too-many-tries')
    expect(busy.length).toBeGreaterThan(14)
    expect((await signIn(email, secret)).kind).toBe('proven')
  })

  test('takes as long for an unknown address as for a wrong password', async () => {
    await using database = await openTestDatabase()
    const { person, signIn } = passwordFixture(database)
    const milliseconds = async (address: string, from: string) => {
      const before = process.hrtime.bigint()
      await signIn(address, wrong, from)
      return Number(process.hrtime.bigint() - before) / 1e6
    }
    const known: number[] = []
    const unknown: number[] = []
    // The fastest rounds: other work on the machine only ever adds, so a busy one needs more of them.
    const ratio = () => Math.min(...unknown) / Math.min(...known)
    for (let round = 0; round < 160 && (round < 15 || ratio() < 0.8 || ratio() > 1.25); round += 1) {
      const from = `198.51.100.${round}`
      // Fewer failures each than an account may have from all addresses together.
      const address = `alice-${Math.floor(round / 40)}@example.com`
      if (round % 40 === 0) await person(address, secret)
      known.push(await milliseconds(address, from))
      unknown.push(await milliseconds(`nobody-${round}@example.com`, from))
    }
    expect(ratio()).toBeGreaterThan(0.7)
    expect(ratio()).toBeLessThan(1.4)
  })
})

describe('a second factor', () => {
  test('is asked for after the right password only, and ends in a proof of both', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, answer, codeOf } = passwordFixture(database)
    const { subject, totpSecret = '' } = await person(email, secret, true)
    expect(problemOf(await signIn(email, wrong))).toBe('wrong-credentials')
    const step = await signIn(email, secret)
    expect(step).toMatchObject({ kind: 'show', page: { name: 'second-factor' }, tries: 5 })
    expect(JSON.stringify(step)).not.toContain(secret)
    expect(await answer(step, { code: codeOf(totpSecret) })).toEqual({
      kind: 'proven',
      identity: { provider: 'password', subject, email: { address: email, verified: false } },
      amr: ['pwd', 'otp', 'mfa'],
    })
  })

  test('is not skipped by anything but a right code', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, answer, time } = passwordFixture(database)
    await person(email, secret, true)
    for (const fields of [
      {},
      { code: '' },
      { code: ' ' },
      { code: '000000' },
      { code: 'abcd-efgh-ijkl-mnop' },
      { code: 'x'.repeat(100_000) },
      { email, password: secret },
      { action: 'register' },
      { action: 'sign-in-not', code: '١٢٣٤٥٦' },
    ] as Record<string, string>[]) {
      const step = await answer(await signIn(email, secret), fields)
      expect(pageOf(step), JSON.stringify(fields)).toEqual({ name: 'second-factor', problem: 'wrong-code' })
      time.advance(1000)
    }
  })

  test('leads back to the sign-in page on request, with nothing proven', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, answer, codeOf } = passwordFixture(database)
    const { totpSecret = '' } = await person(email, secret, true)
    const back = await answer(await signIn(email, secret), { action: 'sign-in' })
    expect(pageOf(back)).toEqual({ name: 'password-sign-in', canRegister: true })
    expect((await answer(back, { code: codeOf(totpSecret) })).kind).toBe('show')
    expect(problemOf(await answer(back, { code: codeOf(totpSecret) }))).toBe('invalid-email')
  })

  test('accepts the codes of one step before and one after, no further (RFC 6238 §5.2)', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, answer, codeOf, time } = passwordFixture(database)
    const { totpSecret = '' } = await person(email, secret, true)
    for (const [seconds, kind] of [
      [-60, 'show'],
      [60, 'show'],
      [-30, 'proven'],
      [30, 'proven'],
      [0, 'proven'],
    ] as const) {
      time.advance(300)
      expect((await answer(await signIn(email, secret), { code: codeOf(totpSecret, seconds) })).kind).toBe(kind)
    }
  })

  test('accepts no code twice, nor an older one after a newer one (ASVS 5 §6.5.1)', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, answer, codeOf } = passwordFixture(database)
    const { totpSecret = '' } = await person(email, secret, true)
    const code = codeOf(totpSecret)
    const [one, two, three] = [
      await signIn(email, secret),
      await signIn(email, secret),
      await signIn(email, secret),
    ] as const
    expect((await answer(one, { code })).kind).toBe('proven')
    expect(problemOf(await answer(two, { code }))).toBe('wrong-code')
    expect(problemOf(await answer(two, { code: codeOf(totpSecret, -30) }))).toBe('wrong-code')
    expect((await answer(three, { code: codeOf(totpSecret, 30) })).kind).toBe('proven')
  })

  test('accepts a recovery code once, typed in any way, and notes its use', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, answer, trail, settings } = passwordFixture(database)
    const { subject, recoveryCodes = [] } = await person(email, secret, true)
    const [code = ''] = recoveryCodes
    const proven = await answer(await signIn(email, secret), { code: code.toUpperCase().replaceAll('-', ' ') })
    expect(proven).toMatchObject({ kind: 'proven', amr: ['pwd', 'otp', 'mfa'] })
    expect(problemOf(await answer(await signIn(email, secret), { code }))).toBe('wrong-code')
    expect(await settings.secondFactor(subject)).toEqual({ status: 'on', codesLeft: 9 })
    const used = (await trail.list({ limit: 10 })).filter(({ event }) => event === 'second-factor.recovery-used')
    expect(used).toMatchObject([{ address: homeAddress, detail: { subject } }])
  })

  test('is not passed with the code or the recovery code of somebody else', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, answer, codeOf } = passwordFixture(database)
    await person(email, secret, true)
    const bob = await person('bob@example.com', secret, true)
    const step = await signIn(email, secret)
    for (const code of [codeOf(bob.totpSecret ?? ''), bob.recoveryCodes?.[0] ?? '']) {
      expect(problemOf(await answer(step, { code }))).toBe('wrong-code')
    }
  })

  test('takes five codes per attempt, then refuses', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, answer } = passwordFixture(database)
    await person(email, secret, true)
    let step = await signIn(email, secret)
    for (let index = 0; index < 4; index += 1) step = await answer(step, { code: '000000' })
    expect(step).toMatchObject({ kind: 'show', tries: 1 })
    expect(await answer(step, { code: '000000' })).toEqual({ kind: 'refused', reason: 'invalid' })
  })

  test('slows guessing down over all attempts and addresses, and a right code ends that', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, answer, codeOf, time } = passwordFixture(database)
    const { totpSecret = '' } = await person(email, secret, true)
    const guess = async (code: string, from: string) => answer(await signIn(email, secret), { code }, from)
    for (let index = 0; index < 6; index += 1) {
      expect(problemOf(await guess('000000', `198.51.100.${index}`))).toBe('wrong-code')
    }
    const refused = await guess(codeOf(totpSecret), '198.51.100.99')
    expect(pageOf(refused)).toEqual({ name: 'second-factor', problem: 'too-many-tries', retryAfter: 1 })
    time.advance(1)
    expect((await guess(codeOf(totpSecret), homeAddress)).kind).toBe('proven')
    time.advance(60)
    expect(problemOf(await guess('000000', homeAddress))).toBe('wrong-code')
  })

  test('refuses when the password or the factor was changed since the password was given', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, answer, codeOf, settings, time } = passwordFixture(database)
    const { subject, totpSecret = '' } = await person(email, secret, true)
    const before = await signIn(email, secret)
    time.advance(1)
    await settings.change(subject, 'staple of another kind')
    expect(await answer(before, { code: codeOf(totpSecret) })).toEqual({ kind: 'refused', reason: 'expired' })
    const open = await signIn(email, 'staple of another kind')
    await settings.removeTotp(subject)
    expect((await answer(open, { code: codeOf(totpSecret) })).kind).not.toBe('proven')
    expect((await answer(open, {})).kind).not.toBe('proven')
  })
})

describe('registering', () => {
  const register = async ({ start, answer }: PasswordFixture, fields: Record<string, string>, from = homeAddress) =>
    answer(await answer(await start(), { action: 'register' }), fields, from)

  test('creates a credential and proves the newcomer', async () => {
    await using database = await openTestDatabase()
    const fixture = passwordFixture(database)
    const page = await fixture.answer(await fixture.start(), { action: 'register', email: ' Alice@example.com' })
    expect(pageOf(page)).toEqual({ name: 'password-register', email: ' Alice@example.com' })
    const step = await fixture.answer(page, { name: ' Alice ', email: 'Alice@example.com', password: secret })
    expect(step).toEqual({
      kind: 'proven',
      identity: {
        provider: 'password',
        subject: expect.stringMatching(/^pwd_/),
        name: 'Alice',
        email: { address: email, verified: false },
      },
      amr: ['pwd'],
      registered: true,
    })
    const again = await fixture.signIn(email, secret)
    expect(again).toMatchObject({ kind: 'proven', identity: { subject: (step as Proven).identity.subject } })
    expect(again).not.toHaveProperty('registered')
  })

  test('says what was wrong, keeps what was typed and creates nothing', async () => {
    await using database = await openTestDatabase()
    const fixture = passwordFixture(database)
    for (const [fields, problem] of [
      [{}, 'invalid-email'],
      [{ email }, 'password-too-short'],
      [{ email: 'nonsense', password: secret }, 'invalid-email'],
      [{ email, password: 'short' }, 'password-too-short'],
      [{ email, password: 'x'.repeat(1025) }, 'password-too-long'],
      [{ email, password: 'iloveyou1' }, 'password-too-common'],
      [{ email: 'liddell.alice@example.com', password: 'liddell.alice' }, 'password-too-common'],
    ] as [Record<string, string>, string][]) {
      expect(pageOf(await register(fixture, { name: 'Alice', ...fields }))).toEqual({
        name: 'password-register',
        email: fields['email'] ?? '',
        displayName: 'Alice',
        problem,
      })
    }
    expect(await database.dump()).not.toMatch(/^passwords/m)
  })

  test('leads back to the sign-in page on request', async () => {
    await using database = await openTestDatabase()
    const fixture = passwordFixture(database)
    expect(pageOf(await register(fixture, { action: 'sign-in', email }))).toMatchObject({
      name: 'password-sign-in',
      email,
    })
  })

  test('with a known address signs in by the right password, second factor included, and never replaces it', async () => {
    await using database = await openTestDatabase()
    const fixture = passwordFixture(database)
    const { subject } = await fixture.person(email, secret)
    await fixture.person('bob@example.com', secret, true)
    const proven = await register(fixture, { email, password: secret, name: 'Mallory' })
    expect(proven).toMatchObject({ kind: 'proven', identity: { subject } })
    expect(proven).not.toHaveProperty('registered')
    const bob = await register(fixture, { email: 'bob@example.com', password: secret })
    expect(pageOf(bob)).toEqual({ name: 'second-factor' })
    expect(problemOf(await register(fixture, { email, password: wrong }))).toBe('email-unavailable')
    expect((await fixture.signIn(email, secret)).kind).toBe('proven')
    expect(problemOf(await fixture.signIn(email, wrong))).toBe('wrong-credentials')
  })

  test('is no way around the limits on guessing', async () => {
    await using database = await openTestDatabase()
    const fixture = passwordFixture(database)
    await fixture.person(email, secret)
    for (let index = 0; index < 6; index += 1) await register(fixture, { email, password: wrong })
    expect(problemOf(await register(fixture, { email, password: secret }))).toBe('too-many-tries')
    expect(problemOf(await fixture.signIn(email, secret))).toBe('too-many-tries')
  })

  test('can be switched off, from every side', async () => {
    await using database = await openTestDatabase()
    const open = passwordFixture(database)
    const page = await open.answer(await open.start(), { action: 'register' })
    const closed = passwordFixture(database, { registration: 'closed' })
    const expected = { name: 'password-sign-in', canRegister: false }
    expect(pageOf(await closed.start())).toMatchObject(expected)
    for (const step of [
      await closed.answer(await closed.start(), { action: 'register', email, password: secret }),
      await closed.answer(page, { email, password: secret }),
    ]) {
      expect(pageOf(step)).toEqual({ ...expected, email, problem: 'registration-closed' })
    }
    expect(await database.dump()).not.toMatch(/^passwords/m)
  })

  postgresTest('by four parallel forms makes one credential, and each of them proves it', async () => {
    await using database = await openPostgresDatabase()
    const fixture = passwordFixture(database)
    const { start, answer } = fixture
    const page = await answer(await start(), { action: 'register' })
    const all = await Promise.all(
      Array.from({ length: 4 }, (_, index) => answer(page, { email, password: secret }, `198.51.100.${index}`)),
    )
    expect(all.map(({ kind }) => kind)).toEqual(['proven', 'proven', 'proven', 'proven'])
    expect(new Set(all.map((step) => (step as Proven).identity.subject)).size).toBe(1)
    expect(all.filter((step) => 'registered' in step)).toHaveLength(1)
  })
})

describe('adding a password to an account', () => {
  test('asks for the address and the password to be, and proves a new credential', async () => {
    await using database = await openTestDatabase()
    const { start, answer, signIn } = passwordFixture(database, { registration: 'closed' })
    const page = await start(email, 'link')
    expect(pageOf(page)).toEqual({ name: 'password-add', email })
    const weak = await answer(page, { email, password: 'short' })
    expect(pageOf(weak)).toEqual({ name: 'password-add', email, problem: 'password-too-short' })
    const added = await answer(weak, { email, password: secret })
    expect(added).toMatchObject({ kind: 'proven', registered: true, identity: { email: { verified: false } } })
    expect(await signIn(email, secret)).toMatchObject({ kind: 'proven' })
  })

  test('does not give away, nor change, what belongs to somebody else', async () => {
    await using database = await openTestDatabase()
    const { person, start, answer, signIn } = passwordFixture(database)
    const { subject } = await person(email, secret)
    const step = await answer(await start('', 'link'), { email, password: wrong })
    expect(pageOf(step)).toMatchObject({ name: 'password-add', problem: 'email-unavailable' })
    const theirs = await answer(step, { email, password: secret })
    expect(theirs).toMatchObject({ kind: 'proven', identity: { subject } })
    expect(theirs).not.toHaveProperty('registered')
    expect(await signIn(email, secret)).toMatchObject({ kind: 'proven' })
  })
})

describe('guessing', () => {
  test.each([email, 'nobody@example.com'])('is slowed down for %s from one address', async (target) => {
    await using database = await openTestDatabase()
    const { person, signIn, time } = passwordFixture(database)
    await person(email, secret)
    for (let index = 0; index < 6; index += 1) {
      expect(problemOf(await signIn(target, wrong))).toBe('wrong-credentials')
    }
    const waits: unknown[] = []
    for (let index = 0; index < 12; index += 1) {
      const page = pageOf(await signIn(target, wrong))
      if (page.problem !== 'too-many-tries') throw new Error('the guess was compared')
      waits.push(page.retryAfter)
      time.advance(page.retryAfter ?? 0)
      expect(problemOf(await signIn(target, wrong))).toBe('wrong-credentials')
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900])
  })

  test('refuses the right password too while the delay lasts, and success ends it', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, time } = passwordFixture(database)
    await person(email, secret)
    for (let index = 0; index < 6; index += 1) await signIn(email, wrong)
    expect(problemOf(await signIn(email, secret))).toBe('too-many-tries')
    time.advance(1)
    expect((await signIn(email, secret)).kind).toBe('proven')
    for (let index = 0; index < 6; index += 1) {
      expect(problemOf(await signIn(email, wrong))).toBe('wrong-credentials')
    }
  })

  test('is not made easier by another spelling of the address, of the network or by a new attempt', async () => {
    await using database = await openTestDatabase()
    const { person, signIn } = passwordFixture(database)
    await person(email, secret)
    const spellings = ['alice@example.com', ' ALICE@EXAMPLE.COM', 'ａlice@example.com']
    const networks = ['192.0.2.77', '::ffff:192.0.2.77', '::ffff:c000:24d']
    for (let index = 0; index < 6; index += 1) {
      await signIn(spellings[index % 3] ?? '', wrong, networks[index % 3])
    }
    expect(problemOf(await signIn(email, secret, '192.0.2.77'))).toBe('too-many-tries')
  })

  test('by strangers neither shuts a person out where they have signed in before, nor for long elsewhere', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, time } = passwordFixture(database)
    await person(email, secret)
    expect((await signIn(email, secret, homeAddress)).kind).toBe('proven')
    for (let index = 0; index < 60; index += 1) {
      const page = pageOf(await signIn(email, wrong, `203.0.113.${index}`))
      if (page.problem === 'too-many-tries') time.advance(page.retryAfter ?? 0)
    }
    await signIn(email, wrong, '203.0.113.201')
    const elsewhere = pageOf(await signIn(email, secret, '198.51.100.1'))
    if (elsewhere.problem !== 'too-many-tries') throw new Error('the guess was compared')
    expect(elsewhere.retryAfter).toBeLessThanOrEqual(60)
    expect((await signIn(email, secret, homeAddress)).kind).toBe('proven')
  })

  test('from one address over many accounts is slowed down; signing in there is never counted', async () => {
    await using database = await openTestDatabase()
    const { person, signIn } = passwordFixture(database)
    await person(email, secret)
    for (let index = 0; index < 5; index += 1) expect((await signIn(email, secret)).kind).toBe('proven')
    for (let index = 0; index < 101; index += 1) {
      expect(problemOf(await signIn(`user${index}@example.com`, wrong))).toBe('wrong-credentials')
    }
    expect(problemOf(await signIn('user-more@example.com', wrong))).toBe('too-many-tries')
    expect(problemOf(await signIn(email, secret))).toBe('too-many-tries')
    expect((await signIn(email, secret, '198.51.100.1')).kind).toBe('proven')
  })

  test('is recorded, each failure and each lock once, without the password', async () => {
    await using database = await openTestDatabase()
    const { person, signIn, trail } = passwordFixture(database)
    const { subject } = await person(email, secret)
    for (let index = 0; index < 12; index += 1) await signIn(email, wrong)
    const events = await trail.list({ limit: 100 })
    expect(events.map(({ event }) => event)).toEqual(['sign-in.locked', ...Array(6).fill('sign-in.failed')])
    expect(events[1]).toMatchObject({ address: homeAddress, detail: { what: 'password', subject } })
    expect(await database.dump()).not.toContain(wrong)
  })

  postgresTest('with 50 parallel passwords compares six of them', async () => {
    await using database = await openPostgresDatabase()
    const { person, signIn, start, answer } = passwordFixture(database)
    await person(email, secret)
    const step = await start()
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, index) => answer(step, { email, password: `${wrong} ${index}` })),
    )
    expect(all.filter((it) => problemOf(it) === 'wrong-credentials')).toHaveLength(6)
    expect(problemOf(await signIn(email, secret))).toBe('too-many-tries')
  })

  postgresTest('with 50 parallel codes compares six of them, and one right code proves once', async () => {
    await using database = await openPostgresDatabase()
    const { person, signIn, answer, codeOf, time } = passwordFixture(database)
    const { totpSecret = '' } = await person(email, secret, true)
    const step = await signIn(email, secret)
    const codes = Array.from({ length: 50 }, (_, index) => String(index).padStart(6, '9'))
    const all = await Promise.all(codes.map((code) => answer(step, { code })))
    expect(all.filter((it) => problemOf(it) === 'wrong-code')).toHaveLength(6)
    time.advance(1)
    const right = await Promise.all(Array.from({ length: 50 }, () => answer(step, { code: codeOf(totpSecret) })))
    expect(right.filter(({ kind }) => kind === 'proven')).toHaveLength(1)
  })
})

type Proven = Extract<Step, { kind: 'proven' }>
