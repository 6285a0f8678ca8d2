/** What Telegram signs about people for web pages, as this server believes it. */
import { telegramPerson } from '../../adapters/identity/telegram-person.ts'
import { type InitData, initData, telegramKeys } from '../../adapters/telegram/init-data.ts'
import { type WidgetData, widgetData } from '../../adapters/telegram/login-widget.ts'
import type { InitDataExchangeNeeds } from '../oidc/init-data-exchange.ts'
import { initDataSubjects } from '../telegram/init-data-subjects.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'

interface TelegramStatements {
  readonly initData: InitData
  readonly widgetData: WidgetData
  /** True for exactly one caller per statement. */
  claim(statement: string): Promise<boolean>
}

/** Undefined where there is no bot. */
export function telegramStatements(
  { config: { telegram, production }, now }: Foundation,
  { replays }: Stores,
): TelegramStatements | undefined {
  if (telegram === undefined) return undefined
  const { botToken, miniAppKey } = telegram
  const theirs = production ? [telegramKeys.production] : [telegramKeys.production, telegramKeys.test]
  return {
    initData: initData({ botToken, publicKeys: miniAppKey === undefined ? theirs : [miniAppKey], now }),
    widgetData: widgetData({ botToken, now }),
    claim: (statement) => replays.claim(`telegram-statement:${statement}`),
  }
}

/** What the exchange of tokens asks; undefined where there is no bot. */
export function exchangeSubjects(
  foundation: Foundation,
  stores: Stores,
): InitDataExchangeNeeds['subjects'] | undefined {
  const statements = telegramStatements(foundation, stores)
  if (statements === undefined) return undefined
  const { accounts, audit, limits } = stores
  return initDataSubjects({
    judge: (botId, text) => (botId === undefined ? statements.initData.own(text) : statements.initData.of(botId, text)),
    identify: telegramPerson,
    claim: statements.claim,
    accounts,
    registration: foundation.config.registration,
    limits,
    audit: audit.record,
  })
}
