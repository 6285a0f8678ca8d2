/** The ways to prove one's Telegram with the help of our bot: whoever adds one adds it here. None where there is no bot. */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { telegramQr } from '../../adapters/identity/telegram-qr.ts'
import { reportedAddresses } from '../telegram/reported-addresses.ts'
import { signInLink } from '../telegram/sign-in-link.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'
import type { Telegram } from './telegram.ts'

export function telegramWays(
  { now }: Foundation,
  { telegramSignIns, limits }: Stores,
  telegram: Telegram | undefined,
): readonly IdentityProvider[] {
  if (telegram === undefined) return []
  const link = (token: string) => signInLink(telegram.username(), token)
  return [telegramQr({ signIns: telegramSignIns, link, admit: reportedAddresses(limits).admit, now })]
}
