/**
 * Who somebody is at Telegram, however they proved it: the numeric user id (up to 52 bits), as text.
 *
 * What is shown of them may change at any time and decides nothing; Telegram states no e-mail address.
 */
import type { Identity } from './contract.ts'

/** Under which name every way of Telegram stores what it proves. */
export const telegramName = 'telegram'

/** Characters of a name that are kept. */
const longestName = 200

/** What Telegram states about somebody. */
export interface TelegramCard {
  readonly id: string
  readonly firstName?: string | undefined
  readonly lastName?: string | undefined
  /** Without `@`. */
  readonly username?: string | undefined
}

/** The user id as it is stored; undefined for what is none. */
export function telegramUserId(value: unknown): string | undefined {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  return typeof text === 'string' && /^[1-9]\d{0,15}$/.test(text) ? text : undefined
}

export function telegramPerson({ id, firstName = '', lastName = '', username = '' }: TelegramCard): Identity {
  const name = shown(`${firstName} ${lastName}`)
  const label = /^\w{1,64}$/.test(username) ? `@${username}` : name
  return {
    provider: telegramName,
    subject: id,
    ...(name === '' ? {} : { name }),
    ...(label === '' ? {} : { label }),
  }
}

function shown(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cs}]/gu, '')
    .trim()
    .slice(0, longestName)
}
