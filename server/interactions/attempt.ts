/**
 * Drives one sign-in attempt with any identity provider.
 *
 * What holds for all of them stands here once: an attempt belongs to one browser, one interaction and one provider; a
 * try is spent before the provider is asked; of answers that race one counts; nothing lives longer than ten minutes.
 * Knows no provider by name and nothing of accounts.
 */
import type {
  IdentityProvider,
  Json,
  Page,
  Purpose,
  RefusedReason,
  StartInput,
  Step,
} from '../../adapters/identity/contract.ts'
import type { Attempts } from '../../adapters/postgres/attempts.ts'
import type { Proof } from './proof.ts'

/** What an open attempt waits for. */
export type OpenStep =
  | { kind: 'redirect'; state: Json }
  | { kind: 'show'; page: Page; state: Json }
  /** Proven, but nobody we know: the person decides whether to become somebody. */
  | { kind: 'newcomer'; proof: Proof }

export type AttemptOutcome =
  /** `returnState` is what tells the callback apart from those of other tabs. */
  | { kind: 'redirect'; to: URL; returnState: string | undefined }
  | { kind: 'show'; page: Page }
  | { kind: 'proven'; proof: Proof }
  | { kind: 'refused'; reason: RefusedReason }
  /** Another answer to the same step came first; what counts is shown where the attempt stands now. */
  | { kind: 'overtaken' }

/** Where the attempt comes from. */
export interface AttemptOrigin {
  interaction: string
  purpose: Purpose
  callback: URL
  address: string
}

/** Seconds that an attempt may take. */
const lifetime = 10 * 60

export interface AttemptDriver {
  /** Begins an attempt; `token` is for the browser's cookie, undefined when nothing was begun. */
  begin(
    provider: IdentityProvider,
    origin: AttemptOrigin & Pick<StartInput, 'ask' | 'access'> & { hint?: string | undefined },
  ): Promise<{ token: string | undefined; outcome: AttemptOutcome }>
  /** Where the attempt stands, without spending a try. */
  current(token: string, interaction: string): Promise<{ provider: string; step: OpenStep } | undefined>
  /** Hands an answer to the provider. */
  answer(token: string, origin: AttemptOrigin, params: URLSearchParams): Promise<AttemptOutcome>
  /** Takes the proof of a newcomer who has decided; undefined when it was taken or has expired. */
  takeNewcomer(token: string, interaction: string): Promise<Proof | undefined>
  /** Keeps a proof until the newcomer has decided. */
  holdNewcomer(interaction: string, proof: Proof): Promise<string>
}

/** `onOutage` is told what a provider says of an outside party that failed. */
export function attemptDriver(
  attempts: Attempts,
  providers: ReadonlyMap<string, IdentityProvider>,
  onOutage: (provider: string, error: Error) => void = () => undefined,
): AttemptDriver {
  const open = (interaction: string, provider: string, purpose: Purpose, step: OpenStep, tries: number) =>
    attempts.begin({ interaction, provider, purpose, step: step as unknown as Json, tries, ttl: lifetime })

  return {
    async begin(provider, { interaction, hint, ...origin }) {
      const step = await asked(provider, () => provider.start({ ...origin, ...(hint === undefined ? {} : { hint }) }))
      if (step.kind === 'proven') throw new TypeError(`${provider.id} proved an identity before it asked anybody`)
      if (step.kind === 'refused') return { token: undefined, outcome: step }
      const token = await open(interaction, provider.id, origin.purpose, openStep(step), triesOf(step))
      return { token, outcome: shown(step) }
    },

    async current(token, interaction) {
      const found = await attempts.peek(token, interaction)
      return found === undefined ? undefined : { provider: found.provider, step: found.step as unknown as OpenStep }
    },

    async answer(token, { interaction, ...origin }, params) {
      const taken = await attempts.take(token, interaction)
      const provider = taken === undefined ? undefined : providers.get(taken.provider)
      if (taken === undefined || provider === undefined) return { kind: 'refused', reason: 'expired' }
      const before = taken.step as unknown as OpenStep
      if (before.kind === 'newcomer') return { kind: 'overtaken' }
      const step = await asked(provider, () => provider.answer({ ...origin, state: before.state, params }))
      if (step.kind === 'show' || step.kind === 'redirect') {
        // The same page again is the same question: its tries are not given back, nor those that others spend just now.
        const again = step.kind === 'show' && before.kind === 'show' && step.page.name === before.page.name
        const tries = again ? undefined : triesOf(step)
        if (again && taken.triesLeft < 1) return refuse(token, taken.version, 'expired')
        const kept = await attempts.advance(token, taken.version, { step: openStep(step) as unknown as Json, tries })
        return kept ? shown(step) : { kind: 'overtaken' }
      }
      if (step.kind === 'refused') return refuse(token, taken.version, step.reason)
      if (step.identity.provider !== provider.id) throw new TypeError(`${provider.id} vouched for another provider`)
      if (!(await attempts.close(token, taken.version))) return { kind: 'overtaken' }
      const { identity, amr, registered, keepsake } = step
      const proof = { identity, amr: [...amr], registered: registered === true }
      return { kind: 'proven', proof: keepsake === undefined ? proof : { ...proof, keepsake } }
    },

    holdNewcomer: (interaction, proof) =>
      open(interaction, proof.identity.provider, 'sign-in', { kind: 'newcomer', proof }, 1),

    async takeNewcomer(token, interaction) {
      const taken = await attempts.take(token, interaction)
      const step = taken?.step as OpenStep | undefined
      if (taken === undefined || step?.kind !== 'newcomer') return undefined
      return (await attempts.close(token, taken.version)) ? step.proof : undefined
    },
  }

  /** An outside party that fails ends the attempt, and nothing else. */
  async function asked({ id }: IdentityProvider, work: () => Promise<Step>): Promise<Step> {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'UpstreamError') throw error
      onOutage(id, error)
      return { kind: 'refused', reason: 'unavailable' }
    }
  }

  async function refuse(token: string, version: number, reason: RefusedReason): Promise<AttemptOutcome> {
    return (await attempts.close(token, version)) ? { kind: 'refused', reason } : { kind: 'overtaken' }
  }
}

type Asking = Extract<Step, { kind: 'show' | 'redirect' }>

function triesOf(step: Asking): number {
  return step.kind === 'show' ? (step.tries ?? 1) : 1
}

function openStep(step: Asking): OpenStep {
  return step.kind === 'show'
    ? { kind: 'show', page: step.page, state: step.state }
    : { kind: 'redirect', state: step.state }
}

function shown(step: Asking): AttemptOutcome {
  if (step.kind === 'show') return { kind: 'show', page: step.page }
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(step.to.hostname)
  if (step.to.protocol !== 'https:' && !loopback) throw new TypeError('a provider redirects to https only')
  return {
    kind: 'redirect',
    to: step.to,
    returnState: step.returnState ?? step.to.searchParams.get('state') ?? undefined,
  }
}
