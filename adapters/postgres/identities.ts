/**
 * Taking a way to sign in from an account, and what has to be known before one is added.
 *
 * The last way in stays, also when several are taken at once: all of an account's identities are locked in one order and
 * counted as they are then, in the statement that removes. Knows no provider but the one whose credentials are ours.
 */
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

export interface IdentityRemoval {
  readonly provider: string
  readonly subject: string
  /** Providers that let the person in again; an identity of any other does not count. All of them when absent. */
  readonly offered?: readonly string[] | undefined
  /** Takes the last way in, too. */
  readonly force?: boolean | undefined
}

export interface Identities {
  /** The account that an identity belongs to; notes nothing. */
  ownerOf(provider: string, subject: string): Promise<string | undefined>
  /**
   * Removes an identity; with it a password, its second factor and its recovery codes. `last`: nothing else would let
   * the person in again, so nothing was changed. `unknown`: the account has no such identity.
   */
  remove(accountId: string, removal: IdentityRemoval): Promise<'removed' | 'last' | 'unknown'>
  /**
   * Whether somebody who is not disabled has proven this e-mail address, or signs in with it and a password. Compared
   * trimmed, in NFKC and lower case.
   */
  isKnownEmail(email: string): Promise<boolean>
}

/** The store of identities, beside that of accounts. */
export function identities(db: Kysely<Database>): Identities {
  return {
    async ownerOf(provider, subject) {
      const row = await db
        .selectFrom('identities')
        .select('account_id')
        .where('provider', '=', provider)
        .where('subject', '=', subject)
        .executeTakeFirst()
      return row?.account_id
    },

    async remove(accountId, { provider, subject, offered, force = false }) {
      // `for update` waits for whoever removes at the same time, and then no longer sees what is gone.
      const { rows } = await sql<{ known: boolean; removed: boolean }>`
        with mine as materialized (
          select provider, subject from identities where account_id = ${accountId}::text
          order by provider, subject for update
        ), removed as (
          delete from identities
          where account_id = ${accountId}::text and provider = ${provider}::text and subject = ${subject}::text
            and (${force}::boolean or exists (
              select 1 from mine
              where (mine.provider, mine.subject) <> (${provider}::text, ${subject}::text)
                and (${offered ?? null}::text[] is null or mine.provider = any(${offered ?? null}::text[]))
            ))
          returning provider, subject
        ), removed_password as (
          delete from passwords where subject in (select subject from removed where provider = 'password')
        )
        select
          exists (select 1 from mine where provider = ${provider}::text and subject = ${subject}::text) as known,
          exists (select 1 from removed) as removed`.execute(db)
      const [outcome] = rows
      return outcome?.removed === true ? 'removed' : outcome?.known === true ? 'last' : 'unknown'
    },

    async isKnownEmail(email) {
      const wanted = email.trim().normalize('NFKC').toLowerCase()
      const { rows } = await sql<{ known: boolean }>`
        select exists (
          select 1 from accounts
          where lower(email) = ${wanted}::text and email_verified and disabled_at is null
        ) or exists (
          select 1 from passwords
          join identities on identities.provider = 'password' and identities.subject = passwords.subject
          join accounts on accounts.id = identities.account_id
          where passwords.email = ${wanted}::text and accounts.disabled_at is null
        ) as known`.execute(db)
      return rows[0]?.known === true
    },
  }
}
