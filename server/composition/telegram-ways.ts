/** The ways to prove one's Telegram with the help of our bot: whoever adds one adds it here. None where there is no bot. */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import { telegramQr } from '../../adapters/identity/telegram-qr.ts'
import { telegramWebapp } from '../../adapters/identity/telegram-webapp.ts'
import { telegramWidget } from '../../adapters/identity/telegram-widget.ts'
import { botIdOf } from '../../adapters/telegram/init-data.ts'
import { reportedAddresses } from '../telegram/reported-addresses.ts'
import { signInLink } from '../telegram/sign-in-link.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'
import type { Telegram } from './telegram.ts'
import { telegramStatements } from './telegram-statements.ts'

export function telegramWays(
  foundation: Foundation,
  stores: Stores,
  telegram: Telegram | undefined,
): readonly IdentityProvider[] {
  if (telegram === undefined) return []
  const { now } = foundation
  const { telegramSignIns, limits } = stores
  const link = (token: string) => signInLink(telegram.username(), token)
  return [
    telegramQr({ signIns: telegramSignIns, link, admit: reportedAddresses(limits).admit, now }),
    ...signed(foundation, stores),
  ]
}

/** Those that Telegram signs for without a word from the bot. */
function signed(foundation: Foundation, stores: Stores): readonly IdentityProvider[] {
  const { config, now, log } = foundation
  const statements = telegramStatements(foundation, stores)
  if (statements === undefined || config.telegram === undefined) return []
  const { botToken, loginWidget } = config.telegram
  const { initData, widgetData, claim } = statements
  const report = (provider: string, why: string) =>
    log.info({ provider, why }, 'what Telegram is to have signed was refused')
  const inside = telegramWebapp({ judge: initData.own, claim, now, report })
  if (loginWidget === undefined) return [inside]
  return [
    inside,
    telegramWidget({ botId: botIdOf(botToken), at: loginWidget.at, judge: widgetData, claim, now, report }),
  ]
}
