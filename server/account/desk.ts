/** What every account page works with, and the addresses of their forms. */
import type { Context } from 'koa'
import type { Provider } from 'oidc-provider'
import type { LinkState } from '../../adapters/atproto/contract.ts'
import type { PasswordSettings } from '../../adapters/identity/password-settings.ts'
import type { Accounts } from '../../adapters/postgres/accounts.ts'
import type { NewAuditEvent } from '../../adapters/postgres/audit.ts'
import type { Clients } from '../../adapters/postgres/clients.ts'
import type { Consents } from '../../adapters/postgres/consents.ts'
import type { Grants } from '../../adapters/postgres/grants.ts'
import type { Identities } from '../../adapters/postgres/identities.ts'
import type { Resource } from '../../adapters/postgres/resources.ts'
import type { Sessions } from '../../adapters/postgres/sessions.ts'
import type { AccountRoutes } from '../../views/account.ts'
import type { Words } from '../../views/words.ts'
import type { PdsAccount } from '../atproto/identity.ts'
import type { Pages } from '../pages.ts'
import type { Visit } from './visit.ts'

export interface AccountOptions {
  issuer: string
  provider: () => Provider
  pages: Pages
  accounts: Accounts
  identities: Pick<Identities, 'remove'>
  clients: Clients
  consents: Pick<Consents, 'byAccount'>
  grants: Grants
  findResource: (identifier: string) => Promise<Resource | undefined>
  sessions: Sessions
  pds: AccountPds
  passwords: PasswordSettings
  /** Counts a try; seconds to wait when there were too many. */
  spendTry: (key: string) => Promise<{ allowed: true } | { allowed: false; retryAfter: number }>
  clearTries: (key: string) => Promise<void>
  /** The ways to prove who one is, by their ids. */
  providerLabels: ReadonlyMap<string, string>
  /** What they prove, by the names under which it is stored. */
  identityLabels: ReadonlyMap<string, string>
  audit: (event: NewAuditEvent) => Promise<void>
  now: () => Date
}

/** What the account pages know of people's PDSs. */
export interface AccountPds {
  account(accountId: string): Promise<PdsAccount | undefined>
  linkState(did: string): Promise<LinkState | undefined>
  end(did: string, cause: string): Promise<void>
  /** To be told when apps lost access: their links may be needed no more. */
  accessEnded(): void
  /** To be told when somebody signed out everywhere. */
  signedOut(accountId: string): void
}

export type Notice = keyof Words['account']['notices']

/** What the account pages know of a request. */
export interface Desk {
  readonly ctx: Context
  readonly visit: Visit
  readonly on: ReturnType<Pages['surroundings']>
  /** Subject of the person's password credential, if there is one. */
  readonly passwordSubject: string | undefined
  readonly options: AccountOptions
  record(event: NewAuditEvent['event'], detail?: NewAuditEvent['detail']): Promise<void>
  /** Back to the overview, saying what was done. */
  done(notice: Notice): void
  /** Sends the browser on (303). */
  seeOther(target: string): void
}

export const routes: AccountRoutes = {
  revokeApp: '/account/apps/revoke',
  revokeSession: '/account/sessions/revoke',
  addIdentity: '/account/identities/add',
  removeIdentity: '/account/identities/remove',
  endPds: '/account/pds/end',
  enrolSecondFactor: '/account/second-factor/enrol',
  removeSecondFactor: '/account/second-factor/remove',
  recoveryCodes: '/account/recovery-codes',
  password: '/account/password',
  signOut: '/account/sign-out',
  signOutEverywhere: '/account/sign-out-everywhere',
}
