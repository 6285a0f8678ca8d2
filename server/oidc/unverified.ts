/**
 * Clients that nobody here registered by hand: what people are asked because of it.
 *
 * Anybody may call an app whatever they like, and a program on the person's machine may pose as one that is installed there
 * (RFC 8252 §8.6). So an app without a secret asks for consent each time, and any other when it is not known as it is now.
 */
import { type Client, interactionPolicy } from 'oidc-provider'
import type { Consent } from '../../adapters/postgres/consents.ts'

/** Whether nobody here vouches for a client; `metadata` as the library has it, or the client itself. */
export function isUnverified(client: Client | Readonly<Record<string, unknown>> | undefined): boolean {
  const origin = (client as Readonly<Record<string, unknown>> | undefined)?.['origin']
  return origin === 'self' || origin === 'document'
}

/** Asks for consent, whatever a grant of this browser says. */
export function unverifiedConsent(
  findConsent: (accountId: string, clientId: string) => Promise<Consent | undefined>,
): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'unverified_client',
    'nobody vouches for this client, so the person is asked',
    'consent_required',
    async ({ oidc: { client, session, result } }) => {
      if (client === undefined || !isUnverified(client) || result?.consent !== undefined) return false
      const accountId = session?.accountId
      if (accountId === undefined || client.clientAuthMethod === 'none') return true
      return (await findConsent(accountId, client.clientId)) === undefined
    },
  )
}
