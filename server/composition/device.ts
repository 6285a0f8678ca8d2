/** The pages where people connect a device, with what they may look up. */
import type { Middleware } from 'koa'
import { visitOf } from '../account/visit.ts'
import { deviceRoutes } from '../device/routes.ts'
import { userCodeGuesses } from '../device/user-code-guesses.ts'
import type { Parts } from './parts.ts'

export function device({ foundation, stores, pds, oauth, pages }: Parts): Middleware {
  const { now, log } = foundation
  const { accounts, audit, limits } = stores
  return deviceRoutes({
    provider: oauth.provider,
    pages,
    guesses: userCodeGuesses({
      limits,
      onHeldOff({ accountId, address }, limit, seconds) {
        log.warn({ accountId, address, limit, seconds }, 'wrong user codes are entered again and again')
        const event = { event: 'device.guessing-slowed', accountId, address, detail: { limit, seconds } } as const
        void audit.record(event).catch(() => undefined)
      },
      now,
    }),
    visitor: async (ctx) => (await visitOf(ctx, oauth.provider(), accounts.find, now))?.account,
    findResource: oauth.findResource,
    pds: pds.resource,
    audit: audit.record,
  })
}
