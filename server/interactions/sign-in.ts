/**
 * The login step: from "who are you?" to a proven identity.
 *
 * Shows the ways to sign in and lets the attempt driver ask; what a proof means here is decided in `admission.ts`. Knows
 * no provider's business.
 */
import type { IdentityProvider, Page, RefusedReason, Standing } from '../../adapters/identity/contract.ts'
import { chooserPage } from '../../views/chooser.ts'
import { readForm, singleValues } from '../forms.ts'
import { wantsAccount } from '../oidc/account-prompts.ts'
import { PageRefusal } from '../page-refusal.ts'
import type { AccountChoice } from './account-choice.ts'
import type { Admission } from './admission.ts'
import type { AttemptDriver, AttemptOutcome } from './attempt.ts'
import type { Connecting } from './connecting.ts'
import type { AttemptCookies } from './cookies.ts'
import type { Desk } from './desk.ts'
import type { OneTrip } from './one-trip.ts'
import type { OtherBrowser } from './other-browser.ts'
import { showStep } from './show-step.ts'
import {
  choices,
  firstProvider,
  hintFor,
  isOffered,
  namedProvider,
  needsPds,
  wantsSecondFactor,
  wouldReplace,
} from './ways-in.ts'

export interface SignInOptions {
  issuer: string
  providers: ReadonlyMap<string, IdentityProvider>
  attempts: AttemptDriver
  cookies: AttemptCookies
  oneTrip: OneTrip
  admission: Admission
  accountChoice: AccountChoice
  connecting: Connecting
  otherBrowser: OtherBrowser
}

export type SignIn = ReturnType<typeof signIn>

export function signIn(options: SignInOptions) {
  const { providers, attempts, cookies, oneTrip, admission, accountChoice, connecting, otherBrowser } = options
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
    if (current?.step.kind === 'show') return page(desk, current.step.page, current.provider, current.standing)
    if (current?.step.kind === 'newcomer') return admission.showNewcomer(desk, current.step)
    if (current?.step.kind === 'connect') return connecting.show(desk, current.step)
    if (accountChoice.isAsked(desk)) return accountChoice.show(desk)
    await ask(desk, token !== undefined, current?.step.kind === 'redirect')
  }

  /** Asks who somebody is from the beginning; `begun`: there was an attempt in this browser, `away`: the person went elsewhere. */
  async function ask(desk: Desk, begun = false, away = false): Promise<void> {
    // Whom the app named may be somebody else than who has the account: the person says how to get there.
    if ((await connecting.waiting(desk)) !== undefined) return chooser(desk)
    const named = namedProvider(desk, providers)
    if (named !== undefined && isOffered(desk, named) && !begun) return goOn(desk, named, wouldReplace(desk))
    if (needsPds(desk) || secondFactorMissing(desk) !== undefined) return chooser(desk)
    // Somebody who comes back from elsewhere without an answer chooses anew: nothing sends them there again by itself.
    if (named !== undefined || away) return chooser(desk)
    const first = firstProvider(desk, providers)
    if (first === undefined) return chooser(desk)
    await goOn(desk, first, true)
  }

  /** Goes straight on with a provider that nobody has chosen yet. */
  async function goOn(desk: Desk, provider: IdentityProvider, ask: boolean): Promise<void> {
    if (otherBrowser.isNeeded(desk, provider)) return desk.seeOther(otherBrowser.path(desk, provider))
    await begin(desk, provider, ask)
  }

  /** `ask`: the person is asked even where a hint would do. */
  async function begin(desk: Desk, provider: IdentityProvider, ask: boolean): Promise<void> {
    const hint = hintFor(desk, provider)
    const scopes = await oneTrip.scopes(desk, provider.id)
    const access = scopes.length === 0 ? {} : { access: { scopes } }
    const { token, outcome } = await attempts.begin(provider, {
      ...origin(desk, provider.id),
      requester: desk.requester,
      hint,
      ask,
      newcomer: desk.prompt.reasons.includes(wantsAccount),
      ...access,
    })
    if (token !== undefined) cookies.setAttempt(desk.ctx, desk.uid, token)
    await settle(desk, provider.id, outcome)
  }

  /** Begins with the provider that the person chose; `here` is in whatever browser this is. */
  async function start(desk: Desk, id: string, here = false): Promise<void> {
    const provider = providers.get(id)
    if (provider === undefined) throw new PageRefusal('not-found', 'unknown-provider')
    if (!here && otherBrowser.isNeeded(desk, provider)) return desk.seeOther(otherBrowser.path(desk, provider))
    await begin(desk, provider, true)
  }

  /** The one door for answers: submitted forms, polls and callbacks. */
  async function answer(desk: Desk): Promise<void> {
    const { ctx } = desk
    const token = cookies.attempt(ctx)
    const current = token === undefined ? undefined : await attempts.current(token, desk.uid)
    if (token === undefined || current === undefined) return chooser(desk, 'expired')
    const isCallback = ctx.method === 'GET'
    // What a form asks never stands in an address, and what comes back from elsewhere is never a form of ours.
    if (isCallback !== (current.step.kind === 'redirect')) return desk.seeOther(desk.path(''))
    const params = isCallback ? singleValues(new URLSearchParams(ctx.querystring)) : await readForm(ctx)
    const outcome = await attempts.answer(token, origin(desk, current.provider), params)
    await settle(desk, current.provider, outcome)
  }

  async function settle(desk: Desk, provider: string, outcome: AttemptOutcome): Promise<void> {
    switch (outcome.kind) {
      case 'redirect':
        if (outcome.returnState !== undefined) cookies.expectReturn(desk.ctx, provider, outcome.returnState, desk.uid)
        return desk.seeOther(outcome.to.href)
      case 'show':
        // What answers a form is shown by an address of its own: coming back to it must not mean sending the form again.
        if (desk.ctx.path === desk.path('')) return page(desk, outcome.page, provider, outcome.standing)
        return desk.seeOther(desk.path(''))
      case 'overtaken':
        return desk.seeOther(desk.path(''))
      case 'refused':
        return chooser(desk, outcome.reason)
      case 'proven':
        return admission.admit(desk, outcome.proof)
    }
  }

  function page(desk: Desk, asked: Page, provider: string, standing?: Standing): void {
    showStep(desk, asked, choices(desk, providers, provider), standing)
  }

  async function chooser(desk: Desk, problem?: RefusedReason): Promise<void> {
    const document = chooserPage(desk.on, {
      client: desk.client,
      providers: choices(desk, providers),
      cancel: desk.path('cancel'),
      problem,
      noPds: needsPds(desk),
      secondFactor: secondFactorMissing(desk),
      connecting: await connecting.waiting(desk),
    })
    desk.show(document, problem === undefined ? 200 : problem === 'unavailable' ? 503 : 400)
  }

  return { show, other: (desk: Desk) => ask(desk), start, answer }
}

/** What somebody who is signed in is told of the second factor that the app demands: that they need it, or that they had none. */
function secondFactorMissing(desk: Desk): 'needed' | 'missing' | undefined {
  if (!wantsSecondFactor(desk) || desk.accountId === undefined) return undefined
  return desk.submitted['login'] === undefined ? 'needed' : 'missing'
}
