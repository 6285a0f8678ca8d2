/** How a person is named on a command line: by the id of the account, or by e-mail address where that is clear. */
import type { Account } from '../../adapters/postgres/accounts.ts'
import { Refusal } from '../errors.ts'
import type { Services } from './command.ts'

/** The account that `word` names. Throws `Refusal` when there is none, or more than one. */
export async function accountNamed({ accounts }: Pick<Services, 'accounts'>, word: string): Promise<Account> {
  const byId = await accounts.find(word)
  if (byId !== undefined) return byId
  const found = word.includes('@') ? await accounts.byEmail(word) : []
  const [only] = found
  if (only === undefined) throw new Refusal('not-found', `There is no account "${word}". See: habitat-auth user list`)
  if (found.length > 1) {
    const ids = found.map(({ id }) => id).join(', ')
    throw new Refusal('invalid', `Several accounts have the address "${word}". Name one by its id: ${ids}.`)
  }
  return only
}
