/**
 * Which ways to sign in a request offers, and which of them it goes straight on with.
 *
 * Read from the app's request and from why somebody who is signed in is asked again; begins nothing.
 */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import type { ProviderChoice } from '../../views/providers.ts'
import { pdsProvider } from '../atproto/identity.ts'
import { pdsScope } from '../atproto/scopes.ts'
import { needsSecondFactor } from '../oidc/acr-check.ts'
import { namesOther } from '../oidc/other-person.ts'
import { personParams, providerOfParam } from '../oidc/person-params.ts'
import { noPdsAccount } from '../oidc/policy.ts'
import type { Desk } from './desk.ts'
import { isInsideTelegram } from './embedded-browser.ts'
import { wayTo } from './ways.ts'

type Providers = ReadonlyMap<string, IdentityProvider>

/** The provider whose people the app's request names. */
export function namedProvider(desk: Desk, providers: Providers): IdentityProvider | undefined {
  const param = personParams.find((name) => text(desk.params[name]) !== undefined)
  if (param !== undefined) return providers.get(providerOfParam[param])
  const hint = text(desk.params['login_hint'])
  return hint === undefined ? undefined : [...providers.values()].find(({ accepts }) => accepts?.(hint) === true)
}

/** What the request says about the person, to a provider. */
export function hintFor(desk: Desk, provider: IdentityProvider): string | undefined {
  const param = personParams.find((name) => providerOfParam[name] === provider.id)
  return (param && text(desk.params[param])) ?? text(desk.params['login_hint'])
}

/** The provider that asks on the first page, where nobody is named. */
export function firstProvider(desk: Desk, providers: Providers): IdentityProvider | undefined {
  // Whoever signs in that way need not add it afterwards; the other ways stay open beside it.
  const required = text(desk.registration['required_identity'])
  const way = required === undefined ? undefined : wayTo(required, providers)
  if (way !== undefined && isOffered(desk, way)) return way
  // Whom an app asks for something at their PDS is known there.
  return providers.get(wantsPds(desk) ? pdsProvider : 'password')
}

/** The ways that are offered, as buttons. */
export function choices(desk: Desk, providers: Providers, except?: string): ProviderChoice[] {
  return [...providers.values()]
    .filter((provider) => provider.id !== except && isOffered(desk, provider) && worksHere(desk, provider))
    .map(({ id, label }) => ({ id, label, start: desk.path(`start/${id}`) }))
}

/** Whether somebody is signed in already, with an account that cannot give the app what it wants. */
export function needsPds(desk: Desk): boolean {
  return desk.prompt.reasons.includes(noPdsAccount)
}

/** Whether somebody is signed in, and the app wants them to sign in all the same (`prompt=login`, `max_age`). */
export function wantsFreshSignIn({ accountId, prompt }: Desk): boolean {
  return accountId !== undefined && prompt.reasons.some((reason) => reason === 'login_prompt' || reason === 'max_age')
}

/** Whether the app demands a second factor: not every way to sign in can show one. */
export function wantsSecondFactor({ prompt }: Desk): boolean {
  return prompt.reasons.includes(needsSecondFactor)
}

/**
 * Whether going straight on could put somebody else in the place of who is signed in here. An address alone must not do
 * that: whoever made it may hold the PDS, too, which then answers at once, and nobody would have seen a page.
 */
export function wouldReplace({ accountId, params, prompt }: Desk): boolean {
  if (accountId === undefined) return false
  const isNamed = personParams.some((name) => text(params[name]) !== undefined)
  return !isNamed || prompt.reasons.includes(namesOther)
}

export function isOffered(desk: Desk, { id, secondFactor }: IdentityProvider): boolean {
  if (wantsSecondFactor(desk) && secondFactor !== true) return false
  return !needsPds(desk) || id === pdsProvider
}

/** Whether this browser is one in which the way works; who is sent there by name may be in one that does not say so. */
function worksHere({ ctx }: Desk, { inside }: IdentityProvider): boolean {
  return inside === undefined || isInsideTelegram(ctx.get('user-agent'))
}

/** Whether the app asks for something at the person's PDS. */
function wantsPds(desk: Desk): boolean {
  return (text(desk.params['scope'])?.split(' ') ?? []).some((scope) => pdsScope(scope) !== undefined)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
