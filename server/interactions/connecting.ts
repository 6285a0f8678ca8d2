/**
 * A newcomer who has an account: what they have proven waits, sealed, until they have signed in to that account, and is
 * added when they say so on a page that names both.
 *
 * Both are proven in one interaction of one browser within ten minutes; an e-mail address that both have is only the
 * occasion to ask (ASVS 5 §6.8.1).
 */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import type { Account, Accounts } from '../../adapters/postgres/accounts.ts'
import { connectPage } from '../../views/connect.ts'
import { readForm } from '../forms.ts'
import { PageRefusal } from '../page-refusal.ts'
import { type Adding, labelOf } from './adding.ts'
import type { AttemptDriver, HeldStep } from './attempt.ts'
import type { AttemptCookies } from './cookies.ts'
import type { Desk } from './desk.ts'
import type { Entering, Proof } from './proof.ts'

export interface ConnectingOptions {
  providers: ReadonlyMap<string, IdentityProvider>
  attempts: AttemptDriver
  cookies: AttemptCookies
  accounts: Accounts
  adding: Adding
}

export type Connecting = ReturnType<typeof connecting>

export function connecting({ providers, attempts, cookies, accounts, adding }: ConnectingOptions) {
  const providerLabel = (id: string) => providers.get(id)?.label ?? id

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

    /** The decision: what has been added or not; what was waited with. Undefined without a decision. */
    async decide(desk: Desk): Promise<Entering | undefined> {
      const decision = (await readForm(desk.ctx)).get('decision')
      const token = cookies.attempt(desk.ctx)
      if (token === undefined || (decision !== 'connect' && decision !== 'skip')) return undefined
      const step = await attempts.takeHeld(token, desk.uid, 'connect')
      if (step === undefined) return undefined
      const { accountId } = step.entering
      const account = await accounts.find(accountId)
      if (account === undefined || account.disabledAt !== undefined)
        throw new PageRefusal('forbidden', 'account-disabled')
      if (decision === 'connect' && (await adding.add(desk, accountId, step.proof.identity)) === 'taken') {
        throw new PageRefusal('forbidden', 'identity-taken')
      }
      return step.entering
    },
  }
}

/** What the person recognises the account by that they have just signed in to. */
function accountLabel(account: Account | undefined, { identity }: Proof): string {
  return account?.email ?? labelOf(identity) ?? account?.name ?? identity.subject
}
