/**
 * The login of old bots, for whoever cannot move theirs to Log In with Telegram: the person goes to Telegram and comes
 * back with fields that are signed for our bot.
 *
 * No script of Telegram's runs on our pages: the browser is sent where that script would open a window. What comes back
 * stands behind the `#` of the address, where a page of ours reads it and asks the person; or in the query, where the
 * bot has brought them by a button (`login_url`).
 */
import { randomBytes } from 'node:crypto'
import type { IdentityProvider, Json } from './contract.ts'
import { telegramName } from './telegram-person.ts'
import { type Judgement, refused, settled, type TelegramWebappNeeds } from './telegram-webapp.ts'

export interface TelegramWidgetNeeds extends Omit<TelegramWebappNeeds, 'judge'> {
  readonly botId: string
  /** Origin of Telegram's login. */
  readonly at: string
  readonly judge: {
    ofParameters(fields: readonly (readonly [string, string])[]): Judgement
    ofResult(text: string): Judgement
  }
}

const id = 'telegram-widget'
/** Seconds in which an attempt must be finished. */
const lifetime = 600

interface Away {
  readonly until: number
  readonly state: string
  /** The browser is back, and its page is asked for what only it can read. */
  readonly back: boolean
}

/** The provider `telegram-widget`; it proves `telegram`. */
export function telegramWidget({ botId, at, judge, claim, now, report }: TelegramWidgetNeeds): IdentityProvider {
  const seconds = () => Math.floor(now().getTime() / 1000)
  const settle = (judgement: Judgement) => settled({ id, claim, report }, judgement)
  return {
    id,
    proves: telegramName,
    label: 'Telegram in the browser',
    async start({ purpose, callback }) {
      if (purpose === 'access') return refused('invalid')
      const state = randomBytes(32).toString('base64url')
      const back = new URL(callback)
      back.searchParams.set('state', state)
      const to = new URL('/auth', at)
      to.search = new URLSearchParams({ bot_id: botId, origin: callback.origin, return_to: back.href }).toString()
      const away: Away = { until: seconds() + lifetime, state, back: false }
      return { kind: 'redirect', to, state: { ...away }, returnState: state }
    },
    async answer({ purpose, state: given, params }) {
      const away = readState(given)
      if (away === undefined || purpose === 'access') return refused('invalid')
      if (seconds() >= away.until) return refused('expired')
      if (away.back) return settle(judge.ofResult(params.get('data') ?? ''))
      if (params.get('state') !== away.state) return refused('invalid')
      const fields = [...params].filter(([name]) => name !== 'state')
      if (fields.length > 0) return settle(judge.ofParameters(fields))
      return { kind: 'show', page: { name: 'telegram-widget' }, state: { ...away, back: true } }
    },
  }
}

function readState(value: Json): Away | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  const { until, state, back } = value
  const filled = typeof until === 'number' && typeof state === 'string' && state !== '' && typeof back === 'boolean'
  return filled ? { until, state, back } : undefined
}
