/**
 * Slows guessing down: a delay that rises with the failures under a key.
 *
 * A try is counted before anything is compared and taken back only on success, so that guessing in parallel gains
 * nothing. Knows no accounts: callers choose the keys and hash what is personal in them.
 */
import ipaddr from 'ipaddr.js'
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

export interface LimitPolicy {
  /** Failures that cost no delay. */
  readonly free: number
  /** Seconds to wait after the first failure that does; doubles with each one that follows. */
  readonly firstDelay: number
  /** Seconds to wait at most. */
  readonly maxDelay: number
  /** Seconds without a failure after which all are forgotten. */
  readonly forget: number
}

export type LimitAnswer = { readonly allowed: true } | { readonly allowed: false; readonly retryAfter: number }

export interface Limits {
  /** Counts a try as a failure, or refuses it (then it does not count); `retryAfter` is in whole seconds, at least 1. */
  spend(key: string, policy: LimitPolicy): Promise<LimitAnswer>
  /** Forgets every failure under the key. */
  clear(key: string): Promise<void>
  /** Takes back one counted try that was none after all; other failures under the key stay. */
  forgive(key: string, policy: LimitPolicy): Promise<void>
  /** Keeps a mark under the key for `seconds`. */
  remember(key: string, seconds: number): Promise<void>
  /** Whether `remember` holds for the key. */
  remembers(key: string): Promise<boolean>
  /** `addressBucket`, for those who may not import it. */
  bucketOf(address: string, bits?: 48 | 64): string
}

/** The store of limits. */
export function limits(db: Kysely<Database>, now: () => Date): Limits {
  return {
    async spend(key, policy) {
      const at = now()
      if (await count(db, key, policy, at)) return { allowed: true }
      const row = await db.selectFrom('limits').select('blocked_until').where('key', '=', key).executeTakeFirst()
      const wait = ((row?.blocked_until ?? at).getTime() - at.getTime()) / 1000
      return { allowed: false, retryAfter: Math.max(1, Math.ceil(wait)) }
    },
    async clear(key) {
      await db.deleteFrom('limits').where('key', '=', key).execute()
    },
    async forgive(key, { free }) {
      await db
        .updateTable('limits')
        .set({
          failures: sql`failures - 1`,
          blocked_until: sql`case when failures - 1 <= ${free}::integer then null else blocked_until end`,
        })
        .where('key', '=', key)
        .where('failures', '>', 0)
        .execute()
    },
    async remember(key, seconds) {
      const expires = new Date(now().getTime() + seconds * 1000)
      await db
        .insertInto('limits')
        .values({ key, failures: 0, blocked_until: null, expires_at: expires })
        .onConflict((conflict) => conflict.column('key').doUpdateSet({ expires_at: expires }))
        .execute()
    },
    async remembers(key) {
      const row = await db
        .selectFrom('limits')
        .select('key')
        .where('key', '=', key)
        .where('expires_at', '>', now())
        .executeTakeFirst()
      return row !== undefined
    },
    bucketOf: addressBucket,
  }
}

/** Counts a failure unless the key is blocked, in one statement; false when it is blocked. */
async function count(db: Kysely<Database>, key: string, policy: LimitPolicy, at: Date): Promise<boolean> {
  const failures = sql`(case when limits.expires_at <= ${at}::timestamptz then 1 else limits.failures + 1 end)`
  const forgotten = (delay: ReturnType<typeof delayAfter>) =>
    sql`${at}::timestamptz + make_interval(secs => greatest(${policy.forget}::float8, coalesce(${delay}, 0)))`
  const blocked = (delay: ReturnType<typeof delayAfter>) => sql`${at}::timestamptz + make_interval(secs => ${delay})`
  const first = delayAfter(sql`1`, policy)
  const next = delayAfter(failures, policy)
  const { rows } = await sql`
    insert into limits (key, failures, blocked_until, expires_at)
    values (${key}, 1, ${blocked(first)}, ${forgotten(first)})
    on conflict (key) do update
    set failures = ${failures}, blocked_until = ${blocked(next)}, expires_at = ${forgotten(next)}
    where limits.blocked_until is null or limits.blocked_until <= ${at}::timestamptz
    returning key`.execute(db)
  return rows.length > 0
}

/** Seconds of delay after so many failures, as an expression; null for none. */
function delayAfter(failures: ReturnType<typeof sql>, { free, firstDelay, maxDelay }: LimitPolicy) {
  const beyond = sql`(${failures} - ${free}::integer)`
  // The exponent is capped because a double overflows with an error, not to infinity.
  const delay = sql`${firstDelay}::float8 * power(2::float8, least(${beyond} - 1, 30)::float8)`
  return sql`(case when ${beyond} > 0 then least(${delay}, ${maxDelay}::float8) end)`
}

/**
 * The bucket that an address falls into: IPv4 by itself, IPv6 by its /64 (one customer's at least) or the /48 around it (one
 * customer's at most), IPv4 mapped into IPv6 as IPv4. Text that is no address is a bucket of its own.
 */
export function addressBucket(address: string, bits: 48 | 64 = 64): string {
  if (!ipaddr.isValid(address)) return `unknown:${address}`
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return `${parsed.toString()}/32`
  const network = parsed.toByteArray().map((byte, index) => (index < bits / 8 ? byte : 0))
  return `${ipaddr.fromByteArray(network).toString()}/${bits}`
}
