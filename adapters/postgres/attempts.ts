/**
 * Sign-in attempts between two steps: who is asked what, how many tries are left, until when.
 *
 * Opening spends a try before anything is compared and closing is compare-and-swap, so that parallel answers gain
 * nothing. The token and the interaction are stored as hashes, the step sealed. Knows no provider.
 */
import { createHash, randomBytes } from 'node:crypto'
import { type Kysely, type Selectable, sql } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import type { Json, Purpose } from '../identity/contract.ts'
import type { AttemptRow, Database } from './schema.ts'

/** Seconds in which an attempt must be finished. */
const attemptLifetime = 600

export interface NewAttempt {
  /** Uid of the interaction that the attempt belongs to. */
  readonly interaction: string
  readonly provider: string
  readonly purpose: Purpose
  /** The provider's state and the page to show, as one JSON value. */
  readonly step: Json
  /** Answers that are taken before the attempt is over. */
  readonly tries: number
  /** The account that it is about to enter: it ends with the sessions of that account. */
  readonly accountId?: string | undefined
  /** Seconds; ten minutes when absent. */
  readonly ttl?: number | undefined
}

export interface Attempt {
  readonly provider: string
  readonly purpose: Purpose
  readonly step: Json
  readonly triesLeft: number
  readonly version: number
  readonly expiresAt: Date
}

export interface Attempts {
  /**
   * Begins an attempt in place of an earlier one of the same interaction and provider; answers its token (256 bits),
   * which only the browser keeps.
   */
  begin(attempt: NewAttempt): Promise<string>
  /** Reads without spending a try, to show the page again. */
  peek(token: string, interaction: string): Promise<Attempt | undefined>
  /** Spends a try and reads; undefined when the token is unknown, of another interaction, expired or out of tries. */
  take(token: string, interaction: string): Promise<Attempt | undefined>
  /**
   * Goes on to the next step, with `tries` answers or those that are left; false when another answer came first or the
   * time is over.
   */
  advance(token: string, version: number, next: { step: Json; tries?: number | undefined }): Promise<boolean>
  /** Ends the attempt; true for exactly one caller. */
  close(token: string, version: number): Promise<boolean>
}

/** The store of attempts. Throws `SealBroken` where a step was sealed with a key that has left the ring. */
export function attempts(options: { db: Kysely<Database>; sealer: Sealer; now: () => Date }): Attempts {
  const { db, sealer, now } = options
  const context = (idHash: string) => `attempt:${idHash}`
  const seal = (step: Json, idHash: string) => sealer.seal(JSON.stringify(step), context(idHash))
  const read = (row: Selectable<AttemptRow>): Attempt => ({
    provider: row.provider,
    purpose: row.purpose as Purpose,
    step: JSON.parse(sealer.open(row.sealed_step, context(row.id_hash))) as Json,
    triesLeft: row.tries_left,
    version: row.version,
    expiresAt: row.expires_at,
  })
  return {
    async begin({ interaction, provider, purpose, step, tries, accountId, ttl = attemptLifetime }) {
      const token = randomBytes(32).toString('base64url')
      const idHash = hash(token)
      const at = now()
      const values = {
        id_hash: idHash,
        interaction_hash: hash(interaction),
        provider,
        purpose,
        sealed_step: seal(step, idHash),
        tries_left: tries,
        account_id: accountId ?? null,
        created_at: at,
        expires_at: new Date(at.getTime() + ttl * 1000),
      }
      // One attempt by interaction and provider, however often the page is opened: strangers cannot fill the table.
      await db
        .insertInto('attempts')
        .values(values)
        .onConflict((conflict) =>
          conflict.columns(['interaction_hash', 'provider']).doUpdateSet({ ...values, version: 0 }),
        )
        .execute()
      return token
    },
    async peek(token, interaction) {
      const row = await db
        .selectFrom('attempts')
        .selectAll()
        .where('id_hash', '=', hash(token))
        .where('interaction_hash', '=', hash(interaction))
        .where('expires_at', '>', now())
        .executeTakeFirst()
      return row && read(row)
    },
    async take(token, interaction) {
      const row = await db
        .updateTable('attempts')
        .set({ tries_left: sql`tries_left - 1` })
        .where('id_hash', '=', hash(token))
        .where('interaction_hash', '=', hash(interaction))
        .where('tries_left', '>', 0)
        .where('expires_at', '>', now())
        .returningAll()
        .executeTakeFirst()
      return row && read(row)
    },
    async advance(token, version, { step, tries }) {
      const idHash = hash(token)
      const row = await db
        .updateTable('attempts')
        .set({
          sealed_step: seal(step, idHash),
          ...(tries === undefined ? {} : { tries_left: tries }),
          version: sql`version + 1`,
        })
        .where('id_hash', '=', idHash)
        .where('version', '=', version)
        .where('expires_at', '>', now())
        .returning('id_hash')
        .executeTakeFirst()
      return row !== undefined
    },
    async close(token, version) {
      const row = await db
        .deleteFrom('attempts')
        .where('id_hash', '=', hash(token))
        .where('version', '=', version)
        .returning('id_hash')
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

function hash(value: string): string {
  return createHash('sha256').update(value).digest('base64url')
}
