/** The ways to prove who one is at Telegram that our bot takes part in, in the order of their buttons; none without it. */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { telegramOtp } from '../../adapters/identity/telegram-otp.ts'
import { codeLifetime } from '../../adapters/postgres/phone-codes.ts'
import { newRequest } from '../telegram/one-time-codes.ts'
import type { Foundation } from './foundation.ts'
import type { PhoneSignIn } from './one-time-codes.ts'

export function telegramProviders(
  { now }: Foundation,
  phoneSignIn: PhoneSignIn | undefined,
): readonly IdentityProvider[] {
  if (phoneSignIn === undefined) return []
  const { codes, chat } = phoneSignIn
  return [telegramOtp({ codes, newRequest, chat, codeLifetime, now })]
}
