/**
 * Who visits the account pages: the person behind the browser session, and how fresh the proof is.
 *
 * The account area is a client of this very server: without a session (or without a recent sign-in, where one is needed)
 * the browser goes through `/authorize` as any app would send it, and comes back signed in. The code is never redeemed.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Context } from 'koa'
import type { Provider } from 'oidc-provider'
import type { Account } from '../../adapters/postgres/accounts.ts'
import { accountClientId } from '../oidc/account-client.ts'
import { sessionLifetime } from '../oidc/policy.ts'

export interface Visit {
  readonly account: Account
  /** Of the browser session (not secret). */
  readonly sessionUid: string
  /** Seconds since the person last proved who they are. */
  readonly age: number
}

/** The person behind the session cookie, or undefined. */
export async function visitOf(
  ctx: Context,
  provider: Provider,
  findAccount: (id: string) => Promise<Account | undefined>,
  now: () => Date,
): Promise<Visit | undefined> {
  const session = await provider.Session.get(ctx as never)
  const account = session.accountId === undefined ? undefined : await findAccount(session.accountId)
  if (account === undefined || account.disabledAt !== undefined) return undefined
  // Whole seconds, as the library counts them: where the two disagree the browser would go round in a circle.
  const age = Math.floor(now().getTime() / 1000) - (session.loginTs ?? 0)
  return age > sessionLifetime ? undefined : { account, sessionUid: session.uid, age }
}

/** Where to send the browser to sign in and come back to `page`; with `freshness` (seconds) only a recent sign-in counts. */
export function signInUrl(issuer: string, page: string, freshness?: number): string {
  const challenge = createHash('sha256').update(randomBytes(32)).digest('base64url')
  const query = new URLSearchParams({
    client_id: accountClientId,
    response_type: 'code',
    scope: 'openid',
    redirect_uri: `${issuer}/account/signed-in`,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: page,
    ...(freshness === undefined ? {} : { max_age: String(freshness) }),
  })
  return `/authorize?${query}`
}
