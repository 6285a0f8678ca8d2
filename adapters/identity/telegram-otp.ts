/**
 * Signing in with a code that Telegram brings to a phone: the number is typed, then the six digits.
 *
 * Proves the Telegram user whom the bot told the code, never the number. Whether a number is known shows nowhere before
 * its code was typed. How codes are made, limited and sent is behind `CodesSlice`.
 */
import type { IdentityProvider, Json, PageProblem, RefusedReason, Step } from './contract.ts'
import { type TelegramCard, telegramName, telegramPerson } from './telegram-person.ts'

export interface CodesSlice {
  /** The number that a text means, as E.164. */
  read(text: string): Promise<{ number: string } | undefined>
  ask(asked: Asked): Promise<{ kind: 'sent' } | HeldOff>
  check(asked: Asked & { code: string }): Promise<
    | { kind: 'proven'; personId: string; owner: TelegramCard | undefined }
    /** Right, but nobody has shared the number yet. */
    | { kind: 'unshared' }
    | { kind: 'wrong'; triesLeft: number }
    | { kind: 'gone' }
    | HeldOff
  >
}

interface Asked {
  request: string
  phone: string
  address: string
}

type HeldOff = { kind: 'held-off'; retryAfter: number }

export interface TelegramOtpNeeds {
  codes: CodesSlice
  /** A new secret for a request. */
  newRequest: () => string
  /** Where the chat for a request opens; undefined while Telegram does not say. */
  chat: (request: string) => string | undefined
  /** Seconds that a code lasts. */
  codeLifetime: number
  now: () => Date
}

/** Seconds in which an attempt must be finished. */
const lifetime = 600
/** Answers that each page of an attempt takes; what may be guessed is limited elsewhere. */
const pageTries = 20
/** Characters of what was typed that are shown again. */
const longestEcho = 40

type State =
  | { at: 'phone'; until: number }
  | { at: 'code'; until: number; phone: string; request: string }
  /** `code` was right and proves nobody yet. */
  | { at: 'share'; until: number; phone: string; request: string; code: string }

type CodeState = Extract<State, { at: 'code' }>
type Problem = { problem?: PageProblem; retryAfter?: number }

/** The provider `telegram-otp`. */
export function telegramOtp(needs: TelegramOtpNeeds): IdentityProvider {
  const { codes, newRequest, chat, now } = needs
  const seconds = () => Math.floor(now().getTime() / 1000)

  return {
    id: 'telegram-otp',
    proves: telegramName,
    label: 'a code in Telegram',
    start: async () => phonePage(seconds() + lifetime, {}),
    async answer({ state, params, address }) {
      const current = readState(state)
      if (current === undefined) return refused('invalid')
      if (seconds() >= current.until) return refused('expired')
      const action = params.get('action')
      if (current.at === 'phone') return ask(current.until, params.get('phone') ?? '', address)
      if (action === 'other') return phonePage(current.until, {})
      if (current.at === 'share') return check({ ...current, at: 'code' }, current.code, address, 'share')
      if (action === 'again') return askAgain(current, address)
      return check(current, params.get('code') ?? '', address, 'code')
    },
  }

  async function ask(until: number, typed: string, address: string): Promise<Step> {
    const echo = { phone: typed.slice(0, longestEcho) }
    const phone = (await codes.read(typed))?.number
    if (phone === undefined) return phonePage(until, { ...echo, problem: 'invalid-phone' })
    const request = newRequest()
    const asked = await codes.ask({ request, phone, address })
    if (asked.kind === 'held-off') return phonePage(until, { ...echo, ...tooMany(asked) })
    return codePage({ at: 'code', until, phone, request }, {})
  }

  async function askAgain(state: CodeState, address: string): Promise<Step> {
    const { request, phone } = state
    const asked = await codes.ask({ request, phone, address })
    return codePage(state, asked.kind === 'held-off' ? tooMany(asked) : { again: true })
  }

  /** `from` is the page that the answer came from. */
  async function check(state: CodeState, typed: string, address: string, from: 'code' | 'share'): Promise<Step> {
    const { request, phone } = state
    const code = typed.replaceAll(/[\s-]/g, '')
    if (!/^\d{6}$/.test(code)) return codePage(state, { problem: 'wrong-phone-code' })
    const answer = await codes.check({ request, phone, address, code })
    switch (answer.kind) {
      case 'proven':
        return { kind: 'proven', identity: telegramPerson({ ...answer.owner, id: answer.personId }), amr: ['otp'] }
      case 'unshared':
        return sharePage({ ...state, at: 'share', code }, from === 'share' ? { problem: 'phone-not-shared' } : {})
      case 'held-off':
        return from === 'share'
          ? sharePage({ ...state, at: 'share', code }, tooMany(answer))
          : codePage(state, tooMany(answer))
      case 'wrong':
        // Shared with another code in the meantime, which the bot has told.
        if (from === 'share') return codePage(state, {})
        return codePage(state, { problem: answer.triesLeft > 0 ? 'wrong-phone-code' : 'phone-code-over' })
      case 'gone':
        return codePage(state, { problem: 'phone-code-over' })
    }
  }

  function phonePage(until: number, page: { phone?: string } & Problem): Step {
    return { kind: 'show', page: { name: 'phone', ...page }, state: { at: 'phone', until }, tries: pageTries }
  }

  function codePage(state: CodeState, more: Problem & { again?: true }): Step {
    const minutes = Math.floor(needs.codeLifetime / 60)
    const page = { name: 'phone-code', phone: state.phone, minutes, ...chatOf(state.request), ...more } as const
    return { kind: 'show', page, state: { ...state }, tries: pageTries }
  }

  function sharePage(state: Extract<State, { at: 'share' }>, problem: Problem): Step {
    const page = { name: 'phone-share', phone: state.phone, ...chatOf(state.request), ...problem } as const
    return { kind: 'show', page, state: { ...state }, tries: pageTries }
  }

  function chatOf(request: string): { chat?: string } {
    const address = chat(request)
    return address === undefined ? {} : { chat: address }
  }
}

function tooMany({ retryAfter }: HeldOff): Problem {
  return { problem: 'too-many-tries', retryAfter }
}

function refused(reason: RefusedReason): Step {
  return { kind: 'refused', reason }
}

/** The state as this provider writes it; undefined for anything else. */
function readState(value: Json): State | undefined {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return undefined
  const { at, until, phone, request, code } = value
  if (typeof until !== 'number') return undefined
  if (at === 'phone') return { at, until }
  if (typeof phone !== 'string' || phone === '' || typeof request !== 'string' || request === '') return undefined
  if (at === 'code') return { at, until, phone, request }
  return at === 'share' && typeof code === 'string' ? { at, until, phone, request, code } : undefined
}
