/** One-time codes to phones, with whom they ask and who is told; undefined where there is no bot. */
import { codeLifetime } from '../../adapters/postgres/phone-codes.ts'
import { gateway } from '../../adapters/telegram/gateway.ts'
import { phoneReader } from '../../adapters/telegram/phone-number.ts'
import { background } from '../background.ts'
import { describe } from '../describe-error.ts'
import { oneTimeCodes as codesOf, type OneTimeCodes } from '../telegram/one-time-codes.ts'
import { phoneTexts } from '../telegram/phone-texts.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'
import type { Telegram } from './telegram.ts'

export interface PhoneSignIn {
  readonly codes: OneTimeCodes
  /** Keyed hash of a phone together with what it is for. */
  keyOf(text: string, purpose: string): string
  /** Opens the chat with the bot, about a request where one is named; undefined while Telegram does not say where that is. */
  chat(request?: string): string | undefined
  /** Answers once the codes that are on their way have been sent. */
  settled(): Promise<void>
}

export function oneTimeCodes(foundation: Foundation, stores: Stores, telegram: Telegram | undefined) {
  const { config, sealer, log } = foundation
  if (telegram === undefined || config.telegram === undefined) return undefined
  const { messenger, username } = telegram
  const { phoneCountries, gateway: gatewayConfig } = config.telegram
  const work = background((error) => log.warn({ error: describe(error) }, 'a code was not sent'))
  const keyOf = (text: string, purpose: string) => sealer.fingerprints(text, purpose)[0]
  const codes = codesOf({
    read: phoneReader(phoneCountries),
    codes: stores.phoneCodes,
    phones: stores.telegramPhones,
    windows: stores.requestWindows,
    limits: stores.limits,
    keyOf: (phone) => keyOf(phone, 'phone'),
    async say(personId, code) {
      const text = phoneTexts.code(code, config.productName, codeLifetime / 60)
      const buttons = [[{ text: phoneTexts.copy, copy: code }]]
      return (await messenger.say(personId, { text, buttons, protect: true })).kind === 'sent'
    },
    gateway:
      gatewayConfig &&
      gateway({ ...gatewayConfig, report: (why) => log.warn({ why }, 'the Gateway of Telegram did not take a code') }),
    lifetime: codeLifetime,
    background: work,
    onHeldOff(by, address, seconds) {
      log.warn({ by, address, seconds }, 'wrong codes of phones are entered again and again')
      const event = { event: 'phone-code.guessing-slowed', address, detail: { by, seconds } } as const
      void stores.audit.record(event).catch(() => undefined)
    },
  })
  const built: PhoneSignIn = {
    codes,
    keyOf,
    chat(request) {
      const name = username()
      return name === undefined ? undefined : `https://t.me/${name}${request === undefined ? '' : `?start=p${request}`}`
    },
    settled: work.settled,
  }
  return built
}
