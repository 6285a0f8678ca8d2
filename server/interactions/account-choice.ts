/**
 * Which account is meant, where the app asks somebody who is signed in: the one of this browser, or another one.
 *
 * Comes before any attempt at signing in, and only says which way to go.
 */
import type { Account } from '../../adapters/postgres/accounts.ts'
import { accountChoicePage } from '../../views/account-choice.ts'
import { choosesAccount } from '../oidc/account-prompts.ts'
import type { Desk } from './desk.ts'

export type AccountChoice = ReturnType<typeof accountChoice>

export function accountChoice(findAccount: (id: string) => Promise<Account | undefined>) {
  return {
    /** Whether this is all that the app asks: who has to sign in again anyway has said by that who they are. */
    isAsked({ prompt }: Desk): boolean {
      return prompt.reasons.every((reason) => reason === choosesAccount)
    },

    async show(desk: Desk): Promise<void> {
      const account = desk.accountId === undefined ? undefined : await findAccount(desk.accountId)
      desk.show(
        accountChoicePage(desk.on, {
          same: desk.path('account/same'),
          other: desk.path('account/other'),
          cancel: desk.path('cancel'),
          client: desk.client,
          account: account?.email ?? account?.name,
        }),
      )
    },

    /** It is the account that is signed in. */
    same: (desk: Desk): Promise<void> => desk.finish({ select_account: {} }),
  }
}
