/**
 * People, and the identities by which they are recognised.
 *
 * An identity is keyed `(provider, subject)` and leads to one account; e-mail addresses only describe, they never
 * decide. Knows nothing of how an identity is proven.
 */
import { randomBytes } from 'node:crypto'
import { type Kysely, type Selectable, sql } from 'kysely'
import { noticesOf } from './logout-notices.ts'
import type { AccountRow, Database, IdentityRow } from './schema.ts'

export interface Account {
  readonly id: string
  readonly name: string | undefined
  readonly email: string | undefined
  readonly emailVerified: boolean
  readonly createdAt: Date
  readonly disabledAt: Date | undefined
}

export interface AccountIdentity {
  readonly provider: string
  readonly subject: string
  /** What the person recognises it by; display only. */
  readonly label: string | undefined
  readonly createdAt: Date
  readonly lastUsedAt: Date | undefined
}

export interface NewIdentity {
  readonly provider: string
  readonly subject: string
  readonly label?: string | undefined
}

export interface NewAccount {
  readonly name?: string | undefined
  readonly email?: string | undefined
  readonly emailVerified?: boolean | undefined
  readonly identity: NewIdentity
}

export interface Accounts {
  /** The account, disabled or not. */
  find(id: string): Promise<Account | undefined>
  /**
   * The account that the identity belongs to, disabled or not; notes that the identity was used, and what it is
   * recognised by now.
   */
  byIdentity(provider: string, subject: string, label?: string): Promise<Account | undefined>
  /** Accounts with this e-mail address, oldest first. Addresses are not unique: for people who administer. */
  byEmail(email: string): Promise<readonly Account[]>
  /** Creates account and identity together; where the identity has an account already, answers that one. */
  create(account: NewAccount): Promise<Account>
  /** A page of accounts, oldest first; `after` is the id of the last one of the page before. */
  list(page: { limit: number; after?: string | undefined }): Promise<readonly Account[]>
  /** The identities of an account, oldest first. */
  identitiesOf(id: string): Promise<readonly AccountIdentity[]>
  /** Adds an identity to an account; `taken` when it belongs to another one. */
  addIdentity(id: string, identity: NewIdentity): Promise<'added' | 'taken'>
  /** Keeps the time of the first call; undefined when there is no such account. */
  disable(id: string): Promise<Account | undefined>
  enable(id: string): Promise<Account | undefined>
  /** Removes the account with its identities, passwords, consents, grants, sessions and tokens; false when there was none. */
  remove(id: string): Promise<boolean>
}

/** The store of accounts; `now` stamps what is written. */
export function accounts(db: Kysely<Database>, now: () => Date): Accounts {
  const byIdentity: Accounts['byIdentity'] = async (provider, subject, label) => {
    const row = await db
      .with('used', (it) =>
        it
          .updateTable('identities')
          .set({ last_used_at: now(), ...(label === undefined ? {} : { label }) })
          .where('provider', '=', provider)
          .where('subject', '=', subject)
          .returning('account_id'),
      )
      .selectFrom('accounts')
      .innerJoin('used', 'used.account_id', 'accounts.id')
      .selectAll('accounts')
      .executeTakeFirst()
    return row && read(row)
  }
  const setDisabled = async (id: string, value: ReturnType<typeof sql<Date | null>>): Promise<Account | undefined> => {
    const row = await db
      .updateTable('accounts')
      .set({ disabled_at: value })
      .where('id', '=', id)
      .returningAll()
      .executeTakeFirst()
    return row && read(row)
  }
  return {
    byIdentity,
    async find(id) {
      const row = await db.selectFrom('accounts').selectAll().where('id', '=', id).executeTakeFirst()
      return row && read(row)
    },
    async byEmail(email) {
      const rows = await db
        .selectFrom('accounts')
        .selectAll()
        .where(sql`lower(email)`, '=', email.trim().normalize('NFKC').toLowerCase())
        .orderBy('created_at')
        .orderBy('id')
        .execute()
      return rows.map(read)
    },
    async create(account) {
      try {
        return read(await insert(db, account, now()))
      } catch (error) {
        if (!isIdentityTaken(error)) throw error
        const winner = await byIdentity(account.identity.provider, account.identity.subject)
        if (winner === undefined) throw error
        return winner
      }
    },
    async list({ limit, after }) {
      const rows = await db
        .selectFrom('accounts')
        .selectAll()
        .$if(after !== undefined, (it) =>
          it.where(
            sql<boolean>`(created_at, id) > (select created_at, id from accounts where id = ${after ?? ''}::text)`,
          ),
        )
        .orderBy('created_at')
        .orderBy('id')
        .limit(limit)
        .execute()
      return rows.map(read)
    },
    async identitiesOf(id) {
      const rows = await db
        .selectFrom('identities')
        .selectAll()
        .where('account_id', '=', id)
        .orderBy('created_at')
        .orderBy('provider')
        .orderBy('subject')
        .execute()
      return rows.map(readIdentity)
    },
    async addIdentity(id, { provider, subject, label }) {
      const row = await db
        .insertInto('identities')
        .values({ provider, subject, account_id: id, label: label ?? null, created_at: now(), last_used_at: null })
        .onConflict((conflict) =>
          conflict
            .columns(['provider', 'subject'])
            .doUpdateSet({ label: sql`coalesce(excluded.label, identities.label)` })
            .where(sql<boolean>`identities.account_id = excluded.account_id`),
        )
        .returning('account_id')
        .executeTakeFirst()
      return row === undefined ? 'taken' : 'added'
    },
    disable: (id) => setDisabled(id, sql`coalesce(disabled_at, ${now()}::timestamptz)`),
    enable: (id) => setDisabled(id, sql`null`),
    remove: (id) => remove(db, id, now()),
  }
}

/** Account and identity in one statement: neither is ever there without the other. */
async function insert(db: Kysely<Database>, account: NewAccount, at: Date): Promise<Selectable<AccountRow>> {
  const id = `usr_${randomBytes(16).toString('base64url')}`
  const { provider, subject, label } = account.identity
  return db
    .with('account', (it) =>
      it
        .insertInto('accounts')
        .values({
          id,
          name: account.name ?? null,
          email: account.email ?? null,
          email_verified: account.emailVerified ?? false,
          created_at: at,
          disabled_at: null,
        })
        .returningAll(),
    )
    .with('identity', (it) =>
      it
        .insertInto('identities')
        .values({ provider, subject, account_id: id, label: label ?? null, created_at: at, last_used_at: at })
        .returning('account_id'),
    )
    .selectFrom('account')
    .selectAll()
    .executeTakeFirstOrThrow()
}

function isIdentityTaken(error: unknown): boolean {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown }
  return code === '23505' && constraint === 'identities_pkey'
}

/** One statement: nothing of a removed person may stay behind, usable or not, but what their apps have yet to hear. */
async function remove(db: Kysely<Database>, id: string, at: Date): Promise<boolean> {
  const row = await db
    .with('told_apps', () => sql`(${noticesOf(sql`sessions.account_id = ${id}`, at)})`)
    .with('removed_passwords', (it) =>
      it
        .deleteFrom('passwords')
        .where('subject', 'in', (subjects) =>
          subjects
            .selectFrom('identities')
            .select('subject')
            .where('account_id', '=', id)
            .where('provider', '=', 'password'),
        ),
    )
    .with('removed_artifacts', (it) => it.deleteFrom('artifacts').where('account_id', '=', id))
    .with('removed_grants', (it) => it.deleteFrom('grants').where('account_id', '=', id))
    .with('removed_sessions', (it) => it.deleteFrom('sessions').where('account_id', '=', id))
    .deleteFrom('accounts')
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst()
  return row !== undefined
}

function read(row: Selectable<AccountRow>): Account {
  return {
    id: row.id,
    name: row.name ?? undefined,
    email: row.email ?? undefined,
    emailVerified: row.email_verified,
    createdAt: row.created_at,
    disabledAt: row.disabled_at ?? undefined,
  }
}

function readIdentity(row: Selectable<IdentityRow>): AccountIdentity {
  return {
    provider: row.provider,
    subject: row.subject,
    label: row.label ?? undefined,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at ?? undefined,
  }
}
