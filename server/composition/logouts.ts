/** Telling apps that people signed out: who writes it down, who sends it. */
import type { Provider } from 'oidc-provider'
import { reached } from '../../adapters/postgres/oidc-models.ts'
import { describe } from '../describe-error.ts'
import { type SignOuts, tell } from '../oidc/backchannel-logout.ts'
import { type LogoutDelivery, logoutDelivery } from '../oidc/logout-delivery.ts'
import { repeated } from '../repeated.ts'
import type { Foundation } from './foundation.ts'
import type { Stores } from './stores.ts'

export interface Logouts {
  readonly delivery: LogoutDelivery
  readonly signOuts: SignOuts
}

/** Milliseconds after which a node looks for what others wrote down, or could not send. */
const interval = 2_000

export function logouts(
  { log, now }: Pick<Foundation, 'log' | 'now'>,
  { logoutNotices, sessions, audit }: Stores,
  provider: () => Provider,
): Logouts {
  const delivery = logoutDelivery({
    notices: logoutNotices,
    tell: (notice) => tell(provider(), notice),
    onGivenUp({ clientId, accountId, tries }, why) {
      log.warn({ clientId, tries, why }, 'an app was not told of a sign-out')
      const event = { event: 'logout.undelivered', clientId, accountId, detail: { tries, why } } as const
      void audit.record(event).catch(() => undefined)
    },
    onFailed: ({ clientId, tries }, why) =>
      log[tries === 1 ? 'warn' : 'info']({ clientId, tries, why }, 'an app cannot be told of a sign-out yet'),
    onError: (error) => log.warn({ error: describe(error) }, 'telling apps of sign-outs failed'),
    now,
  })
  return {
    delivery,
    signOuts: {
      endSession: (uid) => reached(() => sessions.revoke(uid)),
      addNotice: (notice) => reached(() => logoutNotices.add(notice)),
      onNotice: delivery.wake,
    },
  }
}

/** Sends what is to be sent while the server runs; answers what ends that. */
export function tellingOfLogouts({ wake, stop }: LogoutDelivery): () => void {
  const end = repeated(
    interval,
    async () => wake(),
    () => undefined,
  )
  return () => {
    end()
    stop()
  }
}
