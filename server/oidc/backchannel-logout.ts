/**
 * Telling apps that somebody signed out (OpenID Connect Back-Channel Logout 1.0), as far as the library has a part in it.
 *
 * It tells apps while a person waits for the sign-out, once, and only where that is the end of the session. Here whom to
 * tell is written down with every end of a session (`adapters/postgres/logout-notices.ts`) and sent afterwards
 * (`logout-delivery.ts`); the library's own sending, which signs and asks through the guarded fetch, is what sends.
 */
import { Provider } from 'oidc-provider'
import type { LogoutNotice } from '../../adapters/postgres/logout-notices.ts'

export interface SignOuts {
  /** Ends every copy of a browser session, and writes down whom to tell. */
  endSession(uid: string): Promise<unknown>
  /** Writes down that one app alone is to be told: the person stays signed in at the others. */
  addNotice(notice: Pick<LogoutNotice, 'sid' | 'clientId' | 'accountId'>): Promise<void>
  /** Told that there is something to send. */
  onNotice(): void
}

/** How an app took it. `rejected`: it will not take this one later, either (§2.8). */
export type Told = { readonly kind: 'told' | 'rejected' | 'nobody' } | { readonly kind: 'failed'; readonly why: string }

interface LogoutClient {
  readonly clientId: string
  readonly backchannelLogoutUri?: string
  backchannelLogout(sub: string, sid: string): Promise<void>
  /** The library's own sending, kept under a name of ours. */
  sendLogout(sub: string, sid: string): Promise<void>
}

/** Makes the library write down whom to tell, where it would have sent. */
export function backchannelLogoutRules(provider: Provider, { endSession, addNotice, onNotice }: SignOuts): void {
  const client = provider.Client.prototype as unknown as LogoutClient
  client.sendLogout = client.backchannelLogout
  client.backchannelLogout = async function (accountId, sid) {
    const { session, params } = Provider.ctx?.oidc ?? {}
    // The whole session ends; what the library does to it afterwards finds nothing left.
    if (session !== undefined && params?.['logout']) await endSession(session.uid)
    else await addNotice({ sid, clientId: this.clientId, accountId })
    onNotice()
  }
}

/** Tells an app; the token is made, with times of its own, at this moment (§2.4). */
export async function tell(provider: Provider, { clientId, accountId, sid }: LogoutNotice): Promise<Told> {
  try {
    const client = (await provider.Client.find(clientId)) as unknown as LogoutClient | undefined
    if (client?.backchannelLogoutUri === undefined) return { kind: 'nobody' }
    await client.sendLogout(accountId, sid)
    return { kind: 'told' }
  } catch (error) {
    const status = (error as { response?: Response }).response?.status
    if (status === 400) return { kind: 'rejected' }
    return { kind: 'failed', why: status === undefined ? (error as Error).message : `it answered ${status}` }
  }
}
