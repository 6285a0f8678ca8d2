/** What the server does without being asked, and how it says farewell to what it began. */
import { setTimeout } from 'node:timers/promises'
import { removeExpired } from '../../adapters/postgres/cleanup.ts'
import { describe } from '../describe-error.ts'
import { repeated } from '../repeated.ts'
import { approvals } from './approvals.ts'
import type { Parts } from './parts.ts'

/** Milliseconds. */
const cleanupInterval = 60_000
const farewell = 3_000

/** Removes what has expired, gives back to PDSs what nobody needs and puts messages right, every minute; answers what ends that. */
export function cleaning(parts: Parts, stopping: AbortSignal): () => void {
  const { foundation, pds, telegram } = parts
  const { store, now, log } = foundation
  const asked = telegram && approvals(parts, telegram)
  return repeated(
    cleanupInterval,
    async () => {
      await removeExpired(store.db, now, stopping)
      await pds.tidy()
      await asked?.tidy()
    },
    (error) => log.warn({ error: describe(error) }, 'removing expired rows failed'),
  )
}

/** Answers once what nobody waited for is done, or has had its time. */
export function settled({ pds, phoneSignIn, oauth }: Parts): Promise<unknown> {
  return Promise.race([
    Promise.all([pds.settled(), phoneSignIn?.settled(), oauth.logouts.settled()]),
    setTimeout(farewell, undefined, { ref: false }),
  ])
}
