/**
 * Whether an app names somebody else than who is signed in here.
 *
 * An app that sends `handle` has asked a person who they are: answering it with whoever used this browser before would
 * sign them in to the wrong account without a word.
 */
import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'
import type { AccountIdentity } from '../../adapters/postgres/accounts.ts'
import { personParams, providerOfParam } from './person-params.ts'

/** Why a signed-in person is asked to sign in again: the app names somebody else. */
export const namesOther = 'other_person'

/** A check for the prompt `login`. */
export function otherPerson(findIdentities: (accountId: string) => Promise<readonly AccountIdentity[]>) {
  const check = async ({ oidc }: KoaContextWithOIDC): Promise<boolean> => {
    const accountId = oidc.session?.accountId
    const named = personParams.filter((name) => isText(oidc.params?.[name]))
    if (accountId === undefined || named.length === 0 || oidc.result?.login !== undefined) return false
    const identities = await findIdentities(accountId)
    return named.some((name) => {
      const wanted = String(oidc.params?.[name]).trim().replace(/^@/, '').toLowerCase()
      return !identities.some(
        ({ provider, subject, label }) =>
          provider === providerOfParam[name] && (subject.toLowerCase() === wanted || label?.toLowerCase() === wanted),
      )
    })
  }
  return new interactionPolicy.Check(namesOther, 'the app names somebody else', 'login_required', check)
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
