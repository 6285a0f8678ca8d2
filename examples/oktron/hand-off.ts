/**
 * From the chat to a browser and back: links of single use, the browsers that opened them, and what became of it.
 *
 * A link leads to a browser that nobody knows. So whoever opens it gets nothing by it: the browser's person is shown whose
 * chat it is and has to agree, then the chat's person is shown whose account it is and has to agree (OAuth's session
 * fixation, from both sides). Knows neither HTTP nor Telegram. In memory: it is a matter of minutes.
 */
import { randomBytes } from 'node:crypto'
import type { Allowed, Outcome } from './access.ts'
import type { Trip, Web } from './authorization.ts'

/** The chat from which somebody is handed over. */
export interface Origin {
  /** What the person is called there. */
  readonly name: string
  /** Told when the link was opened. */
  opened(): Promise<void>
  /** Asks whether to connect the account of this name. */
  confirm(account: string): Promise<boolean>
}

export type Stage = 'choosing' | 'confirming' | 'connected' | 'refused' | 'over'

/** What a page may know of a visit. */
export interface Visit {
  readonly stage: Stage
  readonly chat: string
  /** What the person is called at the server, once it is known. */
  readonly account: string
}

export type HandOff = ReturnType<typeof handOff>

export interface HandOffOptions {
  web: Web
  /** Where the links lead. */
  address: string
  /** Lets seconds pass; ends early when the signal does, without throwing. */
  wait: (seconds: number, over: AbortSignal) => Promise<void>
  /** Never throws: it is called when nobody waits for it. */
  revoke: (allowed: Allowed) => Promise<void>
}

/** How long a link opens, seconds. */
export const linkLifetime = 120

/** How long all the rest may take, seconds. */
const visitLifetime = 600

interface Offer {
  readonly origin: Origin
  readonly stopped: AbortSignal
  readonly end: (outcome: Outcome) => void
}

interface Held extends Offer {
  readonly trip: Trip
  stage: Stage
  arrival?: Promise<Allowed | 'denied'>
  allowed?: Allowed
}

export function handOff({ web, address, wait, revoke }: HandOffOptions) {
  const links = new Map<string, Offer>()
  const visits = new Map<string, Held>()

  async function outcome(token: string, origin: Origin, stopped: AbortSignal): Promise<Outcome> {
    const ended = new AbortController()
    const { promise, resolve: end } = Promise.withResolvers<Outcome>()
    links.set(token, { origin, stopped, end })
    const over = AbortSignal.any([stopped, ended.signal])
    void wait(linkLifetime, over).then(() => !over.aborted && links.delete(token) && end('expired'))
    const aborted = new Promise<never>((_resolve, reject) => {
      stopped.addEventListener('abort', () => reject(stopped.reason as Error), { once: true })
    })
    return Promise.race([promise, aborted]).finally(() => {
      links.delete(token)
      ended.abort()
    })
  }

  /** Forgets a visit after a while; whatever was allowed and not taken by then is given back. */
  async function watch(id: string, visit: Held): Promise<void> {
    await wait(visitLifetime, visit.stopped)
    visits.delete(id)
    await giveUp(visit, visit.stopped.aborted ? 'over' : 'expired')
  }

  async function giveUp(visit: Held, how: 'denied' | 'expired' | 'over'): Promise<void> {
    if (visit.stage !== 'choosing' && visit.stage !== 'confirming') return
    visit.stage = how === 'denied' ? 'refused' : 'over'
    if (how !== 'over') visit.end(how)
    if (visit.allowed !== undefined) await revoke(visit.allowed)
  }

  async function confirm(visit: Held, allowed: Allowed): Promise<void> {
    const agreed = await visit.origin.confirm(allowed.name)
    if (visit.stage !== 'confirming') return
    if (!agreed || visit.stopped.aborted) return giveUp(visit, agreed ? 'over' : 'denied')
    visit.stage = 'connected'
    visit.end(allowed)
  }

  return {
    /** A link for the person of this chat. */
    offer(origin: Origin): { link: string; outcome(stopped: AbortSignal): Promise<Outcome> } {
      const token = randomBytes(32).toString('base64url')
      return { link: `${address}/connect/${token}`, outcome: (stopped) => outcome(token, origin, stopped) }
    },

    /** Whether the link can be opened; asking spends nothing. */
    isOpen: (token: string): boolean => links.has(token),

    /** Spends the link. Answers the secret by which this browser will be known, and where to send it. */
    async open(token: string): Promise<{ id: string; address: URL } | undefined> {
      const offer = links.get(token)
      if (offer === undefined || !links.delete(token)) return undefined
      const { trip, address: there } = await web.start()
      const id = randomBytes(32).toString('base64url')
      const visit: Held = { ...offer, trip, stage: 'choosing' }
      visits.set(id, visit)
      void watch(id, visit)
      await offer.origin.opened()
      return { id, address: there }
    },

    /** The browser is back with an answer for this visit. False: there is none, or it is not the answer to this trip. */
    async arrive(id: string, query: string): Promise<boolean> {
      const visit = visits.get(id)
      if (visit === undefined || new URLSearchParams(query).get('state') !== visit.trip.state) return false
      // Once: a code that is presented again ends what it led to (RFC 6749 §4.1.2).
      visit.arrival ??= web.finish(visit.trip, query)
      const allowed = await visit.arrival.catch(async (error: unknown) => {
        await giveUp(visit, 'expired')
        throw error
      })
      if (allowed === 'denied') await giveUp(visit, 'denied')
      else if (visit.stage === 'over') await revoke(allowed)
      else visit.allowed = allowed
      return true
    },

    /** What to show; undefined where there is no visit, or no answer yet. */
    find(id: string): Visit | undefined {
      const visit = visits.get(id)
      if (visit === undefined || (visit.allowed === undefined && visit.stage === 'choosing')) return undefined
      return { stage: visit.stage, chat: visit.origin.name, account: visit.allowed?.name ?? '' }
    },

    /** What the person at the browser decided; counts once. */
    async decide(id: string, agreed: boolean): Promise<void> {
      const visit = visits.get(id)
      if (visit?.allowed === undefined || visit.stage !== 'choosing') return
      if (!agreed) return giveUp(visit, 'denied')
      visit.stage = 'confirming'
      // The chat may take its time; the page asks again how it went.
      void confirm(visit, visit.allowed).catch(() => giveUp(visit, 'expired'))
    },
  }
}
