/**
 * Tokens by which apps may register themselves (RFC 7591 §1.2, "initial access token"): each for so many registrations,
 * until it ends. Only hashes are kept.
 */
import { randomBytes } from 'node:crypto'
import { type Kysely, type Selectable, sql } from 'kysely'
import { hashed } from './hashed.ts'
import type { Database, RegistrationTokenRow } from './schema.ts'

export interface RegistrationToken {
  /** Not secret; by which it is revoked. */
  readonly id: string
  /** For whom it was made, in words. */
  readonly name: string
  /** What is registered by it, an entry of `server/oidc/profiles.ts`; undefined: what the app says. */
  readonly profile: string | undefined
  readonly usesLeft: number
  readonly createdAt: Date
  readonly expiresAt: Date
}

export interface RegistrationTokens {
  /** Makes a token; it is never seen again. */
  add(
    token: Pick<RegistrationToken, 'name' | 'profile' | 'usesLeft' | 'expiresAt'>,
  ): Promise<{ id: string; token: string }>
  /** Those that may still be used, oldest first. */
  list(): Promise<readonly RegistrationToken[]>
  /** The token, if it may still be used. */
  find(token: string): Promise<RegistrationToken | undefined>
  /** Counts a use, however many try at once; false when there is none left. */
  spend(token: string): Promise<boolean>
  /** False when there was none. */
  revoke(id: string): Promise<boolean>
}

export function registrationTokens(db: Kysely<Database>, now: () => Date): RegistrationTokens {
  const usable = () =>
    db.selectFrom('registration_tokens').selectAll().where('uses_left', '>', 0).where('expires_at', '>', now())
  return {
    async add({ name, profile, usesLeft, expiresAt }) {
      const id = randomBytes(6).toString('hex')
      const token = randomBytes(32).toString('base64url')
      const values = { id, token_hash: hashed(token), name, profile: profile ?? null, uses_left: usesLeft }
      await db
        .insertInto('registration_tokens')
        .values({ ...values, created_at: now(), expires_at: expiresAt })
        .execute()
      return { id, token }
    },
    async list() {
      return (await usable().orderBy('created_at').orderBy('id').execute()).map(read)
    },
    async find(token) {
      const row = await usable().where('token_hash', '=', hashed(token)).executeTakeFirst()
      return row && read(row)
    },
    async spend(token) {
      const row = await db
        .updateTable('registration_tokens')
        .set({ uses_left: sql`uses_left - 1` })
        .where('token_hash', '=', hashed(token))
        .where('uses_left', '>', 0)
        .where('expires_at', '>', now())
        .returning('id')
        .executeTakeFirst()
      return row !== undefined
    },
    async revoke(id) {
      const row = await db.deleteFrom('registration_tokens').where('id', '=', id).returning('id').executeTakeFirst()
      return row !== undefined
    },
  }
}

function read(row: Selectable<RegistrationTokenRow>): RegistrationToken {
  return {
    id: row.id,
    name: row.name,
    profile: row.profile ?? undefined,
    usesLeft: row.uses_left,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }
}
