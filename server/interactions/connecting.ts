/**
 * A newcomer who has an account: what they have proven waits, sealed, until they have signed in to that account, and is
 * added when they say so on a page that names both.
 *
 * Both are proven in one interaction of one browser, with at most ten minutes between two steps; an e-mail address that
 * both have is only the occasion to ask (ASVS 5 §6.8.1).
 */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import type { Account, Accounts } from '../../adapters/postgres/accounts.ts'
import { connectPage } from '../../views/connect.ts'
import { readForm } from '../forms.ts'
import { type Adding, labelOf } from './adding.ts'
import type { AttemptDriver, HeldStep } from './attempt.ts'
import type { AttemptCookies } from './cookies.ts'
import type { Desk } from './desk.ts'
import type { Entering, Proof } from './proof.ts'
import { wayTo } from './ways.ts'

export interface ConnectingOptions {
  providers: ReadonlyMap<string, IdentityProvider>
  attempts: AttemptDriver
  cookies: AttemptCookies
  accounts: Accounts
  adding: Adding
}

export interface Decided {
  readonly entering: Entering
  readonly refusal?: 'account-disabled' | 'identity-taken'
}

export type Connecting = ReturnType<typeof connecting>

export function connecting({ providers, attempts, cookies, accounts, adding }: ConnectingOptions) {
  const providerLabel = (name: string) => wayTo(name, providers)?.label ?? name

  return {
    /** From now on whoever signs in here is asked whether this is theirs, too. */
    async begin(desk: Desk, proof: Proof): Promise<void> {
      cookies.setWaiting(desk.ctx, desk.uid, await attempts.hold(desk.uid, { kind: 'waiting', proof }))
      cookies.setAttempt(desk.ctx, desk.uid, undefined)
    },

    /** What waits to be connected, in words; undefined when nothing does. */
    async waiting(desk: Desk): Promise<string | undefined> {
      const token = cookies.waiting(desk.ctx)
      const current = token === undefined ? undefined : await attempts.current(token, desk.uid)
      return current?.step.kind === 'waiting' ? providerLabel(current.step.proof.identity.provider) : undefined
    },

    /** The person has signed in. Asks about what waits; false when nothing does. */
    async ask(desk: Desk, entering: Entering): Promise<boolean> {
      const token = cookies.waiting(desk.ctx)
      const held = token === undefined ? undefined : await attempts.takeHeld(token, desk.uid, 'waiting')
      if (held === undefined) return false
      cookies.setWaiting(desk.ctx, desk.uid, undefined)
      const step: HeldStep = { kind: 'connect', proof: held.proof, entering }
      cookies.setAttempt(desk.ctx, desk.uid, await attempts.hold(desk.uid, step))
      desk.seeOther(desk.path(''))
      return true
    },

    async show(desk: Desk, { proof: { identity }, entering }: HeldStep & { kind: 'connect' }): Promise<void> {
      const account = await accounts.find(entering.accountId)
      desk.show(
        connectPage(desk.on, {
          action: desk.path('connect'),
          cancel: desk.path('cancel'),
          client: desk.client,
          providerLabel: providerLabel(identity.provider),
          identity: labelOf(identity) ?? identity.subject,
          account: accountLabel(account, entering.proof),
          maySkip: true,
        }),
      )
    },

    /** The decision, with the sign-in that waited for it and why that must not go on. Undefined without a decision. */
    async decide(desk: Desk): Promise<Decided | undefined> {
      const decision = (await readForm(desk.ctx)).get('decision')
      const token = cookies.attempt(desk.ctx)
      if (token === undefined || (decision !== 'connect' && decision !== 'skip')) return undefined
      const step = await attempts.takeHeld(token, desk.uid, 'connect')
      if (step === undefined) return undefined
      const { entering, proof } = step
      const account = await accounts.find(entering.accountId)
      if (account === undefined || account.disabledAt !== undefined) return { entering, refusal: 'account-disabled' }
      const isTaken = decision === 'connect' && (await adding.add(desk, account.id, proof.identity)) === 'taken'
      return isTaken ? { entering, refusal: 'identity-taken' } : { entering }
    },
  }
}

/** What the person recognises the account by that they have just signed in to. */
function accountLabel(account: Account | undefined, { identity }: Proof): string {
  return account?.email ?? labelOf(identity) ?? account?.name ?? identity.subject
}
