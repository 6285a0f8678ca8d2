/**
 * Signing in with the phone in hand: a page shows a picture that leads to our bot, and the person confirms there.
 *
 * A picture can be shown to somebody else (docs/decisions/016-telegram-qr.md), so confirming takes the number that stands
 * on the page, and signs in only the attempt that holds the token: nothing that anybody does in the chat carries authority
 * by itself. Knows neither chats nor rows.
 */
import {
  type AnswerInput,
  type IdentityProvider,
  type Json,
  type Page,
  type PageProblem,
  type Purpose,
  type Requester,
  type Step,
  UpstreamError,
} from './contract.ts'
import { type TelegramCard, telegramName, telegramPerson } from './telegram-person.ts'

/** Where sign-ins wait for their person. */
export interface TelegramSignInSlice {
  begin(request: {
    purpose: 'sign-in' | 'link'
    clientId: string
    app: string
    address: string
    userAgent?: string
    country?: string
  }): Promise<{ token: string; number: string } | undefined>
  standing(token: string): Promise<'waiting' | 'opened' | 'confirmed' | 'wrong-number' | 'denied' | 'over'>
  /** Who confirmed, for one caller. */
  take(token: string): Promise<TelegramCard | undefined>
}

export interface TelegramQrNeeds {
  signIns: TelegramSignInSlice
  /** The address that a token is opened by; undefined while nobody knows the name of the bot. */
  link(token: string): string | undefined
  /** Holds addresses off from which people were asked who say that it was not them. */
  admit(address: string): Promise<{ allowed: true } | { allowed: false; retryAfter: number }>
  now: () => Date
}

/** Seconds in which an attempt must be finished. */
const lifetime = 600
/** Answers that the page of one attempt takes: it asks again whenever a code is over, and people press "Continue" early. */
const pageTries = 60

interface State {
  until: number
  /** Of the code that is shown; null while there is none. */
  token: string | null
  /** What the picture says, and the number beside it. */
  link: string
  number: string
  requester: Requester
}

const nobody: Requester = { clientId: '', app: '' }

/** The provider `telegram-qr`. */
export function telegramQr({ signIns, link, admit, now }: TelegramQrNeeds): IdentityProvider {
  const seconds = () => Math.floor(now().getTime() / 1000)

  return {
    id: 'telegram-qr',
    proves: telegramName,
    label: 'Telegram',
    start({ purpose, address, requester = nobody }) {
      return fresh({ until: seconds() + lifetime, requester }, purpose, address)
    },
    async answer(input) {
      const state = readState(input.state)
      if (state === undefined) return { kind: 'refused', reason: 'invalid' }
      if (seconds() >= state.until) return { kind: 'refused', reason: 'expired' }
      if (input.params.get('action') !== 'continue') return shown(state)
      return goOn(state, input)
    },
    async standing(value) {
      const state = readState(value)
      if (state === undefined || state.token === null) return 'waiting'
      const standing = await signIns.standing(state.token)
      return standing === 'waiting' ? 'waiting' : standing === 'opened' ? 'noticed' : 'settled'
    },
  }

  async function goOn(state: State, { purpose, address }: AnswerInput): Promise<Step> {
    if (state.token === null) return fresh(state, purpose, address)
    switch (await signIns.standing(state.token)) {
      case 'waiting':
      case 'opened':
        return shown(state)
      case 'confirmed':
        return proven(state, state.token)
      case 'denied':
        return { kind: 'refused', reason: 'cancelled' }
      case 'wrong-number':
        return asking({ ...state, token: null }, { problem: 'wrong-number' })
      case 'over':
        return fresh(state, purpose, address)
    }
  }

  /** Shows a code that nobody has seen. */
  async function fresh(of: Pick<State, 'until' | 'requester'>, purpose: Purpose, address: string): Promise<Step> {
    const admitted = await admit(address)
    const without: State = { until: of.until, requester: of.requester, token: null, link: '', number: '' }
    if (!admitted.allowed) return asking(without, { problem: 'too-many-tries', retryAfter: admitted.retryAfter })
    if (link('') === undefined) throw new UpstreamError('Telegram has not said yet what our bot is called')
    const begun = await signIns.begin({ purpose: purpose === 'link' ? 'link' : 'sign-in', address, ...of.requester })
    if (begun === undefined) return { kind: 'refused', reason: 'unavailable' }
    const { token, number } = begun
    return shown({ ...without, token, number, link: link(token) ?? '' })
  }

  function shown(state: State): Step {
    const { token, link: address, number } = state
    return asking(state, token === null ? {} : { code: { link: address, number } })
  }

  async function proven(state: State, token: string): Promise<Step> {
    const person = await signIns.take(token)
    // The same form, sent twice: the other one goes on.
    if (person === undefined) return shown(state)
    // RFC 8176: over more than one channel.
    return { kind: 'proven', identity: telegramPerson(person), amr: ['mca'] }
  }
}

function asking(
  { until, token, link, number, requester }: State,
  page: { code?: { link: string; number: string }; problem?: PageProblem; retryAfter?: number },
): Step {
  const shown: Page = { name: 'telegram-qr', ...page }
  return {
    kind: 'show',
    page: shown,
    state: { until, token, link, number, requester: { ...requester } },
    tries: pageTries,
  }
}

/** The state as this provider writes it; undefined for anything else. */
function readState(value: Json): State | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  const { until, token, link, number, requester } = value
  if (typeof until !== 'number' || typeof link !== 'string' || typeof number !== 'string') return undefined
  if (token !== null && (typeof token !== 'string' || token === '')) return undefined
  const asking = readRequester(requester)
  return asking && { until, token, link, number, requester: asking }
}

function readRequester(value: Json | undefined): Requester | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  const { clientId, app, userAgent, country } = value
  if (typeof clientId !== 'string' || typeof app !== 'string') return undefined
  return {
    clientId,
    app,
    ...(typeof userAgent === 'string' ? { userAgent } : {}),
    ...(typeof country === 'string' ? { country } : {}),
  }
}
