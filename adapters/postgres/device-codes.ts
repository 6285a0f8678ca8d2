/**
 * What happens to a device code between its birth and its tokens: one browser claims it, one person decides, and its
 * client asks again and again (RFC 8628 §3.3, §3.5).
 *
 * Each is one statement, so that of two browsers one goes on, no decision replaces another, and all nodes count the same
 * polls. Knows nothing of who the person is.
 */
import { CompiledQuery, type Kysely } from 'kysely'
import type { NewArtifact } from './artifacts.ts'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'

/** Seconds each. */
export interface PollPolicy {
  /** Between two polls, as long as the client keeps to it. */
  readonly interval: number
  /** What each poll that comes too early adds to that. */
  readonly step: number
  /** What it never grows beyond. */
  readonly longest: number
  /** How much earlier a poll may come: the clocks of two nodes differ. */
  readonly leeway: number
  /** How long polls are remembered. */
  readonly remember: number
}

export interface DeviceCodes {
  /**
   * Writes that a code was claimed (`inFlight`) or decided (`accountId`, `error`); false when it had been already, was
   * redeemed or has expired, or when the grant is gone.
   */
  move(row: NewArtifact): Promise<boolean>
  /**
   * Gives up a claim, so that another browser can make it; the one before may still be the first to decide. Answers the
   * sealed user code of a code that waits for its person.
   */
  release(idHash: string): Promise<string | undefined>
  /**
   * Whether a poll comes no earlier than it may. The first one always may. The wait is counted from the last poll that
   * was not too early, so that asking too often never puts the answer off for ever.
   */
  poll(deviceCode: string, policy: PollPolicy): Promise<boolean>
}

/** The store of device codes. */
export function deviceCodes(db: Kysely<Database>, now: () => Date): DeviceCodes {
  return {
    async move({ idHash, payload, accountId, grantId }) {
      const decided = 'accountId' in payload || 'error' in payload
      const values = [idHash, JSON.stringify(payload), accountId, grantId, decided, now()]
      const { rows } = await db.executeQuery(CompiledQuery.raw(moveCode, values))
      return rows.length > 0
    },
    async release(idHash) {
      const { rows } = await db.executeQuery<{ sealed: string }>(CompiledQuery.raw(releaseCode, [idHash, now()]))
      return rows[0]?.sealed
    },
    async poll(deviceCode, { interval, step, longest, leeway, remember }) {
      const at = now()
      const expires = new Date(at.getTime() + remember * 1000)
      const values = [hashed(deviceCode), at, interval, expires, leeway, step, longest]
      const { rows } = await db.executeQuery<{ early: boolean }>(CompiledQuery.raw(countPoll, values))
      return rows[0]?.early === false
    },
  }
}

const moveCode = `
  with live as (select id from grants where id = $4::text and revoked_at is null for share)
  update artifacts set payload = $2::jsonb, account_id = $3::text, grant_id = $4::text
  where id_hash = $1 and model = 'DeviceCode' and consumed_at is null and expires_at > $6::timestamptz
    and not (payload ? 'accountId') and not (payload ? 'error')
    and ($5::boolean or not (payload ? 'inFlight'))
    and ($4::text is null or exists (select 1 from live))
  returning 1`

const releaseCode = `
  update artifacts set payload = payload - 'inFlight'
  where id_hash = $1 and model = 'DeviceCode' and consumed_at is null and expires_at > $2::timestamptz
    and not (payload ? 'accountId') and not (payload ? 'error')
  returning payload ->> 'sealedUserCode' as sealed`

const tooEarly = `$2::timestamptz < polls.polled_at + make_interval(secs => (polls.wait - $5::integer)::float8)`

const countPoll = `
  insert into device_polls as polls (code_hash, polled_at, wait, early, expires_at)
  values ($1, $2::timestamptz, $3::integer, false, $4::timestamptz)
  on conflict (code_hash) do update set
    early = ${tooEarly},
    polled_at = case when ${tooEarly} then polls.polled_at else $2::timestamptz end,
    wait = case when ${tooEarly} then least(polls.wait + $6::integer, $7::integer) else polls.wait end
  returning early`
