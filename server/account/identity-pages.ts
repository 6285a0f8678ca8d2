/**
 * Adding and removing ways to sign in.
 *
 * What is added is proven in a sign-in of the account pages' own (`server/interactions/link.ts`); here it only begins. What is
 * removed ends what hangs on it: a password with its second factor, a link to a PDS, sessions in other browsers. Access of
 * apps belongs to the account and not to a way in: it ends where the person says so.
 */
import type { AccountIdentity } from '../../adapters/postgres/accounts.ts'
import type { AccountProps } from '../../views/account.ts'
import { identityRemovalPage } from '../../views/identity-removal.ts'
import { pdsProvider } from '../atproto/identity.ts'
import { readForm } from '../forms.ts'
import { linkParam } from '../oidc/link-prompt.ts'
import { PageRefusal } from '../page-refusal.ts'
import { sendPage } from '../pages.ts'
import { connectedApps } from './connected-apps.ts'
import { type AccountOptions, type Desk, routes } from './desk.ts'
import { signInUrl } from './visit.ts'

/** Where the browser comes back to with a new identity. */
export const afterAdding = '/account?done=identity-added'

export const identityPages = {
  /** Goes on to the sign-in in which the identity is proven, for a provider that there is. */
  async add(desk: Desk): Promise<void> {
    const { issuer, providerLabels } = desk.options
    const provider = (await readForm(desk.ctx)).get('provider') ?? ''
    if (!providerLabels.has(provider)) throw new PageRefusal('not-found', 'unknown-provider')
    desk.seeOther(`${signInUrl(issuer, afterAdding)}&${new URLSearchParams({ [linkParam]: provider })}`)
  },

  async remove(desk: Desk): Promise<void> {
    const { options, visit } = desk
    const form = await readForm(desk.ctx)
    const [provider, subject] = [form.get('provider') ?? '', form.get('subject') ?? '']
    const accountId = visit.account.id
    const decision = form.get('decision')
    const apps = await connectedApps(accountId, options)
    if (decision === null && apps.length > 0 && (await askFirst(desk, { provider, subject }, apps))) return
    const offered = [...options.identityLabels.keys()]
    const outcome = await options.identities.remove(accountId, { provider, subject, offered })
    if (outcome === 'unknown') throw new PageRefusal('not-found', 'no-such-identity')
    if (outcome === 'last') throw new PageRefusal('forbidden', 'last-identity')
    await desk.record('identity.removed', { provider })
    // Whoever came in that way is to be out, too.
    await options.sessions.revokeByAccount(accountId, visit.sessionUid)
    if (provider === pdsProvider && (await options.pds.linkState(subject)) !== undefined) {
      await options.pds.end(subject, 'person')
    }
    if (decision !== 'remove-with-apps') return desk.done('identity-removed')
    await endAccess(desk, apps)
    desk.done('identity-and-apps-removed')
  },
}

type Apps = Awaited<ReturnType<typeof connectedApps>>

/** Shows what keeps access; false where there is nothing to ask, because it cannot be removed anyway. */
async function askFirst(
  { ctx, on, visit, options }: Desk,
  wanted: { provider: string; subject: string },
  apps: Apps,
): Promise<boolean> {
  const { identities } = identitySection(await options.accounts.identitiesOf(visit.account.id), options)
  const card = identities.find(({ provider, subject }) => provider === wanted.provider && subject === wanted.subject)
  if (card === undefined || !card.removable) return false
  const { label, providerLabel } = card
  sendPage(
    ctx,
    identityRemovalPage(on, { ...wanted, label, providerLabel, apps, action: routes.removeIdentity, back: '/account' }),
  )
  return true
}

async function endAccess({ visit, options, record }: Desk, apps: Apps): Promise<void> {
  for (const { clientId } of apps) {
    await options.grants.revoke({ accountId: visit.account.id, clientId })
    await record('grant.revoked', { clientId })
  }
  options.pds.accessEnded()
}

/** What the overview says of the ways to sign in. */
export function identitySection(
  identities: readonly AccountIdentity[],
  { providerLabels, identityLabels }: AccountOptions,
): Pick<AccountProps, 'identities' | 'addable'> {
  const waysIn = identities.filter(({ provider }) => identityLabels.has(provider))
  return {
    identities: identities.map((identity) => ({
      provider: identity.provider,
      subject: identity.subject,
      label: identity.label ?? identity.subject,
      providerLabel: identityLabels.get(identity.provider) ?? identity.provider,
      removable: waysIn.some((other) => other !== identity),
    })),
    addable: [...providerLabels]
      .filter(([id]) => id !== 'password' || !identities.some(({ provider }) => provider === id))
      .map(([provider, label]) => ({ provider, label })),
  }
}
