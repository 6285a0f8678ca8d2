/**
 * When somebody who is signed in has to add a way to sign in: an app demands a kind of identity, or they asked for it on
 * their account page.
 *
 * The step stands between login and consent, and asks for a sign-in of the last five minutes (ASVS 5 §7.5.1): whoever adds
 * a way in at an open screen has the account for good. What is added, and how, is not known here.
 */
import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import type { AccountIdentity } from '../../adapters/postgres/accounts.ts'
import { accountClientId } from './account-client.ts'

/** The parameter by which the account page names a provider; other clients do not have it. */
export const linkParam = 'link_identity'

/** Seconds for which a sign-in counts as fresh. */
export const freshness = 5 * 60

type OIDCContext = KoaContextWithOIDC['oidc']

export interface LinkPolicy {
  readonly now: () => Date
  readonly findIdentities: (accountId: string) => Promise<readonly AccountIdentity[]>
}

/** Adds the step, and to the login step the check that the proof is fresh. */
export function addLinkStep(prompts: interactionPolicy.DefaultPolicy, { now, findIdentities }: LinkPolicy): void {
  const { Check, Prompt } = interactionPolicy
  const missing = ({ oidc }: KoaContextWithOIDC) => missingIdentity(oidc, findIdentities)
  prompts.get('login')?.checks.add(
    new Check('link_not_fresh', 'adding an identity takes a fresh sign-in', 'login_required', async (ctx) => {
      const { session, result } = ctx.oidc
      if (session?.accountId === undefined || result?.login !== undefined) return false
      const age = Math.floor(now().getTime() / 1000) - (session.loginTs ?? 0)
      return age > freshness && (await missing(ctx)) !== undefined
    }),
  )
  prompts.add(
    new Prompt(
      { name: 'link', requestable: false },
      async (ctx: KoaContextWithOIDC) => ({ linkProvider: await missing(ctx), linkNeeded: !isOwn(ctx.oidc) }),
      new Check('identity_missing', 'an identity has to be added', 'interaction_required', async (ctx) => {
        return (await missing(ctx)) !== undefined
      }),
    ),
    1,
  )
}

/** The provider of which the account that is signed in has to get an identity. */
async function missingIdentity(
  oidc: OIDCContext,
  findIdentities: LinkPolicy['findIdentities'],
): Promise<string | undefined> {
  const accountId = oidc.session?.accountId
  const wanted = accountId === undefined ? undefined : wantedIdentity(oidc)
  if (accountId === undefined || wanted === undefined) return undefined
  // Of the account page's wish one more is meant, but nobody has two passwords.
  if (isOwn(oidc) && wanted !== 'password') return wanted
  return (await findIdentities(accountId)).some(({ provider }) => provider === wanted) ? undefined : wanted
}

function wantedIdentity(oidc: OIDCContext): string | undefined {
  if (!isOwn(oidc)) return text(oidc.client?.['required_identity'])
  return oidc.result?.['link'] === undefined ? text(oidc.params?.[linkParam]) : undefined
}

function isOwn({ client }: OIDCContext): boolean {
  return client?.clientId === accountClientId
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
