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
  Standing,
  StartInput,
  Step,
} from '../../adapters/identity/contract.ts'
import type { Attempt, Attempts, NewAttempt } from '../../adapters/postgres/attempts.ts'
import type { Entering, Proof } from './proof.ts'
import { provedBy } from './ways.ts'

/** What an open attempt waits for. */
export type OpenStep = { kind: 'redirect'; state: Json } | { kind: 'show'; page: Page; state: Json } | HeldStep

/** Something was proven, and a decision of the person is waited for. */
export type HeldStep =
  /** Nobody we know: whether to become somebody. `known`: somebody with an account has proven the e-mail address. */
  | { kind: 'newcomer'; proof: Proof; known: boolean }
  /** Until the person has signed in to the account that it may be added to. */
  | { kind: 'waiting'; proof: Proof }
  /** They have: whether to add it; then `entering` comes to its end. */
  | { kind: 'connect'; proof: Proof; entering: Entering }
  /** Whether to add it to the account that is signed in here. */
  | { kind: 'link'; proof: Proof }

export type AttemptOutcome =
  /** `returnState` is what tells the callback apart from those of other tabs. */
  | { kind: 'redirect'; to: URL; returnState: string | undefined }
  | { kind: 'show'; page: Page; standing?: Standing }
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
export const lifetime = 10 * 60

export interface AttemptDriver {
  /** Begins an attempt; `token` is for the browser's cookie, undefined when nothing was begun. */
  begin(
    provider: IdentityProvider,
    origin: AttemptOrigin &
      Pick<StartInput, 'ask' | 'access' | 'newcomer' | 'requester'> & { hint?: string | undefined },
  ): Promise<{ token: string | undefined; outcome: AttemptOutcome }>
  /** Where the attempt stands, without spending a try; `standing` of pages that wait for something elsewhere. */
  current(
    token: string,
    interaction: string,
  ): Promise<{ provider: string; step: OpenStep; standing?: Standing } | undefined>
  /** How to ask again and again how its page stands; undefined when it is none that waits. */
  watch(token: string, interaction: string): Promise<(() => Promise<Standing>) | undefined>
  /** Hands an answer to the provider. */
  answer(token: string, origin: AttemptOrigin, params: URLSearchParams): Promise<AttemptOutcome>
  /** Keeps what was proven until the person has decided; answers the token for the browser's cookie. */
  hold(interaction: string, step: HeldStep): Promise<string>
  /** Takes it, for one caller; undefined when it was taken, has expired, or waits for another decision. */
  takeHeld<Kind extends HeldStep['kind']>(
    token: string,
    interaction: string,
    kind: Kind,
  ): Promise<Held<Kind> | undefined>
}

export type Held<Kind extends HeldStep['kind']> = Extract<HeldStep, { kind: Kind }>

/** `onOutage` is told what a provider says of an outside party that failed. */
export function attemptDriver(
  attempts: Attempts,
  providers: ReadonlyMap<string, IdentityProvider>,
  onOutage: (provider: string, error: Error) => void = () => undefined,
): AttemptDriver {
  const open = ({ step, ...attempt }: Omit<NewAttempt, 'step' | 'ttl'> & { step: OpenStep }) =>
    attempts.begin({ ...attempt, step: step as unknown as Json, ttl: lifetime })

  return {
    async begin(provider, { interaction, hint, ...origin }) {
      const step = await asked(provider, () => provider.start({ ...origin, ...(hint === undefined ? {} : { hint }) }))
      if (step.kind === 'proven') throw new TypeError(`${provider.id} proved an identity before it asked anybody`)
      if (step.kind === 'refused') return { token: undefined, outcome: step }
      const { purpose } = origin
      const token = await open({
        interaction,
        provider: provider.id,
        purpose,
        step: openStep(step),
        tries: triesOf(step),
      })
      return { token, outcome: shown(step, provider) }
    },

    async current(token, interaction) {
      const found = await attempts.peek(token, interaction)
      if (found === undefined) return undefined
      const look = lookOf(found)
      const current = { provider: found.provider, step: found.step as unknown as OpenStep }
      return look === undefined ? current : { ...current, standing: await look() }
    },

    async watch(token, interaction) {
      const found = await attempts.peek(token, interaction)
      return found && lookOf(found)
    },

    async answer(token, { interaction, ...origin }, params) {
      const taken = await attempts.take(token, interaction)
      const provider = taken === undefined ? undefined : providers.get(taken.provider)
      if (taken === undefined || provider === undefined) return { kind: 'refused', reason: 'expired' }
      const before = taken.step as unknown as OpenStep
      if (before.kind !== 'show' && before.kind !== 'redirect') return { kind: 'overtaken' }
      const step = await asked(provider, () => provider.answer({ ...origin, state: before.state, params }))
      if (step.kind === 'show' || step.kind === 'redirect') {
        // The same page again is the same question: its tries are not given back, nor those that others spend just now.
        const again = step.kind === 'show' && before.kind === 'show' && step.page.name === before.page.name
        const tries = again ? undefined : triesOf(step)
        if (again && taken.triesLeft < 1) return refuse(token, taken.version, 'expired')
        const kept = await attempts.advance(token, taken.version, { step: openStep(step) as unknown as Json, tries })
        return kept ? shown(step, provider) : { kind: 'overtaken' }
      }
      if (step.kind === 'refused') return refuse(token, taken.version, step.reason)
      if (step.identity.provider !== provedBy(provider))
        throw new TypeError(`${provider.id} vouched for another provider`)
      if (!(await attempts.close(token, taken.version))) return { kind: 'overtaken' }
      const { identity, amr, registered, keepsake } = step
      const proof = { identity, amr: [...amr], registered: registered === true }
      return { kind: 'proven', proof: keepsake === undefined ? proof : { ...proof, keepsake } }
    },

    hold(interaction, step) {
      // What waits must outlive the attempts at signing in, also those with the same provider.
      const provider = step.kind === 'waiting' ? '+waiting' : step.proof.identity.provider
      const purpose = step.kind === 'newcomer' ? 'sign-in' : 'link'
      const accountId = step.kind === 'connect' ? step.entering.accountId : undefined
      return open({ interaction, provider, purpose, step, tries: 1, accountId })
    },

    async takeHeld(token, interaction, kind) {
      const found = (await attempts.peek(token, interaction))?.step as OpenStep | undefined
      const taken = found?.kind === kind ? await attempts.take(token, interaction) : undefined
      if (taken === undefined || !(await attempts.close(token, taken.version))) return undefined
      return taken.step as unknown as Held<typeof kind>
    },
  }

  function lookOf({ provider, step }: Attempt): (() => Promise<Standing>) | undefined {
    const open = step as unknown as OpenStep
    const { standing } = providers.get(provider) ?? {}
    return open.kind === 'show' && standing !== undefined ? () => standing(open.state) : undefined
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

function shown(step: Asking, { standing }: IdentityProvider): AttemptOutcome {
  if (step.kind === 'show') return { kind: 'show', page: step.page, ...(standing && { standing: 'waiting' as const }) }
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(step.to.hostname)
  if (step.to.protocol !== 'https:' && !loopback) throw new TypeError('a provider redirects to https only')
  return {
    kind: 'redirect',
    to: step.to,
    returnState: step.returnState ?? step.to.searchParams.get('state') ?? undefined,
  }
}
