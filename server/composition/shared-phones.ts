/** Phone numbers for which Telegram vouches as people sign in there: they need not be shared with the bot any more. */
import { phoneReader } from '../../adapters/telegram/phone-number.ts'
import { telegramIdentity } from '../telegram/identity.ts'
import type { Foundation } from './foundation.ts'
import type { SharePhone } from './other-issuers.ts'
import type { Stores } from './stores.ts'

/** Undefined where they are not asked for. */
export function sharingPhones(
  { config }: Foundation,
  { telegramPhones, identities, audit }: Stores,
): SharePhone | undefined {
  if (config.telegram?.oidcPhone !== true) return undefined
  const read = phoneReader(config.telegram.phoneCountries)
  return async (digits, { id, firstName = '', lastName, username }) => {
    const phone = await read(`+${digits}`)
    // Of countries that get no codes nothing is kept.
    if (phone === undefined) return
    await telegramPhones.share(phone.number, {
      id,
      firstName,
      ...(lastName === undefined ? {} : { lastName }),
      ...(username === undefined ? {} : { username }),
    })
    await audit.record({ event: 'phone.shared', accountId: await identities.ownerOf(telegramIdentity, id) })
  }
}
