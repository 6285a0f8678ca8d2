/**
 * Which steps an authorization request needs before it is answered: login, then an identity that is missing, then
 * consent, then the person's PDS.
 *
 * The library asks these questions again after every step, so no step has to know which one follows. What was agreed to
 * is kept by account and client; the grant that carries it out belongs to one browser session and is a token family.
 */
import { interactionPolicy, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { Consent } from '../../adapters/postgres/consents.ts'
import type { PdsAccess } from '../atproto/access.ts'
import { pdsProvider } from '../atproto/identity.ts'
import { pdsScope } from '../atproto/scopes.ts'
import { addAccountPrompts } from './account-prompts.ts'
import { demandAcr } from './acr-check.ts'
import { freshSignIn } from './device-interaction.ts'
import { addLinkStep } from './link-prompt.ts'
import { impliedConsent } from './offline-access.ts'
import { otherPerson } from './other-person.ts'
import type { PdsResource } from './pds-resource.ts'
import { type Grant, saved, sessionGrant } from './session-grant.ts'
import { unverifiedConsent } from './unverified.ts'

/** Seconds after which a person signs in again however busy the session is (ASVS 5 §7.3.2). */
export const sessionLifetime = 30 * 24 * 60 * 60

type OIDCContext = KoaContextWithOIDC['oidc']

/** Why a signed-in person is asked to sign in again: the app wants something at a PDS, and the account has none. */
export const noPdsAccount = 'pds_account_missing'

/** What the policy has to know of PDSs. */
export interface PdsPolicy {
  readonly resource: PdsResource
  readonly access: Pick<PdsAccess, 'account' | 'isLinked'>
}

/** The prompts of the library with our own checks; `registration`: whether people may create accounts. */
export function policy(
  now: () => Date,
  findIdentities: Parameters<typeof otherPerson>[0],
  pds: PdsPolicy,
  findConsent: Parameters<typeof unverifiedConsent>[0],
  registration: 'open' | 'closed',
): interactionPolicy.DefaultPolicy {
  const prompts = interactionPolicy.base()
  const { Check, Prompt } = interactionPolicy
  const login = prompts.get('login')?.checks
  login?.add(
    new Check('account_gone', 'the account was disabled or removed', 'login_required', ({ oidc }) => {
      return oidc.session?.accountId !== undefined && oidc.account === undefined
    }),
  )
  login?.add(
    new Check('session_too_old', 'the session has reached its end', 'login_required', ({ oidc }) => {
      const since = oidc.session?.loginTs
      return since !== undefined && now().getTime() / 1000 - since > sessionLifetime && oidc.result?.login === undefined
    }),
  )
  login?.add(
    new Check('fresh_sign_in', 'the person wants to sign in anew', 'login_required', ({ oidc }) => {
      return oidc.deviceCode !== undefined && oidc.params?.[freshSignIn] === 'yes' && oidc.result?.login === undefined
    }),
  )
  login?.add(otherPerson(findIdentities))
  demandAcr(prompts)
  login?.add(
    new Check(noPdsAccount, 'the account has no PDS', 'login_required', async ({ oidc }) => {
      const accountId = oidc.session?.accountId
      if (accountId === undefined || wantedAtPds(oidc, pds.resource).length === 0) return false
      // Then one is added to this account, rather than another account asked for.
      if (oidc.client?.['required_identity'] === pdsProvider) return false
      return (await pds.access.account(accountId)) === undefined
    }),
  )
  addAccountPrompts(prompts, registration)
  addLinkStep(prompts, { now, findIdentities })
  const consent = prompts.get('consent')?.checks
  // RFC 8252 §8.6: another program may pose as an installed app, so the person is asked each time. The registration
  // says of first-party apps that they are not; the account pages on a developer's machine are one.
  consent?.remove('native_client_prompt')
  consent?.add(
    new Check('native_client_prompt', 'apps that are installed ask each time', 'interaction_required', ({ oidc }) => {
      const installed = oidc.client?.applicationType === 'native' && oidc.client['first_party'] !== true
      return installed && oidc.result?.consent === undefined
    }),
  )
  consent?.add(unverifiedConsent(findConsent))
  consent?.remove('consent_prompt')
  consent?.add(
    new Check('consent_prompt', 'the client asks for consent again', 'consent_required', ({ oidc }) => {
      const skipped = oidc.client?.['first_party'] === true || oidc.params?.[impliedConsent] === 'yes'
      return oidc.promptPending('consent') && !skipped
    }),
  )
  prompts.add(
    new Prompt(
      { name: 'pds', requestable: false },
      ({ oidc }: KoaContextWithOIDC) => ({ pdsScopes: grantedAtPds(oidc, pds.resource) }),
      new Check('pds_link_missing', 'the PDS has not confirmed', 'interaction_required', async ({ oidc }) => {
        const granted = grantedAtPds(oidc, pds.resource)
        const accountId = oidc.session?.accountId
        return granted.length > 0 && accountId !== undefined && !(await pds.access.isLinked(accountId, granted))
      }),
    ),
  )
  return prompts
}

/** The scopes of a PDS that a request asks for and may have. */
function wantedAtPds({ requestParamScopes, resourceServers }: OIDCContext, resource: PdsResource): readonly string[] {
  const available = resourceServers?.[resource.identifier]?.scopes
  return [...requestParamScopes].filter((scope) => available?.has(scope) && pdsScope(scope) !== undefined)
}

/** Those of them that the person has allowed. */
function grantedAtPds(oidc: OIDCContext, resource: PdsResource): readonly string[] {
  const granted = oidc.entities.Grant?.getResourceScope(resource.identifier).split(' ') ?? []
  return wantedAtPds(oidc, resource).filter((scope) => granted.includes(scope))
}

/** Finds the grant that answers an authorization request, or makes it from what was agreed to before. */
export function existingGrant(
  findConsent: (accountId: string, clientId: string) => Promise<Consent | undefined>,
  pds: PdsResource,
) {
  return async (ctx: KoaContextWithOIDC): Promise<Grant | undefined> => {
    const { client, session, provider } = ctx.oidc
    const accountId = session?.accountId
    if (client === undefined || session === undefined || accountId === undefined) return undefined
    const device = ctx.oidc.deviceCode?.jti
    // The one that the session knows is that of another device.
    const known = device === undefined ? session.grantIdFor(client.clientId) : undefined
    const id = ctx.oidc.result?.consent?.grantId ?? known
    const found = id === undefined ? undefined : await provider.Grant.find(id)
    const grant = found?.accountId === accountId ? found : undefined
    const wanted = requested(ctx)
    // RFC 9700 has no objection to skipping consent where app and server are one; the registration says so.
    const agreed =
      client['first_party'] === true ? wanted : common(wanted, await findConsent(accountId, client.clientId), pds)
    if (grant === undefined && isEmpty(agreed)) return undefined
    const owner = { accountId, clientId: client.clientId, sessionUid: session.uid, device }
    return widened(provider, grant ?? (await sessionGrant(provider, owner)), agreed)
  }
}

/** What was asked for and agreed to before, in whichever browser. */
function common(wanted: Consent, agreed: Consent | undefined, pds: PdsResource): Consent {
  const both = (left: readonly string[], right: readonly string[] = []) => left.filter((one) => right.includes(one))
  const resources = Object.entries(wanted.resources).map(([identifier, scopes]) => [
    identifier,
    identifier === pds.identifier ? pds.agreed(scopes, agreed) : both(scopes, agreed?.resources[identifier]),
  ])
  return {
    scopes: both(wanted.scopes, agreed?.scopes),
    claims: both(wanted.claims, agreed?.claims),
    resources: Object.fromEntries(resources),
  }
}

/** Whether all of this was agreed to before. */
export function isAgreed(wanted: Consent, agreed: Consent | undefined, pds: PdsResource): boolean {
  const both = common(wanted, agreed, pds)
  const count = ({ scopes, claims, resources }: Consent) =>
    [scopes, claims, ...Object.values(resources)].reduce((sum, one) => sum + one.length, 0)
  return count(both) === count(wanted)
}

function isEmpty({ scopes, claims, resources }: Consent): boolean {
  return scopes.length === 0 && claims.length === 0 && Object.values(resources).every((granted) => granted.length === 0)
}

/** Everything this request asks for. */
function requested({ oidc }: KoaContextWithOIDC): Consent {
  const resources = Object.entries(oidc.resourceServers ?? {}).map(([identifier, server]) => [
    identifier,
    [...oidc.requestParamScopes].filter((scope) => server.scopes.has(scope)),
  ])
  return {
    scopes: [...oidc.requestParamOIDCScopes],
    claims: [...oidc.requestParamClaims],
    resources: Object.fromEntries(resources),
  }
}

/** The grant with `given` added, saved when that changed it. */
async function widened(provider: Provider, grant: Grant, given: Consent): Promise<Grant> {
  const before = JSON.stringify([grant.openid, grant.resources])
  addTo(grant, given)
  const isNew = grant.iat === undefined
  return isNew || JSON.stringify([grant.openid, grant.resources]) !== before ? saved(provider, grant) : grant
}

/** Adds scopes and claims to a grant (not saved). */
export function addTo(grant: Grant, { scopes, claims, resources }: Consent): void {
  if (scopes.length > 0) grant.addOIDCScope(scopes.join(' '))
  if (claims.length > 0) grant.addOIDCClaims([...claims])
  for (const [resource, granted] of Object.entries(resources)) {
    if (granted.length > 0) grant.addResourceScope(resource, granted.join(' '))
  }
}
