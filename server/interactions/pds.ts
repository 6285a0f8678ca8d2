/**
 * The last step, where an app was allowed something at the person's PDS that our link there does not reach.
 *
 * What the sign-in brought for this app is kept where that is enough. Otherwise the person is sent to their PDS once,
 * without a page of ours before it; whatever comes of it but a link that reaches
 * far enough is a page from which they go again or leave, so that nothing sends them in circles. What is asked there
 * follows from what stands granted here, never from the address.
 */
import type { IdentityProvider } from '../../adapters/identity/contract.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import { type PdsLinkProblem, pdsLinkPage } from '../../views/pds-link.ts'
import type { PdsAccess } from '../atproto/access.ts'
import { pdsProvider } from '../atproto/identity.ts'
import { singleValues } from '../forms.ts'
import { PageRefusal } from '../page-refusal.ts'
import type { AttemptDriver, AttemptOutcome } from './attempt.ts'
import type { AttemptCookies } from './cookies.ts'
import type { Desk } from './desk.ts'
import type { OneTrip } from './one-trip.ts'

export interface PdsStepOptions {
  issuer: string
  provider: IdentityProvider | undefined
  attempts: AttemptDriver
  cookies: AttemptCookies
  access: PdsAccess
  oneTrip: OneTrip
  audit: (event: NewAuditEvent) => Promise<void>
}

export type PdsStep = ReturnType<typeof pdsStep>

export function pdsStep(options: PdsStepOptions) {
  const { attempts, cookies, access } = options
  const origin = (desk: Desk) => ({
    interaction: desk.uid,
    purpose: 'access' as const,
    callback: new URL(`/interaction/callback/${pdsProvider}`, options.issuer),
    address: desk.address,
  })

  /** Sends the person on; those who were sent on before find a page. */
  async function show(desk: Desk): Promise<void> {
    if (cookies.attempt(desk.ctx) !== undefined) return page(desk, 'interrupted', 200)
    const did = await options.oneTrip.kept(desk, accountOf(desk))
    return did === undefined ? begin(desk) : conclude(desk, did)
  }

  /** Sends the person to their PDS, because they asked for it or because it is the first time. */
  async function begin(desk: Desk): Promise<void> {
    const accountId = accountOf(desk)
    const account = await access.account(accountId)
    if (account === undefined || options.provider === undefined) throw new PageRefusal('expired', 'begin-at-app')
    const { token, outcome } = await attempts.begin(options.provider, {
      ...origin(desk),
      access: { subject: account.did, scopes: await access.scopesToAsk(accountId) },
    })
    if (token !== undefined) cookies.setAttempt(desk.ctx, desk.uid, token)
    await settle(desk, outcome)
  }

  /** Takes what the PDS sent back. */
  async function answer(desk: Desk): Promise<void> {
    const token = cookies.attempt(desk.ctx)
    if (token === undefined || (await attempts.current(token, desk.uid)) === undefined) return page(desk, 'expired')
    const params = singleValues(new URLSearchParams(desk.ctx.querystring))
    await settle(desk, await attempts.answer(token, origin(desk), params))
  }

  async function settle(desk: Desk, outcome: AttemptOutcome): Promise<void> {
    switch (outcome.kind) {
      case 'redirect':
        if (outcome.returnState !== undefined) {
          cookies.expectReturn(desk.ctx, pdsProvider, outcome.returnState, desk.uid)
        }
        return desk.seeOther(outcome.to.href)
      case 'proven':
        return conclude(desk, outcome.proof.identity.subject)
      case 'refused':
        return page(desk, outcome.reason)
      case 'show':
        throw new TypeError('a PDS whose account is known has nothing to ask on a page of ours')
      case 'overtaken':
        return desk.seeOther(desk.path(''))
    }
  }

  async function conclude(desk: Desk, did: string): Promise<void> {
    const accountId = accountOf(desk)
    if ((await access.account(accountId))?.did !== did) return page(desk, 'invalid')
    await options.audit({
      event: 'pds.linked',
      accountId,
      clientId: desk.client.id,
      address: desk.address,
      detail: { did },
    })
    if (!(await access.isLinked(accountId, wantedAtPds(desk)))) return page(desk, 'narrowed')
    await desk.finish({ pds: {} })
  }

  async function page(desk: Desk, problem: PdsLinkProblem, status = 400): Promise<void> {
    const account = await access.account(accountOf(desk))
    desk.show(
      pdsLinkPage(desk.on, {
        retry: desk.path('pds'),
        cancel: desk.path('cancel'),
        client: desk.client,
        account: account?.handle ?? account?.did,
        problem,
      }),
      problem === 'unavailable' ? 503 : status,
    )
  }

  return { show, begin, answer }
}

/** What the app was allowed at the PDS, as the policy found it. */
function wantedAtPds(desk: Desk): readonly string[] {
  const wanted = desk.prompt.details['pdsScopes']
  return Array.isArray(wanted) ? wanted.map(String) : []
}

function accountOf(desk: Desk): string {
  if (desk.accountId === undefined) throw new PageRefusal('expired', 'signed-out')
  return desk.accountId
}
