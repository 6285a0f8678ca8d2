/**
 * The link step: somebody who is signed in adds a way to sign in, because an app demands it or because they asked for it.
 *
 * Says first what becomes a way in to which account, and asks again once it is known whose identity it is: nothing is
 * added by an address alone, nor by a provider that answers for a stranger. What belongs to another account stays there;
 * two accounts are never made one.
 */
import type { IdentityProvider, RefusedReason } from '../../adapters/identity/contract.ts'
import type { Account, Accounts } from '../../adapters/postgres/accounts.ts'
import type { Identities } from '../../adapters/postgres/identities.ts'
import { connectPage } from '../../views/connect.ts'
import { linkPage } from '../../views/link.ts'
import { unofferedPage } from '../../views/unoffered.ts'
import { visitOf } from '../account/visit.ts'
import { readForm, singleValues } from '../forms.ts'
import { beginDeviceInteraction } from '../oidc/device-interaction.ts'
import { freshness } from '../oidc/link-prompt.ts'
import { PageRefusal } from '../page-refusal.ts'
import { type Adding, labelOf } from './adding.ts'
import { type AttemptDriver, type AttemptOutcome, lifetime } from './attempt.ts'
import type { AttemptCookies } from './cookies.ts'
import type { Desk } from './desk.ts'
import type { OtherBrowser } from './other-browser.ts'
import type { Proof } from './proof.ts'
import { showStep } from './show-step.ts'
import { wayTo } from './ways.ts'

export interface LinkStepOptions {
  issuer: string
  providers: ReadonlyMap<string, IdentityProvider>
  attempts: AttemptDriver
  cookies: AttemptCookies
  accounts: Accounts
  identities: Pick<Identities, 'ownerOf'>
  adding: Adding
  otherBrowser: OtherBrowser
  now: () => Date
}

export type LinkStep = ReturnType<typeof linkStep>

export function linkStep(options: LinkStepOptions) {
  const { providers, attempts, cookies, accounts, adding, otherBrowser } = options
  const origin = (desk: Desk, provider: string) => ({
    interaction: desk.uid,
    purpose: 'link' as const,
    callback: new URL(`/interaction/callback/${provider}`, options.issuer),
    address: desk.address,
  })

  /** Where the person stands: before they go, at a page of the provider, or before they decide. */
  async function show(desk: Desk): Promise<void> {
    if (offeredWay(desk) === undefined) {
      return desk.show(unofferedPage(desk.on, { cancel: desk.path('cancel'), client: desk.client }), 404)
    }
    const token = cookies.attempt(desk.ctx)
    const current = token === undefined ? undefined : await attempts.current(token, desk.uid)
    if (current?.step.kind === 'show') return showStep(desk, current.step.page, [], current.standing)
    if (current?.step.kind === 'link') return confirmPage(desk, current.step.proof)
    await page(desk)
  }

  /** The person goes on to the provider; `here` is in whatever browser this is. */
  async function begin(desk: Desk, here = false): Promise<void> {
    if ((await accountHere(desk, freshness)) === undefined) {
      const { device: deviceCode, params } = desk
      if (deviceCode !== undefined) return beginDeviceInteraction(desk.provider, desk.ctx, { deviceCode, params })
      // The dispatcher then finds that the sign-in is too old. Nothing is begun anew: an app that pushes its requests has
      // one that is good once (RFC 9126 §4).
      return desk.finish({ login: undefined })
    }
    const provider = providerOf(desk)
    if (!here && otherBrowser.isNeeded(desk, provider)) return desk.seeOther(otherBrowser.path(desk, provider))
    const { token, outcome } = await attempts.begin(provider, {
      ...origin(desk, provider.id),
      requester: desk.requester,
      ask: true,
    })
    if (token !== undefined) cookies.setAttempt(desk.ctx, desk.uid, token)
    await settle(desk, outcome)
  }

  /** Takes what the provider asked for, from a form or from elsewhere. */
  async function answer(desk: Desk): Promise<void> {
    const { ctx } = desk
    const token = cookies.attempt(ctx)
    const current = token === undefined ? undefined : await attempts.current(token, desk.uid)
    if (token === undefined || current === undefined) return page(desk, 'expired')
    const isCallback = ctx.method === 'GET'
    if (isCallback !== (current.step.kind === 'redirect')) return desk.seeOther(desk.path(''))
    // Before a provider makes something that could not be added any more.
    await accountToAddTo(desk)
    const params = isCallback ? singleValues(new URLSearchParams(ctx.querystring)) : await readForm(ctx)
    await settle(desk, await attempts.answer(token, origin(desk, current.provider), params))
  }

  async function settle(desk: Desk, outcome: AttemptOutcome): Promise<void> {
    switch (outcome.kind) {
      case 'redirect':
        if (outcome.returnState !== undefined) {
          cookies.expectReturn(desk.ctx, providerOf(desk).id, outcome.returnState, desk.uid)
        }
        return desk.seeOther(outcome.to.href)
      case 'show':
      case 'overtaken':
        return desk.seeOther(desk.path(''))
      case 'refused':
        return page(desk, outcome.reason)
      case 'proven':
        return proven(desk, outcome.proof)
    }
  }

  async function proven(desk: Desk, proof: Proof): Promise<void> {
    const { identity } = proof
    const owner = await options.identities.ownerOf(identity.provider, identity.subject)
    if (owner !== undefined && owner !== desk.accountId) {
      await adding.refused(desk, accountIdOf(desk), identity)
      return page(desk, 'taken')
    }
    // What was made here just now, on a page of ours, is nobody else's.
    if (owner === desk.accountId || proof.registered) return add(desk, await accountToAddTo(desk), proof)
    cookies.setAttempt(desk.ctx, desk.uid, await attempts.hold(desk.uid, { kind: 'link', proof }))
    desk.seeOther(desk.path(''))
  }

  /** The person has read what is connected to what, and agrees. */
  async function confirm(desk: Desk): Promise<void> {
    const agreed = (await readForm(desk.ctx)).get('decision') === 'connect'
    const account = await accountToAddTo(desk)
    const token = cookies.attempt(desk.ctx)
    const held = agreed && token !== undefined ? await attempts.takeHeld(token, desk.uid, 'link') : undefined
    if (held === undefined) return desk.seeOther(desk.path(''))
    await add(desk, account, held.proof)
  }

  async function add(desk: Desk, account: Account, { identity }: Proof): Promise<void> {
    if ((await adding.add(desk, account.id, identity)) === 'taken') return page(desk, 'taken')
    await desk.finish({ link: { provider: identity.provider } })
  }

  async function page(desk: Desk, problem?: RefusedReason | 'taken'): Promise<void> {
    const account = await accounts.find(accountIdOf(desk))
    desk.show(
      linkPage(desk.on, {
        action: desk.path('link'),
        switchAccount: desk.path('switch'),
        cancel: desk.path('cancel'),
        client: desk.client,
        needed: desk.prompt.details['linkNeeded'] === true,
        providerLabel: providerOf(desk).label,
        account: await labelOfAccount(account),
        problem,
      }),
      problem === undefined ? 200 : problem === 'unavailable' ? 503 : 400,
    )
  }

  async function confirmPage(desk: Desk, { identity }: Proof): Promise<void> {
    const account = await accounts.find(accountIdOf(desk))
    desk.show(
      connectPage(desk.on, {
        action: desk.path('connect'),
        cancel: desk.path('cancel'),
        client: desk.client,
        providerLabel: providerOf(desk).label,
        identity: labelOf(identity) ?? identity.subject,
        account: await labelOfAccount(account),
      }),
    )
  }

  function offeredWay(desk: Desk): IdentityProvider | undefined {
    return wayTo(String(desk.prompt.details['linkProvider']), providers)
  }

  function providerOf(desk: Desk): IdentityProvider {
    const provider = offeredWay(desk)
    if (provider === undefined) throw new PageRefusal('not-found', 'unknown-provider')
    return provider
  }

  /** The account, where the proof was fresh when the person went to the provider. */
  async function accountToAddTo(desk: Desk): Promise<Account> {
    const account = await accountHere(desk, freshness + lifetime)
    if (account === undefined) throw new PageRefusal('expired', 'begin-at-app')
    return account
  }

  /** Whose session this browser has, if it is still the one that the step is for, and as fresh as `age` (seconds). */
  async function accountHere(desk: Desk, age: number): Promise<Account | undefined> {
    const visit = await visitOf(desk.ctx, desk.provider, accounts.find, options.now)
    if (visit === undefined || visit.account.id !== desk.accountId) throw new PageRefusal('expired', 'signed-out')
    return visit.age <= age ? visit.account : undefined
  }

  async function labelOfAccount(account: Account | undefined): Promise<string> {
    if (account === undefined) throw new PageRefusal('expired', 'signed-out')
    const [first] = await accounts.identitiesOf(account.id)
    return account.email ?? first?.label ?? account.name ?? account.id
  }

  return { show, begin, answer, confirm }
}

function accountIdOf(desk: Desk): string {
  if (desk.accountId === undefined) throw new PageRefusal('expired', 'signed-out')
  return desk.accountId
}
