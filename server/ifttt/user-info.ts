/**
 * Who IFTTT is told a person is: a name to show, an id for ever, and where to see to the connection.
 *
 * The id is ours and means nothing elsewhere; addresses by which somebody could be reached or found are not told.
 */
import type { Accounts } from '../../adapters/postgres/accounts.ts'
import { pdsAccountOf } from '../atproto/identity.ts'

export interface UserInfo {
  readonly name: string
  readonly id: string
  readonly url: string
}

export interface UserInfoOptions {
  issuer: string
  productName: string
  accounts: Pick<Accounts, 'find' | 'identitiesOf'>
}

/** A lookup by account id; undefined when there is no such account any more. */
export function userInfo({ issuer, productName, accounts }: UserInfoOptions) {
  return async (accountId: string): Promise<UserInfo | undefined> => {
    const account = await accounts.find(accountId)
    if (account === undefined) return undefined
    const name = shown(account.name) ?? (await handleOf(accountId)) ?? `${productName} account`
    return { name, id: account.id, url: `${issuer}/account` }
  }

  async function handleOf(accountId: string): Promise<string | undefined> {
    return pdsAccountOf(await accounts.identitiesOf(accountId))?.handle
  }
}

/** A name that can be shown; people who are asked for a name also type e-mail addresses. */
function shown(name: string | undefined): string | undefined {
  return name === undefined || name.trim() === '' || /[^\s@]@[^\s@]/.test(name) ? undefined : name
}
