/**
 * A lock by name that holds over all nodes, for work that asks somebody outside and must not be done twice at once.
 *
 * Within this process callers queue first, so that a name takes one connection at most. Then a transaction that does
 * nothing but hold an advisory lock stays open while the work runs, on connections that no other query uses.
 *
 * A connection that dies gives the lock away while the work still runs. The work is told by its signal and is never cut
 * off by us, because what it has sent may have been taken: it looks at the signal before a step that cannot be repeated,
 * and stores its result only over what it had read.
 */
import type pg from 'pg'

/** Runs `work` alone under `name`. The signal is aborted when another node may be at it, too. */
export type WithLock = <T>(name: string, work: (lost: AbortSignal) => Promise<T>) => Promise<T>

/** Milliseconds. */
const releaseTimeout = 1_000

/** The lock was not to be had in time: somebody has held it for long. */
export class LockTimeout extends Error {
  override name = 'LockTimeout'
}

/** Callers of this process take turns by name. */
export function localLock(): WithLock {
  const tails = new Map<string, Promise<unknown>>()
  return async (name, work) => {
    const before = tails.get(name)
    const { promise, resolve } = Promise.withResolvers<void>()
    tails.set(name, promise)
    try {
      await before
      return await work(new AbortController().signal)
    } finally {
      if (tails.get(name) === promise) tails.delete(name)
      resolve()
    }
  }
}

/** Callers of all nodes on this database take turns by name. `pool` is for this alone; it sets the time limits. */
export function advisoryLock(pool: pg.Pool): WithLock {
  const queue = localLock()
  return (name, work) =>
    queue(name, async () => {
      const client = await pool.connect()
      const lost = new AbortController()
      const lose = () => lost.abort()
      let held = false
      client.on('error', lose).on('end', lose)
      try {
        await lock(client, name)
        held = true
        return await work(lost.signal)
      } finally {
        client.off('error', lose).off('end', lose)
        await release(client, held && !lost.signal.aborted)
      }
    })
}

async function lock(client: pg.PoolClient, name: string): Promise<void> {
  try {
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [name])
  } catch (error) {
    // 55P03 is lock_not_available (Postgres, appendix A).
    if (error instanceof Error && 'code' in error && error.code === '55P03') {
      throw new LockTimeout(`somebody has held ${name} for long`, { cause: error })
    }
    throw error
  }
}

/** Gives the lock back. A connection that is unwell is thrown away, which gives it back, too. */
async function release(client: pg.PoolClient, well: boolean): Promise<void> {
  if (!well) return client.release(true)
  try {
    await client.query({ text: 'rollback', query_timeout: releaseTimeout } as pg.QueryConfig)
    client.release()
  } catch {
    client.release(true)
  }
}
