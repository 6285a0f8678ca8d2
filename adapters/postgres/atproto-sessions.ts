/**
 * Links to people's PDSs: one by DID, with tokens and DPoP key sealed for that DID.
 *
 * Every change is one conditional statement. A refresh replaces only the value that it began from, so that it cannot
 * bring back a link that has ended or undo a newer one; an end answers the tokens to exactly one caller, who revokes them.
 */
import { CompiledQuery, type Kysely, sql } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import { batched } from './batched.ts'
import type { Database } from './schema.ts'

/** What a session says about itself beside the secret part. */
export interface AtprotoSession {
  /** Tokens and DPoP key, as text. */
  readonly secret: string
  /** What the PDS granted, separated by spaces. */
  readonly scope: string
  readonly clientId: string
  /** The key of ours that authenticates refreshes; undefined for the public client. */
  readonly keyId: string | undefined
}

/** A stored link. `version` changes with every write of its secret. */
export interface StoredAtprotoSession extends AtprotoSession {
  readonly version: string
}

/** How a link stands. */
export interface AtprotoSessionState {
  readonly did: string
  readonly scope: string
  readonly since: Date
  readonly ended: { readonly at: Date; readonly cause: string } | undefined
}

interface LivingRow {
  did: string
  sealed_session: string
  scope: string
  client_id: string
  key_id: string | null
}

const readLiving = `
  select did, sealed_session, scope, client_id, key_id from atproto_sessions
  where did = any($1::text[]) and ended_at is null and sealed_session is not null`

/** Fills a list of few, so that Postgres plans the statement once for all (`artifacts.ts`). */
const nobody: readonly null[] = new Array(16).fill(null)

export function atprotoSessions(db: Kysely<Database>, sealer: Sealer, now: () => Date) {
  const context = (did: string) => `atproto-session:${did}`
  /** Undefined where the key has left the ring: nobody can use what was sealed, nor give it back. */
  const opened = (sealed: string, did: string): string | undefined => {
    try {
      return sealer.open(sealed, context(did))
    } catch (error) {
      if (error instanceof Error && error.name === 'SealBroken') return undefined
      throw error
    }
  }
  const columns = (did: string, session: AtprotoSession) => ({
    sealed_session: sealer.seal(session.secret, context(did)),
    scope: session.scope,
    client_id: session.clientId,
    key_id: session.keyId ?? null,
    updated_at: now(),
  })
  const readTogether = batched<string, LivingRow | undefined>(
    async (dids) => {
      const padded = [...dids, ...nobody.slice(dids.length)]
      const { rows } = await db.executeQuery<LivingRow>(CompiledQuery.raw(readLiving, [padded]))
      const byDid = new Map(rows.map((row) => [row.did, row]))
      return dids.map((did) => byDid.get(did))
    },
    { lanes: 4, size: 50 },
  )
  return {
    /** Reads a living link; undefined when there is none or it has ended. Its secret throws `SealBroken`. */
    async read(did: string): Promise<StoredAtprotoSession | undefined> {
      const row = await readTogether(did)
      if (row === undefined) return undefined
      const { sealed_session } = row
      return {
        // Who knows this version already need not open it again.
        get secret() {
          return sealer.open(sealed_session, context(did))
        },
        version: sealed_session,
        scope: row.scope,
        clientId: row.client_id,
        keyId: row.key_id ?? undefined,
      }
    },

    /**
     * How the link of a DID stands or ended; undefined when there never was one. One that does not open any more counts
     * as ended (`unreadable`), so that the person is asked to bring it back.
     */
    async state(did: string): Promise<AtprotoSessionState | undefined> {
      const row = await db
        .selectFrom('atproto_sessions')
        .select(['scope', 'created_at', 'updated_at', 'ended_at', 'ended_cause', 'sealed_session'])
        .where('did', '=', did)
        .executeTakeFirst()
      if (row === undefined) return undefined
      const state = { did, scope: row.scope, since: row.created_at }
      if (row.ended_at !== null) return { ...state, ended: { at: row.ended_at, cause: row.ended_cause ?? '' } }
      const usable = row.sealed_session !== null && opened(row.sealed_session, did) !== undefined
      return { ...state, ended: usable ? undefined : { at: row.updated_at, cause: 'unreadable' } }
    },

    /** Stores a new link in place of any other; answers the secret of the one that it replaced, to exactly one caller. */
    async replace(did: string, session: AtprotoSession): Promise<string | undefined> {
      const { sealed_session, scope, client_id, key_id, updated_at } = columns(did, session)
      // The join makes Postgres lock and read the row before it is written.
      const { rows } = await sql<{ replaced: string | null }>`
        with before as (select sealed_session from atproto_sessions where did = ${did} for update)
        insert into atproto_sessions (did, sealed_session, scope, client_id, key_id, created_at, updated_at)
        select ${did}, ${sealed_session}, ${scope}, ${client_id}, ${key_id}::text, ${updated_at}::timestamptz, ${updated_at}::timestamptz
          from (select 1) as one left join before on true
        on conflict (did) do update set sealed_session = excluded.sealed_session, scope = excluded.scope,
          client_id = excluded.client_id, key_id = excluded.key_id, created_at = excluded.created_at,
          updated_at = excluded.updated_at, ended_at = null, ended_cause = null
        returning (select sealed_session from before) as replaced`.execute(db)
      const replaced = rows[0]?.replaced ?? undefined
      return replaced && opened(replaced, did)
    },

    /** Stores what a refresh brought; answers the new version, or undefined when the link ended or changed meanwhile. */
    async refresh(did: string, version: string, session: AtprotoSession): Promise<string | undefined> {
      const row = await db
        .updateTable('atproto_sessions')
        .set(columns(did, session))
        .where('did', '=', did)
        .where('sealed_session', '=', version)
        .where('ended_at', 'is', null)
        .returning('sealed_session')
        .executeTakeFirst()
      return row?.sealed_session ?? undefined
    },

    /**
     * Ends a living link, or with `version` only that one, and answers its secret to exactly one caller; undefined when
     * there is nothing to end.
     */
    async end(did: string, cause: string, version?: string): Promise<string | undefined> {
      const row = await db
        .with('before', (before) =>
          before
            .selectFrom('atproto_sessions')
            .select(['did', 'sealed_session'])
            .where('did', '=', did)
            .where('ended_at', 'is', null)
            .$if(version !== undefined, (query) => query.where('sealed_session', '=', version ?? null))
            .forUpdate(),
        )
        .updateTable('atproto_sessions')
        .from('before')
        .set({ sealed_session: null, ended_at: now(), ended_cause: cause, updated_at: now() })
        .whereRef('atproto_sessions.did', '=', 'before.did')
        .returning('before.sealed_session as secret')
        .executeTakeFirst()
      return row?.secret == null ? undefined : opened(row.secret, did)
    },
  }
}
