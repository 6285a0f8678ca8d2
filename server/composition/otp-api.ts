/** The API by which apps of the house sign people in to their shops; nothing where there is no bot. */
import type { Middleware } from 'koa'
import { telegramPerson } from '../../adapters/identity/telegram-person.ts'
import { cached } from '../cached.ts'
import { shopMinting } from '../oidc/shop-minting.ts'
import { otpApi } from '../routes/otp-api.ts'
import { opening } from '../shops/opening.ts'
import type { Parts } from './parts.ts'

export function otpRoutes({ foundation, stores, oauth, phoneSignIn }: Parts): readonly Middleware[] {
  if (phoneSignIn === undefined) return []
  const { config, now } = foundation
  const { accounts, audit, clients, grants, shops } = stores
  const { codes, keyOf, chat } = phoneSignIn
  const { registration, production, issuer } = config
  const minting = shopMinting(oauth.provider, oauth.shops, now)
  const apps = cached(
    async () =>
      (await clients.list()).filter(({ profile, disabledAt }) => profile === 'otp' && disabledAt === undefined),
    { lifetime: 1_000, size: 1, now },
  )
  return [
    otpApi({
      codes,
      clients: () => apps(''),
      requestOf: (clientId, phone) => keyOf(`${clientId} ${phone}`, 'otp-api'),
      open: opening({ identify: telegramPerson, accounts, shops, minting, registration, audit: audit.record }),
      bearer: oauth.shops.bearer,
      findShop: shops.find,
      revoke: (id) => grants.revoke({ id }),
      chat,
      // Plain http is for a developer's own machine alone: a public server that was not told to be production shows none.
      showCodes: !production && issuer.startsWith('http:'),
      audit: audit.record,
    }),
  ]
}
