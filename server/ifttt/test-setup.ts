/**
 * What IFTTT's endpoint tests work with: a token of an account that is nobody's.
 *
 * No identity provider has the id of its identity, so nobody can ever sign in to it; its tokens open what IFTTT may, for
 * an hour.
 */
import type { Account, Accounts } from '../../adapters/postgres/accounts.ts'
import type { Audit } from '../../adapters/postgres/audit.ts'
import type { Clients } from '../../adapters/postgres/clients.ts'
import type { IftttMinting } from '../oidc/ifttt-minting.ts'

export type TestSetup =
  | { readonly kind: 'ready'; readonly accessToken: string }
  | {
      readonly kind: 'unavailable'
      /** What the people who run the server can do about it. */
      readonly message: string
    }

export interface TestSetupOptions {
  accounts: Pick<Accounts, 'byIdentity' | 'create'>
  clients: Pick<Clients, 'list'>
  minting: Pick<IftttMinting, 'testToken'>
  audit: Audit['record']
}

const identity = { provider: 'ifttt-test', subject: 'demo', label: 'IFTTT test' }

/** Makes what a test needs, for whoever calls from `address`. */
export function testSetup({ accounts, clients, minting, audit }: TestSetupOptions) {
  async function demoAccount(): Promise<Account> {
    const known = await accounts.byIdentity(identity.provider, identity.subject)
    // Of several that come here at once, all are answered the one account that was made.
    return known ?? accounts.create({ name: 'IFTTT test account', identity })
  }

  return async (address: string): Promise<TestSetup> => {
    const client = (await clients.list()).find(
      ({ profile, disabledAt }) => profile === 'ifttt' && disabledAt === undefined,
    )
    if (client === undefined) {
      return unavailable('No IFTTT client is registered here: run habitat-auth client add --profile ifttt.')
    }
    const account = await demoAccount()
    if (account.disabledAt !== undefined) {
      return unavailable(`The test account is disabled: run habitat-auth user enable ${account.id}.`)
    }
    const accessToken = await minting.testToken({ accountId: account.id, clientId: client.id })
    await audit({ event: 'ifttt.test-set-up', accountId: account.id, clientId: client.id, address })
    return { kind: 'ready', accessToken }
  }
}

function unavailable(message: string): TestSetup {
  return { kind: 'unavailable', message }
}
