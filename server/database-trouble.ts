/** Tells an absent database from a wrong one, and waits for the absent one. */
import { setTimeout } from 'node:timers/promises'
import type { Store } from '../adapters/postgres/database.ts'
import { describe } from './describe-error.ts'
import type { Log } from './log.ts'

/** Milliseconds between two tries to reach a database that is not there yet. */
const retryInterval = 2_000

/** Applies migrations, waiting for a database that is not there yet. */
export async function migrated(store: Store, log: Log, signal?: AbortSignal): Promise<void> {
  for (;;) {
    try {
      const applied = await store.migrate()
      if (applied.length > 0) log.info({ migrations: applied }, 'database migrated')
      return
    } catch (error) {
      if (store.kind === 'embedded' || !isUnreachable(error)) throw error
      log.warn(
        { error: describe(error).split('\n')[0] },
        `the database does not answer; next try in ${retryInterval / 1000} s`,
      )
      await setTimeout(retryInterval, undefined, signal === undefined ? {} : { signal })
    }
  }
}

/** Whether what was sent holds text that Postgres cannot keep: it has no NUL (class 22 of its error codes). */
export function isUnstorable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^22(021|P05)$/.test(String(error.code))
}

/**
 * Whether the database could not be reached, by the codes of the network and of Postgres (classes 08, 53 and 57 of its
 * error codes): what time may mend. A wrong password or name is not.
 */
export function isUnreachable(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (/^(ECONN|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EPIPE|EHOSTUNREACH)/.test(code) || /^(08|53|57)/.test(code)) return true
  return (
    error instanceof Error &&
    /timeout exceeded when trying to connect|Connection terminated|Query read timeout|not queryable/.test(error.message)
  )
}
