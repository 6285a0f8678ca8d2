/**
 * Log In with Telegram: Telegram as an OpenID Connect issuer, with what is otherwise there than elsewhere.
 *
 * Its `sub` is a number of its own; the user id, by which the bot and Mini Apps know the same person, is the claim `id`,
 * which comes with the scope `profile`. A nonce does not come back, so the code is bound by state and PKCE alone. A long
 * `state` is refused. The parameter `origin` must not be sent: the answer would be no code. The phone number comes with the
 * scope `phone`, as digits, where the person agrees.
 */
import type { IdentityProvider } from './contract.ts'
import { type Claims, type OidcProviderNeeds, oidc } from './oidc.ts'
import { type TelegramCard, telegramName, telegramPerson, telegramUserId } from './telegram-person.ts'

export interface TelegramOidcNeeds extends Omit<OidcProviderNeeds, 'questions' | 'vouches' | 'shared'> {
  /** Told the phone number of somebody, in digits alone, where Telegram vouches for it. It is not asked for when absent. */
  readonly sharePhone?: (phone: string, person: TelegramCard) => Promise<void>
}

/** The provider `telegram-oidc`; it proves `telegram`. */
export function telegramOidc({ sharePhone, ...needs }: TelegramOidcNeeds): IdentityProvider {
  return oidc({
    ...needs,
    questions: {
      id: 'telegram-oidc',
      label: 'Telegram Login',
      scopes: ['openid', 'profile', ...(sharePhone === undefined ? [] : ['phone'])],
      parameters: {},
      nonce: 'off',
      stateLength: 32,
      subjectClaim: 'id',
      claims: { name: 'name', email: 'email', emailVerified: 'email_verified', label: 'preferred_username' },
      hostedDomains: [],
    },
    vouches: () => false,
    shared: {
      proves: telegramName,
      read: (claims) => {
        const card = cardIn(claims)
        return card && telegramPerson(card)
      },
      async proven(claims) {
        const [card, phone] = [cardIn(claims), phoneIn(claims)]
        if (card !== undefined && phone !== undefined) await sharePhone?.(phone, card)
      },
    },
  })
}

function cardIn({ id, name, preferred_username: username }: Claims): TelegramCard | undefined {
  const userId = telegramUserId(id)
  return userId === undefined ? undefined : { id: userId, firstName: textOf(name), username: textOf(username) }
}

/** Some see `phone_number_verified`, which the manual does not have: a number that is said not to be is none. */
function phoneIn({ phone_number: phone, phone_number_verified: verified = true }: Claims): string | undefined {
  return typeof phone === 'string' && /^\d{5,15}$/.test(phone) && verified === true ? phone : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
