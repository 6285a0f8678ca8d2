/**
 * The login step: from "who are you?" to an account.
 *
 * Shows the ways to sign in, lets the attempt driver ask, and decides what a proven identity means here: an account that
 * exists, a new one, or none. Knows no provider's business.
 */
import type { IdentityProvider, RefusedReason } from '../../adapters/identity/contract.ts'
import type { Account, Accounts } from '../../adapters/postgres/accounts.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import { chooserPage } from '../../views/chooser.ts'
import { newcomerPage } from '../../views/newcomer.ts'
import { stepPage } from '../../views/step.ts'
import { pdsProvider } from '../atproto/identity.ts'
import { pdsScope } from '../atproto/scopes.ts'
import { readForm, singleValues } from '../forms.ts'
import { namesOther } from '../oidc/other-person.ts'
import { personParams, providerOfParam } from '../oidc/person-params.ts'
import { noPdsAccount } from '../oidc/policy.ts'
import { PageRefusal } from '../page-refusal.ts'
import type { AttemptDriver, AttemptOutcome } from './attempt.ts'
import type { AttemptCookies } from './cookies.ts'
import type { Desk } from './desk.ts'
import type { OneTrip } from './one-trip.ts'
import type { Proof } from './proof.ts'

export interface SignInOptions {
  issuer: string
  providers: ReadonlyMap<string, IdentityProvider>
  attempts: AttemptDriver
  accounts: Accounts
  audit: (event: NewAuditEvent) => Promise<void>
  cookies: AttemptCookies
  oneTrip: OneTrip
  registration: 'open' | 'closed'
  now: () => Date
}

export type SignIn = ReturnType<typeof signIn>

/** Longest display name, characters. */
const longestName = 100

export function signIn(options: SignInOptions) {
  const { providers, attempts, accounts, cookies, oneTrip } = options
  const origin = (desk: Desk, provider: string) => ({
    interaction: desk.uid,
    purpose: 'sign-in' as const,
    callback: new URL(`/interaction/callback/${provider}`, options.issuer),
    address: desk.address,
  })

  /** The page for where this browser's attempt stands; begins one where a provider asks on the first page. */
  async function show(desk: Desk): Promise<void> {
    const token = cookies.attempt(desk.ctx)
    const current = token === undefined ? undefined : await attempts.current(token, desk.uid)
    if (current?.step.kind === 'show') return showStep(desk, current.step.page, current.provider)
    if (current?.step.kind === 'newcomer') return showNewcomer(desk, current.step.proof)
    const named = namedProvider(desk)
    if (named !== undefined && isOffered(desk, named) && token === undefined)
      return begin(desk, named, wouldReplace(desk))
    if (needsPds(desk)) return desk.show(chooser(desk))
    // Somebody who comes back from elsewhere without an answer chooses anew: nothing sends them there again by itself.
    if (named !== undefined || current?.step.kind === 'redirect') return desk.show(chooser(desk))
    // Whom an app asks for something at their PDS is known there; the other ways stay open beside it.
    const first = providers.get(wantsPds(desk) ? pdsProvider : 'password')
    if (first === undefined) return desk.show(chooser(desk))
    await begin(desk, first, true)
  }

  /** The provider whose people the app's request names. */
  function namedProvider(desk: Desk): IdentityProvider | undefined {
    const param = personParams.find((name) => text(desk.params[name]) !== undefined)
    if (param !== undefined) return providers.get(providerOfParam[param])
    const hint = text(desk.params['login_hint'])
    return hint === undefined ? undefined : [...providers.values()].find(({ accepts }) => accepts?.(hint) === true)
  }

  /** `ask`: the person is asked even where a hint would do. */
  async function begin(desk: Desk, provider: IdentityProvider, ask: boolean): Promise<void> {
    const param = personParams.find((name) => providerOfParam[name] === provider.id)
    const hint = (param && text(desk.params[param])) ?? text(desk.params['login_hint'])
    const scopes = await oneTrip.scopes(desk, provider.id)
    const access = scopes.length === 0 ? {} : { access: { scopes } }
    const { token, outcome } = await attempts.begin(provider, { ...origin(desk, provider.id), hint, ask, ...access })
    if (token !== undefined) cookies.setAttempt(desk.ctx, desk.uid, token)
    await settle(desk, provider.id, outcome)
  }

  /** Begins with the provider that the person chose. */
  async function start(desk: Desk, id: string): Promise<void> {
    const provider = providers.get(id)
    if (provider === undefined) throw new PageRefusal('not-found', 'unknown-provider')
    await begin(desk, provider, true)
  }

  /** The one door for answers: submitted forms, polls and callbacks. */
  async function answer(desk: Desk): Promise<void> {
    const { ctx } = desk
    const token = cookies.attempt(ctx)
    const current = token === undefined ? undefined : await attempts.current(token, desk.uid)
    if (token === undefined || current === undefined) return desk.show(chooser(desk, 'expired'), 400)
    const isCallback = ctx.method === 'GET'
    // What a form asks never stands in an address, and what comes back from elsewhere is never a form of ours.
    if (isCallback !== (current.step.kind === 'redirect')) return seeOther(desk, desk.path(''))
    const params = isCallback ? singleValues(new URLSearchParams(ctx.querystring)) : await readForm(ctx)
    const outcome = await attempts.answer(token, origin(desk, current.provider), params)
    await settle(desk, current.provider, outcome)
  }

  async function settle(desk: Desk, provider: string, outcome: AttemptOutcome): Promise<void> {
    switch (outcome.kind) {
      case 'redirect':
        if (outcome.returnState !== undefined) cookies.expectReturn(desk.ctx, provider, outcome.returnState, desk.uid)
        return seeOther(desk, outcome.to.href)
      case 'show':
        // What answers a form is shown by an address of its own: coming back to it must not mean sending the form again.
        if (desk.ctx.path === desk.path('')) return showStep(desk, outcome.page, provider)
        return seeOther(desk, desk.path(''))
      case 'overtaken':
        return seeOther(desk, desk.path(''))
      case 'refused':
        return desk.show(chooser(desk, outcome.reason), outcome.reason === 'unavailable' ? 503 : 400)
      case 'proven':
        return admit(desk, outcome.proof)
    }
  }

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
    seeOther(desk, desk.path(''))
  }

  /** The newcomer's decision. */
  async function newcomer(desk: Desk): Promise<void> {
    const form = await readForm(desk.ctx)
    const token = cookies.attempt(desk.ctx)
    const decided = token !== undefined && form.get('decision') === 'create'
    const proof = decided ? await attempts.takeNewcomer(token, desk.uid) : undefined
    if (proof === undefined) return seeOther(desk, desk.path(''))
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

  function showStep(desk: Desk, page: Parameters<typeof stepPage>[1]['page'], provider: string): void {
    const status = page.problem === 'too-many-tries' ? 429 : page.problem === undefined ? 200 : 400
    if (page.retryAfter !== undefined) desk.ctx.set('retry-after', String(page.retryAfter))
    desk.show(
      stepPage(desk.on, {
        page,
        action: desk.path('answer'),
        cancel: desk.path('cancel'),
        client: desk.client,
        others: choices(desk, provider),
      }),
      status,
    )
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

  function chooser(desk: Desk, problem?: RefusedReason): string {
    return chooserPage(desk.on, {
      client: desk.client,
      providers: choices(desk),
      cancel: desk.path('cancel'),
      problem,
      noPds: needsPds(desk),
    })
  }

  function choices(desk: Desk, except?: string): { id: string; label: string; start: string }[] {
    return [...providers.values()]
      .filter((provider) => provider.id !== except && isOffered(desk, provider))
      .map(({ id, label }) => ({ id, label, start: desk.path(`start/${id}`) }))
  }

  return { show, start, answer, newcomer, abandon }
}

/** Whether somebody is signed in already, with an account that cannot give the app what it wants. */
function needsPds(desk: Desk): boolean {
  return desk.prompt.reasons.includes(noPdsAccount)
}

/**
 * Whether going straight on could put somebody else in the place of who is signed in here. An address alone must not do
 * that: whoever made it may hold the PDS, too, which then answers at once, and nobody would have seen a page.
 */
function wouldReplace({ accountId, params, prompt }: Desk): boolean {
  if (accountId === undefined) return false
  const isNamed = personParams.some((name) => text(params[name]) !== undefined)
  return !isNamed || prompt.reasons.includes(namesOther)
}

/** Whether the app asks for something at the person's PDS. */
function wantsPds(desk: Desk): boolean {
  return (text(desk.params['scope'])?.split(' ') ?? []).some((scope) => pdsScope(scope) !== undefined)
}

function isOffered(desk: Desk, { id }: IdentityProvider): boolean {
  return !needsPds(desk) || id === pdsProvider
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function seeOther(desk: Desk, target: string): void {
  desk.ctx.redirect(target)
  desk.ctx.status = 303
}
