/**
 * Counts requests exactly: so many under a key in any stretch of time, however they fall, on whichever node.
 *
 * The moments of the last ones stand in one row, which one statement reads, judges and writes, so that of requests at the
 * same time each is seen by the next. For few requests and small numbers; what is to be slowed ever more belongs into `limits`.
 */
import { CompiledQuery, type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

export interface WindowPolicy {
  /** Requests that are taken in that time. */
  readonly most: number
  readonly seconds: number
}

export type WindowAnswer = { readonly allowed: true } | { readonly allowed: false; readonly retryAfter: number }

export interface RequestWindows {
  /** Counts a request, or refuses it (then it does not count); `retryAfter` is in whole seconds, at least 1. */
  spend(key: string, policy: WindowPolicy): Promise<WindowAnswer>
  /** Takes back the newest request under the key: it was none after all. */
  forgive(key: string): Promise<void>
}

/** The store of request windows. Callers hash what is personal in their keys. */
export function requestWindows(db: Kysely<Database>, now: () => Date): RequestWindows {
  return {
    async spend(key, { most, seconds }) {
      const at = now()
      const since = new Date(at.getTime() - seconds * 1000)
      const until = new Date(at.getTime() + seconds * 1000)
      const { rows } = await db.executeQuery(CompiledQuery.raw(countRequest, [key, at, since, most, until]))
      if (rows.length > 0) return { allowed: true }
      const row = await db.selectFrom('request_windows').select('times').where('key', '=', key).executeTakeFirst()
      const counted = (row?.times ?? []).map((time) => time.getTime()).filter((time) => time > since.getTime())
      const oldest = counted.sort((a, b) => a - b).at(-most) ?? at.getTime()
      return { allowed: false, retryAfter: Math.max(1, Math.ceil((oldest - since.getTime()) / 1000)) }
    },
    async forgive(key) {
      const others = sql<Date[]>`times[:cardinality(times) - 1]`
      await db.updateTable('request_windows').set({ times: others }).where('key', '=', key).execute()
    },
  }
}

const counted = `array(select time from unnest(request_windows.times) as time where time > $3::timestamptz)`

const countRequest = `
  insert into request_windows (key, times, expires_at) values ($1, array[$2::timestamptz], $5::timestamptz)
  on conflict (key) do update set times = ${counted} || $2::timestamptz, expires_at = $5::timestamptz
  where cardinality(${counted}) < $4::integer
  returning key`
