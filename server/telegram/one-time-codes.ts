/**
 * One-time codes to phones: who may ask for one, how it gets to its person, and what typing it proves.
 *
 * Asking answers before anything is sent or looked up, so that neither answer nor time tells whether a number is known. The
 * code proves the Telegram user whom our bot told it; a number by itself proves nobody (docs/decisions/017-one-time-codes.md).
 */
import { randomBytes, randomInt } from 'node:crypto'
import type { Limits } from '../../adapters/postgres/limits.ts'
import type { CodeAnswer, PhoneCodes } from '../../adapters/postgres/phone-codes.ts'
import type { RequestWindows } from '../../adapters/postgres/request-windows.ts'
import type { PhoneOwner, TelegramPhones } from '../../adapters/postgres/telegram-phones.ts'
import type { Gateway } from '../../adapters/telegram/gateway.ts'
import type { PhoneNumber, ReadPhone } from '../../adapters/telegram/phone-number.ts'
import type { Background } from '../background.ts'

export interface OneTimeCodesOptions {
  readonly read: ReadPhone
  readonly codes: PhoneCodes
  readonly phones: TelegramPhones
  readonly windows: RequestWindows
  readonly limits: Limits
  /** Keyed hash of a phone, for the names of what is counted. */
  readonly keyOf: (phone: string) => string
  /** Says a code to a person; false when they cannot be reached by our bot. */
  readonly say: (personId: string, code: string) => Promise<boolean>
  readonly gateway: Gateway | undefined
  /** Seconds that a code lasts. */
  readonly lifetime: number
  readonly background: Background
  /** Told when wrong codes for one phone, or from one address, are slowed down. */
  readonly onHeldOff: (by: 'phone' | 'address', address: string, seconds: number) => void
}

export interface HeldOff {
  readonly kind: 'held-off'
  /** Seconds. */
  readonly retryAfter: number
}

export interface CodeRequest {
  /** The secret that the code is bound to. */
  readonly request: string
  /** E.164. */
  readonly phone: string
  /** Network address that asks. */
  readonly address: string
}

/** What a right code proves. */
export interface Proven {
  readonly kind: 'proven'
  readonly personId: string
  /** What Telegram said of them, where the number is still theirs. */
  readonly owner: PhoneOwner | undefined
}

export interface OneTimeCodes {
  read(text: string): Promise<PhoneNumber | undefined>
  /** Sends a code, in its own time; `code` is for those who develop and for nobody else. */
  ask(asked: CodeRequest): Promise<{ kind: 'sent'; code: string } | HeldOff>
  /** Judges a code that was typed; a try is spent first. */
  check(asked: CodeRequest & { code: string }): Promise<Proven | Exclude<CodeAnswer, { kind: 'right' }> | HeldOff>
  /** Says the pending code of this person's phone once more; false when there is none. */
  repeat(phone: string, personId: string, vouched: boolean): Promise<boolean>
  /** The same for one request, where its phone is theirs. */
  repeatOf(request: string, personId: string): Promise<boolean>
}

/** So many in so many seconds. A phone gets three in a minute and no more; whole offices share an address. */
export const requestLimits = {
  phone: { most: 3, seconds: 60 },
  address: { most: 30, seconds: 600 },
  /** Of an IPv6 network (/48), of which one customer may have all addresses. */
  network: { most: 120, seconds: 600 },
  everybody: { most: 300, seconds: 60 },
  /** Messages that a phone gets unasked; the codes beyond them wait in the chat. */
  told: { most: 12, seconds: 3_600 },
} as const

/**
 * Wrong codes: three tries belong to one code, but codes can be asked for again and again. A thousand guesses a day at one
 * phone would find one in a thousand; there are about a hundred.
 */
const wrongAtPhone = { free: 9, firstDelay: 60, maxDelay: 900, forget: 86_400 }
const trustedFor = 90 * 86_400
const wrongFromAddress = { free: 60, firstDelay: 1, maxDelay: 900, forget: 3_600 }

/** A new secret for a request: 256 random bits, 43 characters of base64url. */
export function newRequest(): string {
  return randomBytes(32).toString('base64url')
}

export function oneTimeCodes(options: OneTimeCodesOptions): OneTimeCodes {
  const { codes, phones, windows, limits, keyOf, say, gateway, lifetime, background } = options

  /** Who asks comes first: whoever is refused there uses up nothing of the phones that they name. */
  async function admitted({ phone, address }: CodeRequest): Promise<HeldOff | undefined> {
    const key = (of: string) => `phone-request:${of}`
    const [own, network] = [limits.bucketOf(address), limits.bucketOf(address, 48)]
    const counted = [
      [key(own), requestLimits.address],
      ...(network === own ? [] : [[key(network), requestLimits.network] as const]),
      [key(keyOf(phone)), requestLimits.phone],
      [key('everybody'), requestLimits.everybody],
    ] as const
    const charged: string[] = []
    for (const [of, policy] of counted) {
      const answer = await windows.spend(of, policy)
      if (answer.allowed) {
        charged.push(of)
        continue
      }
      // What is refused for one reason is not charged for another.
      for (const other of charged) await windows.forgive(other)
      return { kind: 'held-off', retryAfter: answer.retryAfter }
    }
    return undefined
  }

  /**
   * By our bot to whoever shared the number; where that fails, by the Gateway to whoever has it. Strangers who ask again and
   * again neither flood somebody's chat nor spend money: then the person fetches the code in the chat.
   */
  async function deliver({ request, phone }: CodeRequest): Promise<void> {
    if (!(await windows.spend(`phone-told:${keyOf(phone)}`, requestLimits.told)).allowed) return
    const owner = await phones.ownerOf(phone)
    if (owner !== undefined) {
      const code = await codes.tell(request, { personId: owner.id, vouched: false, fresh: newCode })
      if (code === undefined || (await say(owner.id, code))) return
    }
    if (gateway === undefined) return
    const code = await codes.passOn(request, newCode)
    if (code !== undefined) await gateway.send(phone, code, lifetime)
  }

  async function said(personId: string, code: string | undefined): Promise<boolean> {
    return code !== undefined && (await say(personId, code))
  }

  /**
   * Counts a guess before it is known whether it is one; answers what to do with that afterwards. Somebody who has signed
   * in from an address before is not held up there by what strangers do elsewhere.
   */
  async function counted({ phone, address }: CodeRequest) {
    const bucket = limits.bucketOf(address)
    const trust = `phone-trusted:${keyOf(phone)}:${bucket}`
    const byAddress = `phone-code:${bucket}`
    const byPhone = `phone-code:${keyOf(phone)}${(await limits.remembers(trust)) ? `:${bucket}` : ''}`
    const atAddress = await limits.spend(byAddress, wrongFromAddress)
    if (!atAddress.allowed) return heldOff('address', address, atAddress.retryAfter)
    const atPhone = await limits.spend(byPhone, wrongAtPhone)
    if (!atPhone.allowed) {
      await limits.forgive(byAddress, wrongFromAddress)
      return heldOff('phone', address, atPhone.retryAfter)
    }
    return {
      kind: 'counted',
      /** There was nothing to guess. */
      idle: () => limits.forgive(byPhone, wrongAtPhone),
      async right() {
        await limits.forgive(byAddress, wrongFromAddress)
        await limits.clear(byPhone)
      },
      trust: () => limits.remember(trust, trustedFor),
    } as const
  }

  function heldOff(by: 'phone' | 'address', address: string, seconds: number): HeldOff {
    options.onHeldOff(by, address, seconds)
    return { kind: 'held-off', retryAfter: seconds }
  }

  return {
    read: options.read,
    async ask(asked) {
      const refusal = await admitted(asked)
      if (refusal !== undefined) return refusal
      const code = newCode()
      await codes.put({ request: asked.request, phone: asked.phone, code })
      background.run(() => deliver(asked))
      return { kind: 'sent', code }
    },
    async check(asked) {
      const guess = await counted(asked)
      if (guess.kind === 'held-off') return guess
      const answer = await codes.answer(asked.request, asked.phone, asked.code)
      if (answer.kind === 'gone') await guess.idle()
      if (answer.kind === 'wrong' || answer.kind === 'gone') return answer
      await guess.right()
      if (answer.kind === 'unshared') return answer
      await guess.trust()
      const owner = await phones.ownerOf(asked.phone)
      return { kind: 'proven', personId: answer.personId, owner: owner?.id === answer.personId ? owner : undefined }
    },
    async repeat(phone, personId, vouched) {
      if (!(await phones.isOf(phone, personId))) return false
      return said(personId, await codes.tellNewest(phone, { personId, vouched, fresh: newCode }))
    },
    repeatOf: async (request, personId) =>
      said(personId, await codes.tellOwn(request, { personId, vouched: false, fresh: newCode })),
  }
}

/** Six digits, all equally likely. */
function newCode(): string {
  return String(randomInt(1_000_000)).padStart(6, '0')
}
