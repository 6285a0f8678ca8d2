/**
 * Rows of local credentials: password hashes, second factors and recovery codes.
 *
 * Hashes, sealed secrets and normalised addresses arrive ready-made; what they mean is decided in
 * `adapters/identity/`. Whatever may be used once is spent by one conditional statement.
 */
import { randomBytes } from 'node:crypto'
import { type Kysely, type Selectable, sql } from 'kysely'
import type { Database, PasswordRow } from './schema.ts'

export interface PasswordCredential {
  /** `pwd_` and 128 random bits. */
  readonly subject: string
  /** Normalised. */
  readonly email: string
  readonly hash: string
  readonly changedAt: Date
}

export interface TotpFactor {
  readonly sealedSecret: string
  /** Undefined until the person has shown a code of it. */
  readonly confirmedAt: Date | undefined
}

export interface Passwords {
  find(subject: string): Promise<PasswordCredential | undefined>
  /** By normalised e-mail address. */
  byEmail(email: string): Promise<PasswordCredential | undefined>
  /** Adds a credential; undefined when the address has one. */
  add(email: string, hash: string): Promise<PasswordCredential | undefined>
  /** The person has a new password; false when there is no such credential. */
  change(subject: string, hash: string): Promise<boolean>
  /** The same password, hashed anew; does nothing when it has been changed meanwhile. */
  rehash(subject: string, from: string, to: string): Promise<void>
  /** Removes the credential with its factor and codes; false when there was none. */
  remove(subject: string): Promise<boolean>

  factor(subject: string): Promise<TotpFactor | undefined>
  /** Keeps an unconfirmed factor, unless a confirmed one or one younger than `since` is there. Answers what is there now. */
  proposeFactor(subject: string, sealedSecret: string, since: Date): Promise<TotpFactor>
  /** Turns the factor on, with new recovery codes, if it is still this secret and not on; spends the time step. */
  confirmFactor(subject: string, sealedSecret: string, step: number, codeHashes: readonly string[]): Promise<boolean>
  /** Removes the factor and its recovery codes; false when there was none. */
  removeFactor(subject: string): Promise<boolean>
  /** Spends a time step of a confirmed factor; false when it, or a later one, was spent (RFC 6238 §5.2). */
  spendStep(subject: string, step: number): Promise<boolean>

  /** Replaces the recovery codes; false when no factor is on. */
  renewCodes(subject: string, codeHashes: readonly string[]): Promise<boolean>
  /** Spends a recovery code; true for exactly one caller. */
  spendCode(subject: string, codeHash: string): Promise<boolean>
  /** How many recovery codes are unspent. */
  codesLeft(subject: string): Promise<number>
}

/** The store of local credentials; `now` stamps what is written. */
export function passwords(db: Kysely<Database>, now: () => Date): Passwords {
  return { ...credentials(db, now), ...factors(db, now), ...recoveryCodes(db, now) }
}

type Credentials = Pick<Passwords, 'find' | 'byEmail' | 'add' | 'change' | 'rehash' | 'remove'>

function credentials(db: Kysely<Database>, now: () => Date): Credentials {
  const findBy = async (column: 'subject' | 'email', value: string) => {
    const row = await db.selectFrom('passwords').selectAll().where(column, '=', value).executeTakeFirst()
    return row && read(row)
  }
  return {
    find: (subject) => findBy('subject', subject),
    byEmail: (email) => findBy('email', email),
    async add(email, hash) {
      const at = now()
      const subject = `pwd_${randomBytes(16).toString('base64url')}`
      const row = await db
        .insertInto('passwords')
        .values({ subject, email, hash, created_at: at, changed_at: at })
        .onConflict((conflict) => conflict.column('email').doNothing())
        .returningAll()
        .executeTakeFirst()
      return row && read(row)
    },
    async change(subject, hash) {
      const row = await db
        .updateTable('passwords')
        .set({ hash, changed_at: now() })
        .where('subject', '=', subject)
        .returning('subject')
        .executeTakeFirst()
      return row !== undefined
    },
    async rehash(subject, from, to) {
      await db
        .updateTable('passwords')
        .set({ hash: to })
        .where('subject', '=', subject)
        .where('hash', '=', from)
        .execute()
    },
    async remove(subject) {
      const row = await db
        .deleteFrom('passwords')
        .where('subject', '=', subject)
        .returning('subject')
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

type Factors = Pick<Passwords, 'factor' | 'proposeFactor' | 'confirmFactor' | 'removeFactor' | 'spendStep'>

function factors(db: Kysely<Database>, now: () => Date): Factors {
  const factor: Factors['factor'] = async (subject) => {
    const row = await db.selectFrom('totp_factors').selectAll().where('subject', '=', subject).executeTakeFirst()
    return row && { sealedSecret: row.sealed_secret, confirmedAt: row.confirmed_at ?? undefined }
  }
  return {
    factor,
    async proposeFactor(subject, sealedSecret, since) {
      await db
        .insertInto('totp_factors')
        .values({ subject, sealed_secret: sealedSecret, confirmed_at: null, last_step: null, created_at: now() })
        .onConflict((conflict) =>
          conflict
            .column('subject')
            .doUpdateSet({ sealed_secret: sealedSecret, created_at: now() })
            .where('totp_factors.confirmed_at', 'is', null)
            .where('totp_factors.created_at', '<', since),
        )
        .execute()
      const kept = await factor(subject)
      if (kept === undefined) throw new Error('the proposed second factor was removed meanwhile')
      return kept
    },
    confirmFactor: (subject, sealedSecret, step, codeHashes) =>
      db.transaction().execute(async (trx) => {
        const row = await trx
          .updateTable('totp_factors')
          .set({ confirmed_at: now(), last_step: step })
          .where('subject', '=', subject)
          .where('sealed_secret', '=', sealedSecret)
          .where('confirmed_at', 'is', null)
          .returning('subject')
          .executeTakeFirst()
        if (row === undefined) return false
        await replaceCodes(trx, subject, codeHashes)
        return true
      }),
    async removeFactor(subject) {
      const row = await db
        .with('removed_codes', (it) => it.deleteFrom('recovery_codes').where('subject', '=', subject))
        .deleteFrom('totp_factors')
        .where('subject', '=', subject)
        .returning('subject')
        .executeTakeFirst()
      return row !== undefined
    },
    async spendStep(subject, step) {
      const row = await db
        .updateTable('totp_factors')
        .set({ last_step: step })
        .where('subject', '=', subject)
        .where('confirmed_at', 'is not', null)
        .where(sql<boolean>`(last_step is null or last_step < ${step}::bigint)`)
        .returning('subject')
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

type RecoveryCodes = Pick<Passwords, 'renewCodes' | 'spendCode' | 'codesLeft'>

function recoveryCodes(db: Kysely<Database>, now: () => Date): RecoveryCodes {
  return {
    renewCodes: (subject, codeHashes) =>
      db.transaction().execute(async (trx) => {
        // The factor's row is the lock: without it two renewals would leave twenty codes.
        const row = await trx
          .selectFrom('totp_factors')
          .select('subject')
          .where('subject', '=', subject)
          .where('confirmed_at', 'is not', null)
          .forUpdate()
          .executeTakeFirst()
        if (row === undefined) return false
        await replaceCodes(trx, subject, codeHashes)
        return true
      }),
    async spendCode(subject, codeHash) {
      const row = await db
        .updateTable('recovery_codes')
        .set({ used_at: now() })
        .where('subject', '=', subject)
        .where('code_hash', '=', codeHash)
        .where('used_at', 'is', null)
        .returning('subject')
        .executeTakeFirst()
      return row !== undefined
    },
    async codesLeft(subject) {
      const row = await db
        .selectFrom('recovery_codes')
        .select((it) => it.fn.countAll<string>().as('count'))
        .where('subject', '=', subject)
        .where('used_at', 'is', null)
        .executeTakeFirstOrThrow()
      return Number(row.count)
    },
  }
}

async function replaceCodes(trx: Kysely<Database>, subject: string, hashes: readonly string[]): Promise<void> {
  await trx.deleteFrom('recovery_codes').where('subject', '=', subject).execute()
  if (hashes.length === 0) return
  const rows = hashes.map((hash) => ({ subject, code_hash: hash, used_at: null }))
  await trx.insertInto('recovery_codes').values(rows).execute()
}

function read(row: Selectable<PasswordRow>): PasswordCredential {
  return { subject: row.subject, email: row.email, hash: row.hash, changedAt: row.changed_at }
}
