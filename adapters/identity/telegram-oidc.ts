/**
 * Log In with Telegram: Telegram as an OpenID Connect issuer, with what is otherwise there than elsewhere.
 *
 * Its `sub` is a number of its own; the user id, by which the bot and Mini Apps know the same person, is the claim `id`,
 * which comes with the scope `profile`. A nonce does not come back, so the code is bound by state and PKCE alone. A long
 * `state` is refused. The parameter `origin` must not be sent: the answer would be no code. The phone number is not asked
 * for: nothing here needs it.
 */
import type { Identity, IdentityProvider } from './contract.ts'
import { type Claims, type OidcProviderNeeds, oidc } from './oidc.ts'
import { telegramName, telegramPerson, telegramUserId } from './telegram-person.ts'

export type TelegramOidcNeeds = Omit<OidcProviderNeeds, 'questions' | 'vouches' | 'shared'>

/** The provider `telegram-oidc`; it proves `telegram`. */
export function telegramOidc(needs: TelegramOidcNeeds): IdentityProvider {
  return oidc({
    ...needs,
    questions: {
      id: 'telegram-oidc',
      label: 'Telegram Login',
      scopes: ['openid', 'profile'],
      parameters: {},
      nonce: 'off',
      stateLength: 32,
      subjectClaim: 'id',
      claims: { name: 'name', email: 'email', emailVerified: 'email_verified', label: 'preferred_username' },
      hostedDomains: [],
    },
    vouches: () => false,
    shared: { proves: telegramName, read },
  })
}

function read({ id, name, preferred_username: username }: Claims): Identity | undefined {
  const userId = telegramUserId(id)
  if (userId === undefined) return undefined
  return telegramPerson({ id: userId, firstName: textOf(name), username: textOf(username) })
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
