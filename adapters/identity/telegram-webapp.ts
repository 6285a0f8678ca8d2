/**
 * Signing in inside Telegram: the Mini App of our bot is told by Telegram who opened it, and says so here.
 *
 * What Telegram signed stands behind the `#` of the address, which no server sees: a page reads it and asks the person.
 * The press is needed: whoever makes an address chooses what stands behind its `#`, and could sign others in as themselves.
 */
import type { Identity, IdentityProvider, Json, Step } from './contract.ts'
import { type TelegramCard, telegramName, telegramPerson } from './telegram-person.ts'

/** What a statement of Telegram's came to. */
export type Judgement =
  | { readonly kind: 'valid'; readonly person: TelegramCard; readonly id: string }
  | { readonly kind: 'stale' }
  | { readonly kind: 'invalid'; readonly why: string }

export interface TelegramWebappNeeds {
  /** Judges what Telegram told the Mini App of our bot. */
  readonly judge: (initData: string) => Judgement
  /** True for exactly one caller per statement. */
  readonly claim: (statement: string) => Promise<boolean>
  readonly now: () => Date
  /** Told why somebody was refused; holds nothing secret. */
  readonly report?: ((provider: string, why: string) => void) | undefined
}

/** The id of the provider, and the hint by which a request asks for it. */
export const webappProvider = 'telegram-webapp'

/** Seconds in which the page must be answered. */
const lifetime = 600

/** The provider `telegram-webapp`; it proves `telegram`. */
export function telegramWebapp({ judge, claim, now, report }: TelegramWebappNeeds): IdentityProvider {
  const seconds = () => Math.floor(now().getTime() / 1000)
  return {
    id: webappProvider,
    proves: telegramName,
    label: 'the Telegram around this page',
    inside: 'telegram',
    accepts: (hint) => hint === webappProvider,
    async start({ purpose }) {
      if (purpose === 'access') return refused('invalid')
      return { kind: 'show', page: { name: 'telegram-webapp' }, state: { until: seconds() + lifetime } }
    },
    async answer({ purpose, state, params }) {
      const until = untilOf(state)
      if (until === undefined || purpose === 'access') return refused('invalid')
      if (seconds() >= until) return refused('expired')
      return settled({ id: webappProvider, claim, report }, judge(params.get('data') ?? ''))
    },
  }
}

/** Takes a statement that was judged, once. */
export async function settled(
  { id, claim, report = () => undefined }: Pick<TelegramWebappNeeds, 'claim' | 'report'> & { readonly id: string },
  judgement: Judgement,
): Promise<Step> {
  if (judgement.kind === 'stale') return refused('expired')
  if (judgement.kind === 'invalid') {
    report(id, judgement.why)
    return refused('invalid')
  }
  if (!(await claim(judgement.id))) {
    report(id, 'it was used before')
    return refused('expired')
  }
  const identity: Identity = telegramPerson(judgement.person)
  // How they proved it is between them and Telegram.
  return { kind: 'proven', identity, amr: ['fed'] }
}

export function refused(reason: Extract<Step, { kind: 'refused' }>['reason']): Step {
  return { kind: 'refused', reason }
}

function untilOf(state: Json): number | undefined {
  const found = state !== null && typeof state === 'object' && !Array.isArray(state) ? state['until'] : undefined
  return typeof found === 'number' ? found : undefined
}
