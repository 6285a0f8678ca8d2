/**
 * Telegram users who want to be connected with an account: from the link in their chat, by one browser, to their answer.
 *
 * Each step is one conditional statement, so that of two browsers, two presses or two decisions one counts. The link and
 * the browser's cookie are stored as hashes, names and addresses sealed.
 */
import { randomBytes } from 'node:crypto'
import { type Kysely, type Selectable, sql } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import { hashed } from './hashed.ts'
import type { NumberChoice } from './number-choice.ts'
import type { Database, TelegramConnectionRow } from './schema.ts'

/** Seconds in which a link is opened, a sign-in done and decided on, and the question in the chat answered. */
export const connectionTimes = { link: 120, browser: 600, chat: 300 } as const

/**
 * `offered`: a link that nobody has used. `opened`: a browser has; it signs in and decides. `asked`: the question stands in
 * the chat. `deciding`: the answer is being acted on. The others are ends.
 */
export type ConnectionState = 'offered' | 'opened' | 'asked' | 'deciding' | ConnectionEnd
export type ConnectionEnd = 'connected' | 'taken' | 'denied' | 'unreachable'

export interface Connecting {
  /** Telegram's number of the user. */
  readonly personId: string
  /** First and last name, as they call themselves. */
  readonly name: string
  /** Without `@`. */
  readonly username: string | undefined
  /** The number at the browser, to be recognised in the chat. */
  readonly choice: NumberChoice
  /** The message with the link, then that with the question. */
  readonly messageId: number | undefined
  /** The browser, once it has decided. */
  readonly browser?: DecidingBrowser
}

export interface DecidingBrowser {
  /** Of its session; no secret. */
  readonly sessionUid: string
  readonly address: string
}

export interface Connection extends Connecting {
  /** No secret. */
  readonly id: string
  readonly state: ConnectionState
  /** Whom they are connected with, once the browser has decided. */
  readonly accountId: string | undefined
}

export type TelegramConnections = ReturnType<typeof telegramConnections>

export function telegramConnections(db: Kysely<Database>, sealer: Sealer, now: () => Date) {
  const context = (id: string) => `telegram-connection:${id}`
  const later = (seconds: number) => new Date(now().getTime() + seconds * 1000)
  const seal = (id: string, content: Connecting) => sealer.seal(JSON.stringify(content), context(id))
  const read = (row: Selectable<TelegramConnectionRow>): Connection => ({
    ...(JSON.parse(sealer.open(row.sealed, context(row.id))) as Connecting),
    id: row.id,
    state: row.state as ConnectionState,
    accountId: row.account_id ?? undefined,
  })
  const one = (row: Selectable<TelegramConnectionRow> | undefined) => row && read(row)
  /** From one state to another, in time; undefined when somebody else was faster. */
  const step = (from: readonly ConnectionState[], to: ConnectionState) =>
    db
      .updateTable('telegram_connections')
      .set({ state: to })
      .where('state', 'in', [...from])
      .where('expires_at', '>', now())

  return {
    /** Offers a link, in place of any before it; answers its token (256 bits). */
    async offer(connecting: Connecting): Promise<{ token: string; id: string }> {
      const token = randomBytes(32).toString('base64url')
      const id = hashed(token)
      await db
        .insertInto('telegram_connections')
        .values({
          id,
          person_id: connecting.personId,
          state: 'offered',
          browser_hash: null,
          account_id: null,
          sealed: seal(id, connecting),
          expires_at: later(connectionTimes.link),
        })
        .onConflict((conflict) =>
          conflict.column('person_id').doUpdateSet((excluded) => ({
            id: excluded.ref('excluded.id'),
            state: 'offered',
            browser_hash: null,
            account_id: null,
            sealed: excluded.ref('excluded.sealed'),
            expires_at: excluded.ref('excluded.expires_at'),
          })),
        )
        .execute()
      return { token, id }
    },

    /** Notes the message in which the link or the question stands. */
    async shown(id: string, connecting: Connecting): Promise<void> {
      await db
        .updateTable('telegram_connections')
        .set({ sealed: seal(id, connecting) })
        .where('id', '=', id)
        .execute()
    },

    /** Whether the link can still be used; spends nothing. */
    async isOffered(token: string): Promise<boolean> {
      const row = await db
        .selectFrom('telegram_connections')
        .select('id')
        .where('id', '=', hashed(token))
        .where('state', '=', 'offered')
        .where('expires_at', '>', now())
        .executeTakeFirst()
      return row !== undefined
    },

    /** Spends the link; answers what only the browser keeps (256 bits). Undefined for all but the first. */
    async open(token: string): Promise<string | undefined> {
      const browser = randomBytes(32).toString('base64url')
      const row = await step(['offered'], 'opened')
        .set({ browser_hash: hashed(browser), expires_at: later(connectionTimes.browser) })
        .where('id', '=', hashed(token))
        .returning('id')
        .executeTakeFirst()
      return row && browser
    },

    /** What this browser is about to connect, or has. */
    async ofBrowser(browser: string): Promise<Connection | undefined> {
      const row = await db
        .selectFrom('telegram_connections')
        .selectAll()
        .where('browser_hash', '=', hashed(browser))
        .where('expires_at', '>', now())
        .executeTakeFirst()
      return one(row)
    },

    async find(id: string): Promise<Connection | undefined> {
      const row = await db
        .selectFrom('telegram_connections')
        .selectAll()
        .where('id', '=', id)
        .where('expires_at', '>', now())
        .executeTakeFirst()
      return one(row)
    },

    /** The person at the browser wants it, for this account; true once. */
    async ask(connection: Connection, accountId: string, browser: DecidingBrowser): Promise<boolean> {
      const { id, state: _, accountId: __, ...connecting } = connection
      const row = await step(['opened'], 'asked')
        .set({
          account_id: accountId,
          sealed: seal(id, { ...connecting, browser }),
          expires_at: later(connectionTimes.chat),
        })
        .where('id', '=', id)
        .returning('id')
        .executeTakeFirst()
      return row !== undefined
    },

    /** The person in the chat wants it, too; answers to one caller what is to be connected. */
    async decide(id: string): Promise<Connection | undefined> {
      return one(await step(['asked'], 'deciding').where('id', '=', id).returningAll().executeTakeFirst())
    },

    /** Ends it, in time, from one of these states; answers it to one caller. */
    async end(id: string, from: readonly ConnectionState[], end: ConnectionEnd): Promise<Connection | undefined> {
      return one(
        await step(from, end)
          // The page may still tell.
          .set({ expires_at: sql`greatest(expires_at, ${later(connectionTimes.chat)}::timestamptz)` })
          .where('id', '=', id)
          .returningAll()
          .executeTakeFirst(),
      )
    },

    /** What was being acted on came to nothing: the answer counts again. */
    async undecide(id: string): Promise<void> {
      await step(['deciding'], 'asked').where('id', '=', id).execute()
    },
  }
}
