/** The conformance suite passes providers that keep the contract, and catches those that do not. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type IdentityProvider, type Json, type Step, UpstreamError } from '../../adapters/identity/contract.ts'
import { clock } from './clock.ts'
import { brokenPromises, describeIdentityProvider, type IdentityFixture, type IdentitySuite } from './identity-suite.ts'

type Bug =
  | 'state is not compared'
  | 'codes are accepted twice'
  | 'state outlives the attempt'
  | 'everybody is one'
  | 'subjects change'
  | 'a missing code is no code'
  | 'cancelling is an error'
  | 'errors tell the secret'
  | 'attempts share a variable'
  | 'state holds a Date'
  | 'a prompt is a proof'
  | 'a keepsake nobody asked for'
  | 'keepsakes are kept twice'
  | 'keepsakes are anybody’s'
  | 'keepsakes outlive the decision'

const promises: Record<Bug, string> = {
  'state is not compared': 'the answer of one attempt does not finish another one',
  'codes are accepted twice': 'the last answer proves once: replayed in a new attempt it does not',
  'state outlives the attempt': 'a late answer is refused',
  'everybody is one': 'two people are two subjects',
  'subjects change': 'the same person is the same subject each time',
  'a missing code is no code': 'an empty answer proves nothing and skips nothing, at every step',
  'cancelling is an error': 'who turns back is refused as cancelled',
  'errors tell the secret':
    'when the outside party fails, the attempt is refused or UpstreamError thrown, without a secret',
  'attempts share a variable': '20 attempts at once stay apart',
  'state holds a Date': 'state survives JSON unchanged',
  'a prompt is a proof': 'start proves nothing',
  'a keepsake nobody asked for': 'a keepsake comes where access was asked for, and nowhere else',
  'keepsakes are kept twice': 'a keepsake is kept once, in time, and for its own person alone',
  'keepsakes are anybody’s': 'a keepsake is kept once, in time, and for its own person alone',
  'keepsakes outlive the decision': 'a keepsake is kept once, in time, and for its own person alone',
}

const refused = (reason: 'cancelled' | 'expired' | 'invalid'): Step => ({ kind: 'refused', reason })

/** A made-up authority that people are sent to, and come back from with a code that holds for one attempt. */
function redirectToy(bug?: Bug): IdentityFixture<string> {
  const time = clock()
  const codes = new Map<string, { person: string; nonce: string }>()
  let down = false
  const held = new Map<string, { subject: string; until: number }>()
  let shared = ''
  const proven = (person: string, scopes?: Json): Step => {
    const subject =
      bug === 'everybody is one' ? 'one' : bug === 'subjects change' ? randomBytes(4).toString('hex') : person
    const step = { kind: 'proven', identity: { provider: 'toy-redirect', subject }, amr: ['fed'] } as const
    if (!Array.isArray(scopes) && bug !== 'a keepsake nobody asked for') return step
    const id = randomBytes(16).toString('base64url')
    held.set(id, { subject, until: time.now().getTime() + 600_000 })
    return { ...step, keepsake: { id, scopes: Array.isArray(scopes) ? scopes.map(String) : [] } }
  }
  const provider: IdentityProvider = {
    id: 'toy-redirect',
    label: 'Toy',
    keepsakes: {
      async keep(id, subject) {
        const found = held.get(id)
        if (bug !== 'keepsakes are kept twice') held.delete(id)
        if (found === undefined) return false
        if (bug !== 'keepsakes outlive the decision' && time.now().getTime() >= found.until) return false
        return bug === 'keepsakes are anybody’s' || found.subject === subject
      },
      async discard(id) {
        held.delete(id)
      },
    },
    async start({ access }) {
      if (bug === 'a prompt is a proof') return proven('anybody')
      const nonce = randomBytes(8).toString('hex')
      shared = nonce
      const until = time.now().getTime() + 600_000
      const asked = access === undefined ? {} : { scopes: [...access.scopes] }
      const state = {
        nonce,
        until,
        ...asked,
        ...(bug === 'state holds a Date' ? { at: time.now() as unknown as Json } : {}),
      }
      return { kind: 'redirect', to: new URL(`https://authority.example/?state=${nonce}`), state }
    },
    async answer({ state, params }) {
      const own = state as { nonce?: unknown; until?: unknown; scopes?: Json } | null
      if (typeof own?.nonce !== 'string' || typeof own.until !== 'number') return refused('invalid')
      const nonce = bug === 'attempts share a variable' ? shared : own.nonce
      if (bug !== 'state outlives the attempt' && time.now().getTime() >= own.until) return refused('expired')
      if (params.get('error') === 'access_denied')
        return refused(bug === 'cancelling is an error' ? 'invalid' : 'cancelled')
      if (bug === 'a missing code is no code' && !params.has('code')) return proven('anybody')
      if (bug !== 'state is not compared' && params.get('state') !== nonce) return refused('invalid')
      await Promise.resolve()
      if (down) throw new UpstreamError(bug === 'errors tell the secret' ? 'refused: toy-secret' : 'no answer')
      const code = params.get('code') ?? ''
      const found = codes.get(code)
      if (bug !== 'codes are accepted twice') codes.delete(code)
      return found === undefined ? refused('invalid') : proven(found.person, own.scopes)
    },
  }
  return {
    provider,
    people: ['alice', 'bob'],
    later: time.advance,
    respond(step, person) {
      const nonce = step.kind === 'redirect' ? (step.to.searchParams.get('state') ?? '') : ''
      const code = randomBytes(8).toString('hex')
      codes.set(code, { person, nonce })
      return new URLSearchParams({ code, state: nonce })
    },
    cancel: () => new URLSearchParams({ error: 'access_denied' }),
    breakUpstream() {
      down = true
      return { secret: 'toy-secret' }
    },
  }
}

/** A page that asks again and again whether the person has nodded elsewhere, for this attempt. */
function pollToy(bug?: Bug): IdentityFixture<string> {
  const time = clock()
  const nods = new Map<string, string>()
  const waiting = (state: Json): Step => ({ kind: 'show', page: { name: 'second-factor' }, state, tries: 200 })
  const provider: IdentityProvider = {
    id: 'toy-poll',
    label: 'Toy',
    start: async () => waiting({ ticket: randomBytes(8).toString('hex'), until: time.now().getTime() + 600_000 }),
    async answer({ state, params }) {
      const own = state as { ticket?: unknown; until?: unknown } | null
      if (typeof own?.ticket !== 'string' || typeof own.until !== 'number') return refused('invalid')
      if (time.now().getTime() >= own.until) return refused('expired')
      const person = nods.get(own.ticket)
      if (bug === 'a missing code is no code' && person === undefined) {
        return { kind: 'proven', identity: { provider: 'toy-poll', subject: 'anybody' }, amr: ['fed'] }
      }
      if (person === undefined || params.get('poll') !== own.ticket) return waiting(state)
      if (bug !== 'codes are accepted twice') nods.delete(own.ticket)
      return { kind: 'proven', identity: { provider: 'toy-poll', subject: person }, amr: ['fed'] }
    },
  }
  return {
    provider,
    people: ['alice', 'bob'],
    later: time.advance,
    respond(step, person) {
      const { ticket } = step.state as { ticket: string }
      nods.set(ticket, person)
      return new URLSearchParams({ poll: ticket })
    },
  }
}

const redirectSuite = (bug?: Bug): IdentitySuite<string> => ({
  name: 'toy that redirects',
  open: async () => redirectToy(bug),
})

const pollSuite = (bug?: Bug): IdentitySuite<string> => ({
  name: 'toy that polls',
  open: async () => pollToy(bug),
  optOut: {
    cancel: 'nobody can turn back from a page that only waits',
    upstream: 'the nod arrives by itself: nobody is asked who could fail',
  },
})

describeIdentityProvider(redirectSuite())
describeIdentityProvider(pollSuite())

describe('the suite catches a provider where', () => {
  test.each(Object.entries(promises))('%s', async (bug, promise) => {
    expect(await brokenPromises(redirectSuite(bug as Bug))).toContain(promise)
  })

  test.each([
    ['a missing code is no code', 'an empty answer proves nothing and skips nothing, at every step'],
    ['codes are accepted twice', 'the last answer proves once: replayed in a new attempt it does not'],
  ] as const)('%s, while it polls', async (bug, promise) => {
    expect(await brokenPromises(pollSuite(bug))).toContain(promise)
  })
})
