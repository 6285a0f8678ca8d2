/**
 * Which links to PDSs nobody needs any more, and whose they are.
 *
 * Sees links, accounts and grants together, in one statement; how a link is ended is not known here.
 */
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

export interface UnneededLink {
  readonly did: string
  /** `unused`: no app of the account may use it any more. */
  readonly cause: 'removed' | 'disabled' | 'unused'
}

export function pdsLinks(db: Kysely<Database>, now: () => Date) {
  return {
    /**
     * At most so many living links whose account is gone, disabled, or has no living grant that reaches a PDS. `resource`
     * is how grants name PDSs. A disabled client keeps links alive, because it may be enabled again.
     */
    async unneeded(resource: string, most: number): Promise<readonly UnneededLink[]> {
      const reaches = sql<boolean>`(grants.payload -> 'resources' ->> ${resource}::text) ~ ${pdsScopes}`
      const rows = await db
        .selectFrom('atproto_sessions')
        .leftJoin('identities', (join) =>
          join.onRef('identities.subject', '=', 'atproto_sessions.did').on('identities.provider', '=', 'atproto'),
        )
        .leftJoin('accounts', 'accounts.id', 'identities.account_id')
        .select(['atproto_sessions.did', 'accounts.id', 'accounts.disabled_at'])
        .where('atproto_sessions.ended_at', 'is', null)
        .where((it) =>
          it.or([
            it('accounts.id', 'is', null),
            it('accounts.disabled_at', 'is not', null),
            it.not(
              it.exists(
                it
                  .selectFrom('grants')
                  .innerJoin('clients', 'clients.id', 'grants.client_id')
                  .select('grants.id')
                  .whereRef('grants.account_id', '=', 'accounts.id')
                  .where('grants.revoked_at', 'is', null)
                  .where('grants.expires_at', '>', now())
                  .where(reaches),
              ),
            ),
          ]),
        )
        .limit(most)
        .execute()
      return rows.map(({ did, id, disabled_at }) => ({
        did,
        cause: id === null ? 'removed' : disabled_at === null ? 'unused' : 'disabled',
      }))
    },

    /** The account that a DID signs in to. */
    async ownerOf(did: string): Promise<string | undefined> {
      const row = await db
        .selectFrom('identities')
        .select('account_id')
        .where('provider', '=', 'atproto')
        .where('subject', '=', did)
        .executeTakeFirst()
      return row?.account_id
    },
  }
}

/** What the scopes of a PDS begin with, as a regular expression of Postgres over a list of scopes. */
const pdsScopes = '(^| )(transition|repo|rpc|blob|account|identity)[:?]'
