/** What Telegram signs for web pages proves who somebody is, as every provider promises. */
import { telegramWebapp } from '../../../adapters/identity/telegram-webapp.ts'
import { telegramWidget } from '../../../adapters/identity/telegram-widget.ts'
import { initData } from '../../../adapters/telegram/init-data.ts'
import { widgetData } from '../../../adapters/telegram/login-widget.ts'
import {
  aigerim,
  asResult,
  bolat,
  initDataOf,
  type TelegramUser,
  testBotToken,
  widgetFieldsOf,
} from '../../support/fakes/mini-app.ts'
import { describeIdentityProvider, type IdentityFixture } from '../../support/identity-suite.ts'

const people = [aigerim, bolat] as const

/** A clock, and a store of what was used. */
function surroundings() {
  const used = new Set<string>()
  let ahead = 0
  return {
    now: () => new Date(Date.now() + ahead * 1000),
    async claim(statement: string): Promise<boolean> {
      const isNew = !used.has(statement)
      used.add(statement)
      return isNew
    },
    later: (seconds: number) => {
      ahead += seconds
    },
  }
}

const optOut = {
  cancel: 'its pages have no way to turn back: the interaction around them has it',
  upstream: 'it asks nobody outside: there is no party that could fail',
  binding: 'what Telegram signs names the person and no attempt: the page shows whom, and the person has to agree',
}

describeIdentityProvider<TelegramUser>({
  name: 'telegram-webapp',
  optOut,
  async open(): Promise<IdentityFixture<TelegramUser>> {
    const { now, claim, later } = surroundings()
    const { own } = initData({ botToken: testBotToken, publicKeys: [], now })
    const respond = (_step: unknown, user: TelegramUser) =>
      new URLSearchParams({ data: initDataOf({ user, at: now().getTime() }) })
    return { provider: telegramWebapp({ judge: own, claim, now }), people, respond, later }
  },
})

for (const inQuery of [false, true]) {
  describeIdentityProvider<TelegramUser>({
    name: `telegram-widget, by ${inQuery ? 'the query' : 'what stands behind the #'}`,
    optOut,
    async open(): Promise<IdentityFixture<TelegramUser>> {
      const { now, claim, later } = surroundings()
      const judge = widgetData({ botToken: testBotToken, now })
      const botId = '1234567890'
      const provider = telegramWidget({ botId, at: 'https://oauth.telegram.org', judge, claim, now })
      return {
        provider,
        people,
        respond(step, user) {
          const fields = widgetFieldsOf({ user, at: now().getTime() })
          if (step.kind === 'show') return new URLSearchParams({ data: asResult(fields) })
          const back = new URL(step.to.searchParams.get('return_to') ?? '')
          if (inQuery) for (const [name, value] of Object.entries(fields)) back.searchParams.set(name, String(value))
          return back.searchParams
        },
        later,
      }
    },
  })
}
