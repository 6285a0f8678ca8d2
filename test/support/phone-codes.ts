/** One-time codes over a real database, people whose bot chats are at hand, and a clock. */
import { sealer } from '../../adapters/crypto/seal.ts'
import { telegramOtp } from '../../adapters/identity/telegram-otp.ts'
import { limits } from '../../adapters/postgres/limits.ts'
import { codeLifetime, phoneCodes } from '../../adapters/postgres/phone-codes.ts'
import { requestWindows } from '../../adapters/postgres/request-windows.ts'
import { type PhoneOwner, telegramPhones } from '../../adapters/postgres/telegram-phones.ts'
import type { Gateway } from '../../adapters/telegram/gateway.ts'
import { phoneReader } from '../../adapters/telegram/phone-number.ts'
import { background } from '../../server/background.ts'
import { newRequest, oneTimeCodes } from '../../server/telegram/one-time-codes.ts'
import { clock } from './clock.ts'
import type { TestDatabase } from './database.ts'

const homeAddress = '192.0.2.10'

export interface PhoneFixtureOptions {
  readonly gateway?: Gateway
  readonly countries?: readonly [string, ...string[]]
}

export function phoneFixture({ store: { db } }: TestDatabase, options: PhoneFixtureOptions = {}) {
  const time = clock()
  const ring = sealer(['test secret of thirty-two characters'])
  const phones = telegramPhones(db, ring, time.now)
  const codes = phoneCodes(db, ring, time.now)
  const failures: unknown[] = []
  const work = background((error) => void failures.push(error))
  /** What each person was told, in order. */
  const told = new Map<string, string[]>()
  const unreachable = new Set<string>()
  const heldOff: string[] = []
  const service = oneTimeCodes({
    read: phoneReader(options.countries ?? ['KZ']),
    codes,
    phones,
    windows: requestWindows(db, time.now),
    limits: limits(db, time.now),
    keyOf: (phone) => ring.fingerprints(phone, 'phone')[0],
    async say(personId, code) {
      if (unreachable.has(personId)) return false
      told.set(personId, [...(told.get(personId) ?? []), code])
      return true
    },
    gateway: options.gateway,
    lifetime: codeLifetime,
    background: work,
    onHeldOff: (by) => void heldOff.push(by),
  })
  const provider = telegramOtp({
    codes: service,
    newRequest,
    chat: (request) => `https://t.me/habitat_bot?start=p${request}`,
    codeLifetime,
    now: time.now,
  })

  /** Waits for what is on its way; fails when it failed. */
  async function settled(): Promise<void> {
    await work.settled()
    if (failures.length > 0) throw failures[0]
  }

  return {
    service,
    provider,
    phones,
    codes,
    time,
    heldOff,
    settled,
    unreachable,
    share: (phone: string, id: string, more: Partial<PhoneOwner> = {}) =>
      phones.share(phone, { id, firstName: 'Dana', ...more }),
    /** The newest code that a person was told. */
    async toldTo(personId: string): Promise<string | undefined> {
      await settled()
      return told.get(personId)?.at(-1)
    },
    /** How many codes a person was told. */
    countTold: (personId: string) => told.get(personId)?.length ?? 0,
    async ask(request: string, phone: string, address = homeAddress) {
      const answer = await service.ask({ request, phone, address })
      await settled()
      return answer
    },
    check: (request: string, phone: string, code: string, address = homeAddress) =>
      service.check({ request, phone, code, address }),
  }
}
