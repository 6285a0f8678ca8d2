/**
 * Apps that ask which account is meant, or for a new one: `prompt=select_account` (OIDC Core §3.1.2.1) and `prompt=create`
 * (Initiating User Registration via OpenID Connect 1.0).
 *
 * Both are questions of the login step, which is where they are answered; as steps of their own they would only be left
 * again. What the person sees is not known here.
 */
import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'

/** Why somebody who is signed in is asked: the app wants them to say which account they mean. */
export const choosesAccount = 'account_choice'
/** Why a person is asked: the app sends somebody who has no account yet. */
export const wantsAccount = 'account_wanted'

/** The values of `prompt` that are taken, in the order of discovery (`prompt_values_supported`). */
export function promptValues(registration: 'open' | 'closed'): readonly string[] {
  return ['none', 'login', 'consent', 'select_account', ...(registration === 'open' ? ['create'] : [])]
}

/** Adds both; `create` only where people may create accounts: elsewhere the app is told that there is no such prompt. */
export function addAccountPrompts(prompts: interactionPolicy.DefaultPolicy, registration: 'open' | 'closed'): void {
  const { Check } = interactionPolicy
  const login = prompts.get('login')?.checks
  login?.add(
    new Check(choosesAccount, 'the person chooses an account', 'account_selection_required', ({ oidc }) => {
      return isAsked('select_account', { oidc }) && oidc.session?.accountId !== undefined
    }),
  )
  requestable(prompts, 'select_account')
  if (registration === 'closed') return
  login?.add(
    new Check(wantsAccount, 'the person creates an account', 'login_required', (ctx) => isAsked('create', ctx)),
  )
  requestable(prompts, 'create')
}

/** Whether the app asks, and nobody has signed in or answered since. */
function isAsked(prompt: string, { oidc }: Pick<KoaContextWithOIDC, 'oidc'>): boolean {
  return oidc.promptPending(prompt) && oidc.result?.login === undefined
}

/** The library takes a value of `prompt` when there is a step of that name; this one never has anything to ask. */
function requestable(prompts: interactionPolicy.DefaultPolicy, name: string): void {
  const prompt = new interactionPolicy.Prompt({ name, requestable: true })
  prompt.checks.clear()
  prompts.add(prompt)
}
