/**
 * The consent step: what an app asks for, in plain words, and the person's decision.
 *
 * The decision is remembered by account and client; the grant it becomes belongs to this browser session.
 */
import type { Account } from '../../adapters/postgres/accounts.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { Consent } from '../../adapters/postgres/consents.ts'
import type { Resource } from '../../adapters/postgres/resources.ts'
import { consentPage, type DetailCard } from '../../views/consent.ts'
import type { PdsAccount } from '../atproto/identity.ts'
import { readForm } from '../forms.ts'
import { type Detail, detailsOf } from '../oidc/authorization-details.ts'
import { detailLines } from '../oidc/authorization-types.ts'
import type { PdsResource } from '../oidc/pds-resource.ts'
import { addTo } from '../oidc/policy.ts'
import { endsByItself, profileOf } from '../oidc/profiles.ts'
import { requestedAccess } from '../oidc/requested-access.ts'
import { pdsScopeCards, scopeCards } from '../oidc/scope-cards.ts'
import { saved, sessionGrant } from '../oidc/session-grant.ts'
import { PageRefusal } from '../page-refusal.ts'
import type { Desk } from './desk.ts'

export interface ConsentOptions {
  findAccount: (id: string) => Promise<Account | undefined>
  findResource: (identifier: string) => Promise<Resource | undefined>
  pds: PdsResource
  findPdsAccount: (accountId: string) => Promise<PdsAccount | undefined>
  remember: (accountId: string, clientId: string, given: Consent) => Promise<void>
  audit: (event: NewAuditEvent) => Promise<void>
}

export function consent(options: ConsentOptions) {
  async function show(desk: Desk): Promise<void> {
    const account = desk.accountId === undefined ? undefined : await options.findAccount(desk.accountId)
    if (account === undefined) throw new PageRefusal('expired', 'signed-out')
    const { resources, wanted } = await wishes(desk)
    const cards = (of: Resource) => scopeCards(of, wanted.resources[of.identifier] ?? [])
    // What lies behind this very server stands with what is about the person: its address would tell them nothing.
    const { own = [], others = [] } = Object.groupBy(resources, (it) =>
      it.identifier.startsWith(`${desk.provider.issuer}/`) && detailCards(it, desk).length === 0 ? 'own' : 'others',
    )
    const profile = profileOf(String(desk.registration['profile']))
    const atPds = pdsScopeCards(wanted.resources[options.pds.identifier] ?? [])
    const pdsAccount = await options.findPdsAccount(account.id)
    desk.show(
      consentPage(desk.on, {
        action: desk.path('consent'),
        client: desk.client,
        account: { label: account.email ?? pdsAccount?.handle ?? account.name ?? pdsAccount?.did ?? account.id },
        scopes: [...wanted.scopes.map((name) => ({ name })), ...own.flatMap(cards)],
        resources: others.map((it) => ({
          identifier: it.identifier,
          name: it.name,
          scopes: cards(it),
          details: detailCards(it, desk),
        })),
        pds:
          atPds.length === 0
            ? undefined
            : {
                account: pdsAccount?.handle ?? pdsAccount?.did,
                scopes: atPds,
              },
        // The same rule as for what ends with the session (`server/oidc/lifetimes.ts`).
        offline:
          profile?.sessionBound === false ||
          wanted.scopes.includes('offline_access') ||
          !wanted.scopes.includes('openid'),
        lasting: profile !== undefined && !endsByItself(profile),
        switchAccount: desk.path('switch'),
      }),
    )
  }

  async function decide(desk: Desk): Promise<void> {
    const decision = (await readForm(desk.ctx)).get('decision')
    const { accountId } = desk
    if (decision !== 'allow' && decision !== 'deny') throw new PageRefusal('invalid', 'choose-allow-or-deny')
    if (accountId === undefined) throw new PageRefusal('expired', 'signed-out')
    const event = { accountId, clientId: desk.client.id, address: desk.address }
    if (decision === 'deny') {
      await options.audit({ event: 'consent.denied', ...event })
      return desk.finish({ error: 'access_denied', error_description: 'the person denied the request' })
    }
    const { wanted: given } = await wishes(desk)
    const { provider, device } = desk
    // Each device has a grant of its own; the one that the session knows is another device's.
    const known = device === undefined ? desk.grantId : undefined
    const existing = known === undefined ? undefined : await provider.Grant.find(known)
    const owner = { accountId, clientId: desk.client.id, sessionUid: desk.sessionUid ?? desk.uid, device }
    const grant = existing?.accountId === accountId ? existing : await sessionGrant(provider, owner)
    addTo(grant, given)
    await options.remember(accountId, desk.client.id, given)
    const details = (detailsOf(desk.params) ?? []).map(({ type }) => type)
    await options.audit({
      event: 'consent.granted',
      ...event,
      detail: { scope: String(desk.params['scope'] ?? ''), ...(details.length === 0 ? {} : { details }) },
    })
    await desk.finish({ consent: { grantId: (await saved(provider, grant)).jti } })
  }

  /** Everything that the request asks for and the client may have. */
  async function wishes(desk: Desk): Promise<{ resources: readonly Resource[]; wanted: Consent }> {
    const { resources, scopes, scopesOf } = await requestedAccess(desk, options)
    const missing = desk.prompt.details['missingOIDCClaims']
    return {
      resources,
      wanted: { scopes, claims: Array.isArray(missing) ? missing.map(String) : [], resources: scopesOf },
    }
  }

  return { show, decide }
}

/** The authorization details that are asked for at an API: its words for the type, and every member (RFC 9396 §13). */
function detailCards({ authorizationTypes = {} }: Resource, { params }: Desk): readonly DetailCard[] {
  const own = (detailsOf(params) ?? []).filter(({ type }) => Object.hasOwn(authorizationTypes, type))
  return own.map(({ type, locations: _locations, ...members }: Detail) => ({
    title: authorizationTypes[type]?.title ?? type,
    lines: detailLines(authorizationTypes[type], members),
  }))
}
