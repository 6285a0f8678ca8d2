/**
 * Whether an account is in use at its PDS. A PDS signs people in to an account that they have deactivated, so that they
 * can bring it back; until then it is no way in here.
 */
import type { OAuthSession } from '@atproto/oauth-client-node'

/** Milliseconds that a login waits for the answer. */
const patience = 5_000

/** Asks the PDS, with the tokens of this sign-in. One that does not say is taken to have the account in use. */
export async function isInactive(session: OAuthSession): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(patience)
    const answer = await session.fetchHandler('/xrpc/com.atproto.server.getSession', { signal })
    return answer.ok && ((await answer.json()) as { active?: unknown }).active === false
  } catch {
    return false
  }
}
