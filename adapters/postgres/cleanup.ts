/**
 * Removes what has expired, in small batches that wait for nobody and that nobody waits for.
 *
 * Any number of nodes may do so at once: rows that another one is working on are skipped.
 */
import { CompiledQuery, type Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** Rows per statement. */
const batch = 500

/** Seconds that expired rows stay: inside them a replay is still told from a stranger's guess. */
const memory = 60 * 60

/** What is removed, by table: the condition has the moment before which things are over as `$1`. */
const expired: readonly { table: string; key: string; over: string }[] = [
  { table: 'artifacts', key: 'id_hash', over: 'expires_at < $1' },
  { table: 'sessions', key: 'id_hash', over: 'expires_at < $1' },
  { table: 'denied_tokens', key: 'id_hash', over: 'expires_at < $1' },
  { table: 'replays', key: 'id_hash', over: 'expires_at < $1' },
  { table: 'attempts', key: 'id_hash', over: 'expires_at < $1' },
  { table: 'atproto_states', key: 'id_hash', over: 'expires_at < $1' },
  // Shown on the account page until then; a key of ours goes with the last link that it authenticates.
  { table: 'atproto_sessions', key: 'did', over: "ended_at < $1::timestamptz - interval '90 days'" },
  // Of somebody who was removed nothing stays.
  {
    table: 'atproto_sessions',
    key: 'did',
    over: "ended_at < $1 and not exists (select 1 from identities where identities.provider = 'atproto' and identities.subject = atproto_sessions.did)",
  },
  {
    table: 'atproto_keys',
    key: 'kid',
    over: "retired_at < $1::timestamptz - interval '1 day' and not exists (select 1 from atproto_sessions where atproto_sessions.key_id = atproto_keys.kid and atproto_sessions.ended_at is null)",
  },
  { table: 'limits', key: 'key', over: 'expires_at < $1' },
  { table: 'device_polls', key: 'code_hash', over: 'expires_at < $1' },
  { table: 'telegram_updates', key: 'id', over: 'expires_at < $1' },
  { table: 'telegram_questions', key: 'id_hash', over: 'expires_at < $1' },
  { table: 'telegram_connections', key: 'id', over: 'expires_at < $1' },
  { table: 'leases', key: 'name', over: 'expires_at < $1' },
  { table: 'approval_prompts', key: 'request_hash', over: 'expires_at < $1' },
  { table: 'telegram_sign_ins', key: 'token_hash', over: 'expires_at < $1' },
  { table: 'phone_codes', key: 'id_hash', over: 'expires_at < $1' },
  { table: 'logout_notices', key: 'sid', over: 'expires_at < $1' },
  { table: 'request_windows', key: 'key', over: 'expires_at < $1' },
  { table: 'audit_events', key: 'id', over: "at < $1::timestamptz - interval '1 year'" },
  // A token may be written at the very moment in which its grant is revoked; some would lie there for a hundred years.
  {
    table: 'artifacts',
    key: 'id_hash',
    over: 'grant_id in (select id from grants where revoked_at < $1)',
  },
  { table: 'registration_tokens', key: 'id', over: 'expires_at < $1' },
  // Anybody may bring such a client; it stays while somebody uses it. One that was stopped must not come again.
  {
    table: 'clients',
    key: 'id',
    over: `origin <> 'registered' and disabled_at is null and updated_at < $1::timestamptz - interval '30 days'
      and not exists (select 1 from grants where grants.client_id = clients.id)
      and not exists (select 1 from consents where consents.client_id = clients.id)`,
  },
  // A grant lasts as long as something hangs on it or a JWT names it; a day's grace covers what is still under way.
  {
    table: 'grants',
    key: 'id',
    over: "created_at < $1::timestamptz - interval '1 day' and coalesce(needed_until < $1, true) and not exists (select 1 from artifacts where artifacts.grant_id = grants.id) and not exists (select 1 from grants child where child.parent_id = grants.id)",
  },
]

/** Removes what expired more than an hour ago; answers how many rows went. Stops early once `signal` is aborted. */
export async function removeExpired(db: Kysely<Database>, now: () => Date, signal?: AbortSignal): Promise<number> {
  const before = new Date(now().getTime() - memory * 1000)
  let removed = 0
  for (const { table, key, over } of expired) {
    const statement = `delete from ${table} where ${key} in
      (select ${key} from ${table} where ${over} limit ${batch} for update skip locked)`
    for (;;) {
      if (signal?.aborted === true) return removed
      const { numAffectedRows = 0n } = await db.executeQuery(CompiledQuery.raw(statement, [before]))
      removed += Number(numAffectedRows)
      if (numAffectedRows < BigInt(batch)) break
    }
  }
  return removed
}
