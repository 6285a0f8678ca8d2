/**
 * What a proven identity means here: an account that exists, a new one, or none.
 *
 * Comes after the proof and ends the login step. Knows no provider's business.
 */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import type { Account, Accounts } from '../../adapters/postgres/accounts.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { Identities } from '../../adapters/postgres/identities.ts'
import { newcomerPage } from '../../views/newcomer.ts'
import { readForm } from '../forms.ts'
import { acrOf } from '../oidc/acr.ts'
import { PageRefusal } from '../page-refusal.ts'
import { labelOf } from './adding.ts'
import type { AttemptDriver, Held } from './attempt.ts'
import type { Connecting } from './connecting.ts'
import type { AttemptCookies } from './cookies.ts'
import type { Desk } from './desk.ts'
import type { OneTrip } from './one-trip.ts'
import type { Entering, Proof } from './proof.ts'
import { wayTo } from './ways.ts'

export interface AdmissionOptions {
  providers: ReadonlyMap<string, IdentityProvider>
  attempts: AttemptDriver
  accounts: Accounts
  identities: Pick<Identities, 'isKnownEmail'>
  connecting: Connecting
  audit: (event: NewAuditEvent) => Promise<void>
  cookies: AttemptCookies
  oneTrip: OneTrip
  registration: 'open' | 'closed'
  now: () => Date
}

export type Admission = ReturnType<typeof admission>

/** Longest display name, characters. */
const longestName = 100

export function admission(options: AdmissionOptions) {
  const { providers, attempts, accounts, cookies, connecting, oneTrip } = options

  /** Decides what a proven identity means here. */
  async function admit(desk: Desk, proof: Proof): Promise<void> {
    const known = await accounts.byIdentity(proof.identity.provider, proof.identity.subject, proof.identity.label)
    if (known !== undefined) return enter(desk, known, proof)
    // An address that nobody vouches for says nothing, and is not told whether it is known.
    const { email } = proof.identity
    const hasAccount = email?.verified === true && (await options.identities.isKnownEmail(email.address))
    if (options.registration === 'closed' && !hasAccount) return closed(proof)
    if (proof.registered && !hasAccount) return enter(desk, await create(desk, proof, proof.identity.name), proof)
    const step = { kind: 'newcomer', proof, known: hasAccount } as const
    cookies.setAttempt(desk.ctx, desk.uid, await attempts.hold(desk.uid, step))
    desk.seeOther(desk.path(''))
  }

  async function closed({ keepsake }: Proof): Promise<never> {
    await oneTrip.discard(keepsake)
    throw new PageRefusal('forbidden', 'registration-closed')
  }

  function showNewcomer(desk: Desk, { proof: { identity }, known }: Held<'newcomer'>): void {
    desk.show(
      newcomerPage(desk.on, {
        action: desk.path('newcomer'),
        cancel: desk.path('cancel'),
        providerLabel: wayTo(identity.provider, providers)?.label ?? identity.provider,
        name: identity.name,
        email: identity.email?.address,
        label: identity.label,
        client: desk.client,
        known,
        canCreate: options.registration === 'open',
      }),
    )
  }

  /** The newcomer's decision: a new account, or one that they have. */
  async function newcomer(desk: Desk): Promise<void> {
    const form = await readForm(desk.ctx)
    const decision = form.get('decision')
    const token = cookies.attempt(desk.ctx)
    const decided = token !== undefined && (decision === 'create' || decision === 'connect')
    const proof = decided ? (await attempts.takeHeld(token, desk.uid, 'newcomer'))?.proof : undefined
    if (proof === undefined) return desk.seeOther(desk.path(''))
    if (decision === 'connect') {
      await oneTrip.discard(proof.keepsake)
      const { keepsake: _, ...rest } = proof
      await connecting.begin(desk, rest)
      return desk.seeOther(desk.path(''))
    }
    if (options.registration === 'closed') return closed(proof)
    const typed = form.get('name')?.trim().slice(0, longestName)
    // An emptied field is an answer, too: apps are told no name.
    const name = typed === undefined ? proof.identity.name : typed === '' ? undefined : typed
    await enter(desk, await create(desk, proof, name), proof)
  }

  async function create(desk: Desk, { identity }: Proof, name: string | undefined): Promise<Account> {
    const { provider, subject, email } = identity
    const account = await accounts.create({
      name,
      email: email?.address,
      emailVerified: email?.verified,
      identity: { provider, subject, label: labelOf(identity) },
    })
    await options.audit({
      event: 'account.created',
      accountId: account.id,
      address: desk.address,
      detail: { provider },
    })
    return account
  }

  async function enter(desk: Desk, account: Account, proof: Proof): Promise<void> {
    const ts = Math.floor(options.now().getTime() / 1000)
    const entering = { accountId: account.id, proof, ts }
    if (account.disabledAt !== undefined) return refuse(desk, entering, 'account-disabled')
    if (!(await connecting.ask(desk, entering))) await complete(desk, entering)
  }

  /** The decision about what was proven before; then the sign-in comes to its end. */
  async function connect(desk: Desk): Promise<void> {
    const decided = await connecting.decide(desk)
    if (decided === undefined) return desk.seeOther(desk.path(''))
    const { entering, refusal } = decided
    if (refusal !== undefined) return refuse(desk, entering, refusal)
    await complete(desk, entering)
  }

  async function refuse(
    desk: Desk,
    { accountId, proof }: Entering,
    reason: 'account-disabled' | 'identity-taken',
  ): Promise<never> {
    await oneTrip.discard(proof.keepsake)
    await record(desk, 'sign-in.refused', accountId, proof)
    throw new PageRefusal('forbidden', reason)
  }

  async function complete(desk: Desk, { accountId, proof, ts }: Entering): Promise<void> {
    await record(desk, 'sign-in.succeeded', accountId, proof)
    const carried = await oneTrip.carried(desk, accountId, proof.keepsake)
    await desk.finish({ login: { accountId, acr: acrOf(proof.amr), amr: proof.amr, ts }, ...carried })
  }

  function record(desk: Desk, event: 'sign-in.succeeded' | 'sign-in.refused', accountId: string, proof: Proof) {
    const detail = { provider: proof.identity.provider }
    return options.audit({ event, accountId, clientId: desk.client.id, address: desk.address, detail })
  }

  /** The person turns back: what their sign-in brought so far is given back. */
  async function abandon(desk: Desk): Promise<void> {
    const token = cookies.attempt(desk.ctx)
    if (token === undefined) return
    const proof =
      (await attempts.takeHeld(token, desk.uid, 'newcomer'))?.proof ??
      (await attempts.takeHeld(token, desk.uid, 'connect'))?.entering.proof
    await oneTrip.discard(proof?.keepsake)
  }

  return { admit, showNewcomer, newcomer, connect, abandon }
}
