/**
 * What a proven identity means here: an account that exists, a new one, or none.
 *
 * Comes after the proof and ends the login step. Knows no provider's business.
 */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import type { Account, Accounts } from '../../adapters/postgres/accounts.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import { newcomerPage } from '../../views/newcomer.ts'
import { readForm } from '../forms.ts'
import { PageRefusal } from '../page-refusal.ts'
import type { AttemptDriver } from './attempt.ts'
import type { AttemptCookies } from './cookies.ts'
import type { Desk } from './desk.ts'
import type { OneTrip } from './one-trip.ts'
import type { Proof } from './proof.ts'

export interface AdmissionOptions {
  providers: ReadonlyMap<string, IdentityProvider>
  attempts: AttemptDriver
  accounts: Accounts
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
  const { providers, attempts, accounts, cookies, oneTrip } = options

  /** Decides what a proven identity means here. */
  async function admit(desk: Desk, proof: Proof): Promise<void> {
    const known = await accounts.byIdentity(proof.identity.provider, proof.identity.subject, proof.identity.label)
    if (known !== undefined) return enter(desk, known, proof)
    if (options.registration === 'closed') {
      await oneTrip.discard(proof.keepsake)
      throw new PageRefusal('forbidden', 'registration-closed')
    }
    if (proof.registered) return enter(desk, await create(desk, proof, proof.identity.name), proof)
    cookies.setAttempt(desk.ctx, desk.uid, await attempts.holdNewcomer(desk.uid, proof))
    desk.seeOther(desk.path(''))
  }

  function showNewcomer(desk: Desk, { identity }: Proof): void {
    desk.show(
      newcomerPage(desk.on, {
        action: desk.path('newcomer'),
        cancel: desk.path('cancel'),
        providerLabel: providers.get(identity.provider)?.label ?? identity.provider,
        name: identity.name,
        email: identity.email?.address,
        label: identity.label,
        client: desk.client,
      }),
    )
  }

  /** The newcomer's decision. */
  async function newcomer(desk: Desk): Promise<void> {
    const form = await readForm(desk.ctx)
    const token = cookies.attempt(desk.ctx)
    const decided = token !== undefined && form.get('decision') === 'create'
    const proof = decided ? await attempts.takeNewcomer(token, desk.uid) : undefined
    if (proof === undefined) return desk.seeOther(desk.path(''))
    const typed = form.get('name')?.trim().slice(0, longestName)
    // An emptied field is an answer, too: apps are told no name.
    const name = typed === undefined ? proof.identity.name : typed === '' ? undefined : typed
    await enter(desk, await create(desk, proof, name), proof)
  }

  async function create(desk: Desk, { identity }: Proof, name: string | undefined): Promise<Account> {
    const { provider, subject, email, label } = identity
    const account = await accounts.create({
      name,
      email: email?.address,
      emailVerified: email?.verified,
      identity: { provider, subject, label: label ?? email?.address ?? identity.name },
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
    const event = {
      accountId: account.id,
      clientId: desk.client.id,
      address: desk.address,
      detail: { provider: proof.identity.provider },
    }
    if (account.disabledAt !== undefined) {
      await oneTrip.discard(proof.keepsake)
      await options.audit({ event: 'sign-in.refused', ...event })
      throw new PageRefusal('forbidden', 'account-disabled')
    }
    await options.audit({ event: 'sign-in.succeeded', ...event })
    const ts = Math.floor(options.now().getTime() / 1000)
    const carried = await oneTrip.carried(desk, account.id, proof.keepsake)
    await desk.finish({ login: { accountId: account.id, amr: proof.amr, ts }, ...carried })
  }

  /** The person turns back: what their sign-in brought so far is given back. */
  async function abandon(desk: Desk): Promise<void> {
    const token = cookies.attempt(desk.ctx)
    const proof = token === undefined ? undefined : await attempts.takeNewcomer(token, desk.uid)
    await oneTrip.discard(proof?.keepsake)
  }

  return { admit, showNewcomer, newcomer, abandon }
}
