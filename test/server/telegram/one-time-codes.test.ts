/** One-time codes: counted exactly, told to the right person, good once, and for the request that they belong to. */
import type { KyselyPlugin } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sealer } from '../../../adapters/crypto/seal.ts'
import { phoneCodes } from '../../../adapters/postgres/phone-codes.ts'
import { requestWindows } from '../../../adapters/postgres/request-windows.ts'
import { gateway } from '../../../adapters/telegram/gateway.ts'
import { newRequest, requestLimits } from '../../../server/telegram/one-time-codes.ts'
import { openPostgresDatabase, openTestDatabase, postgresTest, type TestDatabase } from '../../support/database.ts'
import { startGateway, gatewayToken as token } from '../../support/fakes/telegram-gateway.ts'
import { type PhoneFixtureOptions, phoneFixture } from '../../support/phone-codes.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

let phonesUsed = 0
/** A number that no other test has. */
function newPhone(): string {
  phonesUsed += 1
  return `+7700${String(1_000_000 + phonesUsed)}`
}

let addressesUsed = 0
function newAddress(): string {
  addressesUsed += 1
  return `198.51.100.${addressesUsed}`
}

/** Another code than this one. */
function wrong(code: string | undefined): string {
  return code === '000000' ? '000001' : '000000'
}

/** Somebody who shared a number, and a code on its way to them. */
async function begun(fixture = phoneFixture(database)) {
  const [phone, address, request] = [newPhone(), newAddress(), newRequest()]
  const id = String(2_000_000 + phonesUsed)
  await fixture.share(phone, id)
  expect(await fixture.ask(request, phone, address)).toMatchObject({ kind: 'sent' })
  const code = (await fixture.toldTo(id)) ?? ''
  expect(code).toMatch(/^\d{6}$/)
  return { fixture, phone, address, request, id, code }
}

describe('asking for a code', () => {
  test('three a minute for one phone: the third passes, the fourth is refused until the first is a minute old', async () => {
    const fixture = phoneFixture(database)
    const phone = newPhone()
    const ask = (address: string) => fixture.ask(newRequest(), phone, address)
    expect((await ask(newAddress())).kind).toBe('sent')
    fixture.time.advance(20)
    expect((await ask(newAddress())).kind).toBe('sent')
    fixture.time.advance(20)
    expect((await ask(newAddress())).kind).toBe('sent')
    expect(await ask(newAddress())).toEqual({ kind: 'held-off', retryAfter: 20 })
    fixture.time.advance(19)
    expect(await ask(newAddress())).toEqual({ kind: 'held-off', retryAfter: 1 })
    fixture.time.advance(1)
    expect((await ask(newAddress())).kind).toBe('sent')
    expect(await ask(newAddress())).toEqual({ kind: 'held-off', retryAfter: 20 })
  })

  test('what one phone is refused is not charged to its address, and an address has a limit of its own', async () => {
    const fixture = phoneFixture(database)
    const [address, phone] = [newAddress(), newPhone()]
    for (let count = 0; count < 10; count += 1) await fixture.ask(newRequest(), phone, address)
    const { most } = requestLimits.address
    for (let count = 3; count < most; count += 1) {
      expect((await fixture.ask(newRequest(), newPhone(), address)).kind).toBe('sent')
    }
    expect(await fixture.ask(newRequest(), newPhone(), address)).toMatchObject({ kind: 'held-off' })
    expect((await fixture.ask(newRequest(), newPhone(), newAddress())).kind).toBe('sent')
  })

  test('an address that is held off uses up nothing of the phones that it names', async () => {
    const fixture = phoneFixture(database)
    const [address, phone] = [newAddress(), newPhone()]
    for (let count = 0; count < requestLimits.address.most; count += 1) {
      expect((await fixture.ask(newRequest(), newPhone(), address)).kind).toBe('sent')
    }
    for (let count = 0; count < 5; count += 1) {
      expect((await fixture.ask(newRequest(), phone, address)).kind).toBe('held-off')
    }
    for (let count = 0; count < requestLimits.phone.most; count += 1) {
      expect((await fixture.ask(newRequest(), phone, newAddress())).kind).toBe('sent')
    }
  })

  test('the addresses of one IPv6 network are counted together, too', async () => {
    const fixture = phoneFixture(database)
    const ask = (address: string) => fixture.ask(newRequest(), newPhone(), address)
    for (let count = 0; count < requestLimits.network.most; count += 1) {
      expect((await ask(`2001:db8:48:${count.toString(16)}::1`)).kind).toBe('sent')
    }
    expect((await ask('2001:db8:48:ffff::1')).kind).toBe('held-off')
    expect((await ask('2001:db8:49::1')).kind).toBe('sent')
  })

  test('all together may ask 300 times a minute; who is refused then is charged nothing else', async () => {
    await using own = await openTestDatabase()
    const fixture = phoneFixture(own)
    const windows = requestWindows(own.store.db, fixture.time.now)
    const { most } = requestLimits.everybody
    expect(most).toBe(300)
    for (let count = 1; count < most; count += 1) {
      expect((await windows.spend('phone-request:everybody', requestLimits.everybody)).allowed).toBe(true)
    }
    expect((await fixture.ask(newRequest(), newPhone(), newAddress())).kind).toBe('sent')
    const [phone, address] = [newPhone(), newAddress()]
    for (let count = 0; count < 4; count += 1) {
      expect(await fixture.ask(newRequest(), phone, address)).toEqual({ kind: 'held-off', retryAfter: 60 })
    }
    fixture.time.advance(60)
    expect((await fixture.ask(newRequest(), phone, address)).kind).toBe('sent')
  })

  test('a chat is not flooded: beyond twelve an hour codes wait until their person asks for them', async () => {
    const fixture = phoneFixture(database)
    const phone = newPhone()
    await fixture.share(phone, '21')
    for (let count = 0; count < requestLimits.told.most; count += 1) {
      await fixture.ask(newRequest(), phone, newAddress())
      fixture.time.advance(21)
    }
    const before = await fixture.toldTo('21')
    const request = newRequest()
    expect((await fixture.ask(request, phone, newAddress())).kind).toBe('sent')
    expect(fixture.countTold('21')).toBe(requestLimits.told.most)
    expect(await fixture.toldTo('21')).toBe(before)
    expect(await fixture.service.repeatOf(request, '21')).toBe(true)
    const code = (await fixture.toldTo('21')) ?? ''
    expect((await fixture.check(request, phone, code)).kind).toBe('proven')
    fixture.time.advance(3_600)
    await fixture.ask(newRequest(), phone, newAddress())
    expect(fixture.countTold('21')).toBe(requestLimits.told.most + 2)
  })

  test('time tells nothing: neither sending nor looking up is waited for, and typing asks the database as often', async () => {
    let statements = 0
    const counter: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      async transformResult({ result }) {
        statements += 1
        return result
      },
    }
    const db = database.store.db.withPlugin(counter)
    const fixture = phoneFixture({ ...database, store: { ...database.store, db } })
    const counted = async (work: () => Promise<unknown>) => {
      await fixture.settled()
      statements = 0
      await work()
      return statements
    }
    const [known, unknown] = [newPhone(), newPhone()]
    await fixture.share(known, '22')
    const cost: { asking: number; typing: number }[] = []
    for (const phone of [known, unknown]) {
      const asked = { phone, request: newRequest(), address: newAddress() }
      const asking = await counted(() => fixture.service.ask(asked))
      const typing = await counted(() => fixture.service.check({ ...asked, code: '000000' }))
      cost.push({ asking, typing })
    }
    expect(fixture.countTold('22')).toBe(1)
    // Three counts and the code: what is looked up for a known number comes after the answer.
    expect(cost[0]?.asking).toBe(4)
    expect(cost[1]).toEqual(cost[0])
  })

  test('a number that nobody has shared is answered alike, and nobody is told anything', async () => {
    const fixture = phoneFixture(database)
    const request = newRequest()
    const phone = newPhone()
    const answer = await fixture.ask(request, phone, newAddress())
    expect(answer.kind).toBe('sent')
    const { code } = answer as { code: string }
    // Where the code is shown (development), it still proves nobody before the number was shared.
    expect(await fixture.check(request, phone, code)).toEqual({ kind: 'unshared' })
  })

  postgresTest('of ten at the same time for one phone three pass, from two nodes', async () => {
    await using shared = await openPostgresDatabase()
    const nodes = [phoneFixture(shared), phoneFixture(shared)]
    const phone = newPhone()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => nodes[index % 2]?.ask(newRequest(), phone, newAddress())),
    )
    expect(answers.filter((answer) => answer?.kind === 'sent')).toHaveLength(3)
  })
})

describe('typing a code', () => {
  test('proves the person who was told it, once', async () => {
    const { fixture, phone, request, id, code } = await begun()
    expect(await fixture.check(request, phone, code)).toMatchObject({ kind: 'proven', personId: id })
    expect(await fixture.check(request, phone, code)).toEqual({ kind: 'gone' })
  })

  test('has three tries: after three wrong ones the right one is worth nothing', async () => {
    const { fixture, phone, request, code } = await begun()
    for (const triesLeft of [2, 1, 0]) {
      expect(await fixture.check(request, phone, wrong(code))).toEqual({ kind: 'wrong', triesLeft })
    }
    expect(await fixture.check(request, phone, code)).toEqual({ kind: 'gone' })
  })

  test('the third try may be the right one', async () => {
    const { fixture, phone, request, code } = await begun()
    await fixture.check(request, phone, wrong(code))
    await fixture.check(request, phone, wrong(code))
    expect(await fixture.check(request, phone, code)).toMatchObject({ kind: 'proven' })
  })

  test('counts for five minutes and not a second longer', async () => {
    const [early, late] = [await begun(), await begun()]
    early.fixture.time.advance(299)
    expect(await early.fixture.check(early.request, early.phone, early.code)).toMatchObject({ kind: 'proven' })
    late.fixture.time.advance(300)
    expect(await late.fixture.check(late.request, late.phone, late.code)).toEqual({ kind: 'gone' })
  })

  test('counts in the request that asked for it and for its phone alone', async () => {
    const mine = await begun()
    const other = await begun(mine.fixture)
    expect((await mine.fixture.check(other.request, mine.phone, mine.code)).kind).toBe('gone')
    expect((await mine.fixture.check(mine.request, other.phone, mine.code)).kind).toBe('gone')
    expect((await mine.fixture.check(newRequest(), mine.phone, mine.code)).kind).toBe('gone')
    expect((await mine.fixture.check(mine.request, mine.phone, mine.code)).kind).toBe('proven')
  })

  test('asking again in a request puts a new code in the place of the old one, with new tries', async () => {
    const { fixture, phone, request, id, code, address } = await begun()
    await fixture.check(request, phone, wrong(code))
    await fixture.ask(request, phone, address)
    const next = (await fixture.toldTo(id)) ?? ''
    if (next !== code) expect((await fixture.check(request, phone, code)).kind).toBe('wrong')
    expect((await fixture.check(request, phone, next)).kind).toBe('proven')
  })

  postgresTest('of ten right ones at the same time one proves; of ten wrong ones three are compared', async () => {
    await using shared = await openPostgresDatabase()
    const fixture = phoneFixture(shared)
    const [right, guessed] = [await begun(fixture), await begun(fixture)]
    const many = (count: number, work: () => Promise<{ kind: string }>) =>
      Promise.all(Array.from({ length: count }, work)).then((answers) => answers.map(({ kind }) => kind))
    const proven = await many(10, () => fixture.codes.answer(right.request, right.phone, right.code))
    expect(proven.filter((kind) => kind === 'right')).toHaveLength(1)
    const compared = await many(10, () => fixture.codes.answer(guessed.request, guessed.phone, wrong(guessed.code)))
    expect(compared.filter((kind) => kind === 'wrong')).toHaveLength(3)
  })
})

describe('who is told', () => {
  test('a number shared while a code waits brings that code, and proves who shared it', async () => {
    const fixture = phoneFixture(database)
    const [request, phone] = [newRequest(), newPhone()]
    await fixture.ask(request, phone, newAddress())
    await fixture.share(phone, '31')
    expect(await fixture.service.repeat(phone, '31', true)).toBe(true)
    const code = (await fixture.toldTo('31')) ?? ''
    expect(await fixture.check(request, phone, code)).toMatchObject({ kind: 'proven', personId: '31' })
  })

  test('the same person is told the same code again, another one who has the number now another code', async () => {
    const { fixture, phone, request, id, code } = await begun()
    expect(await fixture.service.repeat(phone, id, false)).toBe(true)
    expect(await fixture.toldTo(id)).toBe(code)
    await fixture.share(phone, '41')
    expect(await fixture.service.repeat(phone, id, false)).toBe(false)
    expect(await fixture.service.repeat(phone, '41', true)).toBe(true)
    const next = (await fixture.toldTo('41')) ?? ''
    if (next !== code) expect((await fixture.check(request, phone, code)).kind).toBe('wrong')
    expect(await fixture.check(request, phone, next)).toMatchObject({ kind: 'proven', personId: '41' })
  })

  test('nobody is told the code of a number that is not theirs', async () => {
    const { fixture, phone, request } = await begun()
    await fixture.share(newPhone(), '51')
    expect(await fixture.service.repeat(phone, '51', false)).toBe(false)
    expect(await fixture.service.repeatOf(request, '51')).toBe(false)
    expect(await fixture.toldTo('51')).toBeUndefined()
  })

  test('whoever shares another number has the first one no more', async () => {
    const fixture = phoneFixture(database)
    const [before, after] = [newPhone(), newPhone()]
    await fixture.share(before, '61')
    await fixture.share(after, '61')
    expect(await fixture.phones.ownerOf(before)).toBeUndefined()
    expect(await fixture.phones.ownerOf(after)).toMatchObject({ id: '61' })
    expect(await fixture.phones.forget('61')).toBe(true)
    expect(await fixture.phones.ownerOf(after)).toBeUndefined()
  })
})

describe('by the Gateway', () => {
  let telegram: Awaited<ReturnType<typeof startGateway>>
  beforeAll(async () => {
    telegram = await startGateway()
  })
  afterAll(async () => {
    expect(telegram.complaints).toEqual([])
    await telegram[Symbol.asyncDispose]()
  })
  const throughGateway = (): PhoneFixtureOptions => ({
    gateway: gateway({ token, root: telegram.root, report: (why) => void telegram.complaints.push(why) }),
  })
  const sentTo = (phone: string) => telegram.sent.filter((one) => one.phone_number === phone).map(({ code }) => code)

  test('a number that nobody shared gets its code, which proves somebody once the number is shared', async () => {
    const fixture = phoneFixture(database, throughGateway())
    const [request, phone] = [newRequest(), newPhone()]
    await fixture.ask(request, phone, newAddress())
    const [code = ''] = sentTo(phone)
    expect(await fixture.check(request, phone, code)).toEqual({ kind: 'unshared' })
    await fixture.share(phone, '71')
    await fixture.service.repeat(phone, '71', true)
    expect(await fixture.check(request, phone, code)).toMatchObject({ kind: 'proven', personId: '71' })
  })

  test('who shared the number long ago is not proven by a code that went to whoever has it', async () => {
    const fixture = phoneFixture(database, throughGateway())
    const [request, phone] = [newRequest(), newPhone()]
    await fixture.share(phone, '81')
    fixture.unreachable.add('81')
    await fixture.ask(request, phone, newAddress())
    const [code = ''] = sentTo(phone)
    fixture.unreachable.delete('81')
    // Not a fresh contact: they get a code of their own, and the one that was sent is worth nothing.
    expect(await fixture.service.repeat(phone, '81', false)).toBe(true)
    const own = (await fixture.toldTo('81')) ?? ''
    if (own !== code) expect((await fixture.check(request, phone, code)).kind).toBe('wrong')
  })

  test('whom our bot reaches costs nothing', async () => {
    const { phone } = await begun(phoneFixture(database, throughGateway()))
    expect(sentTo(phone)).toEqual([])
  })
})

describe('guessing', () => {
  test('across codes and addresses is slowed at the phone; who signed in from an address is not held up there', async () => {
    const { fixture, phone, id, code, request, address } = await begun()
    expect((await fixture.check(request, phone, code, address)).kind).toBe('proven')
    let compared = 0
    for (let round = 0; round < 8; round += 1) {
      fixture.time.advance(21)
      const guessed = newRequest()
      await fixture.ask(guessed, phone, newAddress())
      const right = await fixture.toldTo(id)
      for (let count = 0; count < 3; count += 1) {
        const answer = await fixture.check(guessed, phone, wrong(right), newAddress())
        if (answer.kind === 'wrong') compared += 1
      }
    }
    // Ten, and one for each delay that passed in less than three minutes.
    expect(compared).toBeLessThan(13)
    expect(fixture.heldOff).toContain('phone')
    fixture.time.advance(60)
    const mine = newRequest()
    await fixture.ask(mine, phone, address)
    const fresh = (await fixture.toldTo(id)) ?? ''
    expect((await fixture.check(mine, phone, fresh, address)).kind).toBe('proven')
  })

  test('codes that are not there are no guesses at a phone: nobody is locked out by strangers who have asked for none', async () => {
    const { fixture, phone, request, code } = await begun()
    for (let count = 0; count < 20; count += 1) {
      expect((await fixture.check(newRequest(), phone, '123456', newAddress())).kind).toBe('gone')
    }
    expect((await fixture.check(request, phone, code)).kind).toBe('proven')
  })
})

test('a stolen database has neither codes nor numbers nor names, and hashes need the key', async () => {
  const { fixture, phone, code, request } = await begun()
  await fixture.share(phone, '91', { firstName: 'Unmistakable' })
  await fixture.ask(request, phone, newAddress())
  const dump = await database.dump()
  for (const secret of [phone, phone.slice(1), code, request, 'Unmistakable']) {
    expect(dump.split('\n').some((line) => line.split(/[\s",]/).includes(secret))).toBe(false)
  }
  expect(dump).toContain('telegram_phones')
  const other = phoneCodes(database.store.db, sealer(['another secret of thirty-two characters']), fixture.time.now)
  expect(await other.answer(request, phone, code)).toEqual({ kind: 'gone' })
})

test('a window is exact at its edge: what is as old as the window does not count', async () => {
  const { time } = phoneFixture(database)
  const windows = requestWindows(database.store.db, time.now)
  const policy = { most: 1, seconds: 10 }
  expect(await windows.spend('edge', policy)).toEqual({ allowed: true })
  time.advance(9)
  expect(await windows.spend('edge', policy)).toEqual({ allowed: false, retryAfter: 1 })
  time.advance(1)
  expect(await windows.spend('edge', policy)).toEqual({ allowed: true })
})
