/** Signing in by a picture: what the bot asks in its chats, and what apps call that show pictures of their own. */
import type { Middleware } from 'koa'
import { callingClient } from '../oidc/calling-client.ts'
import { telegramQrRoutes } from '../routes/telegram-qr.ts'
import type { TelegramFeature } from '../telegram/features.ts'
import { reportedAddresses } from '../telegram/reported-addresses.ts'
import { telegramSignIn } from '../telegram/sign-in.ts'
import { signInLink } from '../telegram/sign-in-link.ts'
import type { Parts } from './parts.ts'
import type { Telegram } from './telegram.ts'

/** How often an app may ask about a sign-in, in seconds: every two, and the clocks of two nodes differ. */
const polling = { interval: 2, step: 2, longest: 10, leeway: 1, remember: 10 * 60 }

export function signInFeature({ foundation, stores }: Parts, { messenger, questions }: Telegram): TelegramFeature {
  return telegramSignIn({
    signIns: stores.telegramSignIns,
    questions,
    messenger,
    reported: reportedAddresses(stores.limits),
    ownerOf: stores.identities.ownerOf,
    audit: stores.audit.record,
    productName: foundation.config.productName,
  })
}

/** Nothing where there is no bot. */
export function telegramApi({ oauth, stores, telegram }: Parts): readonly Middleware[] {
  if (telegram === undefined) return []
  return [
    telegramQrRoutes({
      signIns: stores.telegramSignIns,
      callers: callingClient({ provider: oauth.provider, guesses: oauth.clientGuesses }),
      reported: reportedAddresses(stores.limits),
      link: (token) => signInLink(telegram.username(), token),
      poll: (token) => stores.deviceCodes.poll(`telegram-qr:${token}`, polling),
    }),
  ]
}
