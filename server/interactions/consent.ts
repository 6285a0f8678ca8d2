/**
 * The consent step: what an app asks for, in plain words, and the person's decision.
 *
 * The decision is remembered by account and client; the grant it becomes belongs to this browser session.
 */
import type { Account } from '../../adapters/postgres/accounts.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { Consent } from '../../adapters/postgres/consents.ts'
import type { Resource } from '../../adapters/postgres/resources.ts'
import { consentPage } from '../../views/consent.ts'
import type { PdsAccount } from '../atproto/identity.ts'
import { readForm } from '../forms.ts'
import { openidScopes } from '../oidc/client-scopes.ts'
import { iftttPath } from '../oidc/ifttt-resource.ts'
import type { PdsResource } from '../oidc/pds-resource.ts'
import { addTo } from '../oidc/policy.ts'
import { endsByItself, profileOf } from '../oidc/profiles.ts'
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
    const resources = await resourcesOf(desk)
    const wanted = await wishes(desk, resources)
    const cards = (of: Resource) => scopeCards(of, wanted.resources[of.identifier] ?? [])
    // What lies behind this very server stands with what is about the person: its address would tell them nothing.
    const { own = [], others = [] } = Object.groupBy(resources, ({ identifier }) =>
      identifier === `${desk.provider.issuer}${iftttPath}` ? 'own' : 'others',
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
        resources: others.map((it) => ({ identifier: it.identifier, name: it.name, scopes: cards(it) })),
        pds:
          atPds.length === 0
            ? undefined
            : {
                account: pdsAccount?.handle ?? pdsAccount?.did,
                scopes: atPds,
              },
        offline:
          wanted.scopes.includes('offline_access') ||
          !wanted.scopes.includes('openid') ||
          profile?.sessionBound === false,
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
    const given = await wishes(desk, await resourcesOf(desk))
    const { provider } = desk
    const existing = desk.grantId === undefined ? undefined : await provider.Grant.find(desk.grantId)
    const owner = { accountId, clientId: desk.client.id, sessionUid: desk.sessionUid ?? desk.uid }
    const grant = existing?.accountId === accountId ? existing : await sessionGrant(provider, owner)
    addTo(grant, given)
    await options.remember(accountId, desk.client.id, given)
    await options.audit({ event: 'consent.granted', ...event, detail: { scope: String(desk.params['scope'] ?? '') } })
    await desk.finish({ consent: { grantId: (await saved(provider, grant)).jti } })
  }

  async function resourcesOf(desk: Desk): Promise<Resource[]> {
    const found = await Promise.all(named(desk).map(options.findResource))
    return found.filter((resource) => resource !== undefined)
  }

  /** Everything that the request asks for and the client may have; what is shown is what is given. */
  async function wishes(desk: Desk, resources: readonly Resource[]): Promise<Consent> {
    const asked = String(desk.params['scope'] ?? '').split(' ')
    const missingClaims = desk.prompt.details['missingOIDCClaims']
    return {
      scopes: openidScopes.filter((scope) => asked.includes(scope)),
      claims: Array.isArray(missingClaims) ? missingClaims.map(String) : [],
      resources: Object.fromEntries([
        ...resources.map(({ identifier, scopes }) => [
          identifier,
          scopes.filter((scope) => asked.includes(scope) && desk.resourceScopes.includes(scope)),
        ]),
        ...(named(desk).includes(options.pds.identifier)
          ? [[options.pds.identifier, await options.pds.allowed(asked, desk.registration)]]
          : []),
      ]),
    }
  }

  return { show, decide }
}

function named(desk: Desk): readonly string[] {
  return [desk.params['resource'] ?? []].flat().map(String)
}
