/**
 * Which updates of Telegram were taken: each is handled once, however often and to how many nodes it is brought.
 *
 * A row is written before the work and marked after it. Where the work failed, or the node died over it, the update is
 * free for the next time that Telegram brings it, a few times: one that always fails must not hold up the others.
 */
import { type Kysely, sql } from 'kysely'
import type { Database } from './schema.ts'

/** Seconds that a node has for the work on one update. */
const holdTime = 60
/** Seconds that an update is remembered; Telegram keeps those that are not taken for a day. */
const memory = 2 * 24 * 3600
const mostTries = 3

/** `busy`: somebody is at it, and may fail. */
export type Claim = 'mine' | 'done' | 'busy'

export type TelegramUpdates = ReturnType<typeof telegramUpdates>

/** The updates of one bot: each counts by itself. */
export function telegramUpdates(db: Kysely<Database>, now: () => Date, botId: string) {
  const idOf = (updateId: number) => `${botId}:${updateId}`
  const later = (seconds: number) => new Date(now().getTime() + seconds * 1000)
  return {
    /** Answers `mine` to one caller. */
    async claim(updateId: number): Promise<Claim> {
      const at = now()
      const { rows } = await sql`
        insert into telegram_updates (id, tries, held_until, expires_at)
        values (${idOf(updateId)}, 1, ${later(holdTime)}, ${later(memory)})
        on conflict (id) do update set tries = telegram_updates.tries + 1, held_until = excluded.held_until
        where telegram_updates.done_at is null and telegram_updates.held_until <= ${at}
          and telegram_updates.tries < ${mostTries}
        returning tries`.execute(db)
      if (rows.length > 0) return 'mine'
      const row = await db
        .selectFrom('telegram_updates')
        .select(['done_at', 'tries', 'held_until'])
        .where('id', '=', idOf(updateId))
        .executeTakeFirst()
      if (row === undefined) return 'busy'
      return row.done_at !== null || (row.tries >= mostTries && row.held_until <= at) ? 'done' : 'busy'
    },
    async finish(updateId: number): Promise<void> {
      await db.updateTable('telegram_updates').set({ done_at: now() }).where('id', '=', idOf(updateId)).execute()
    },
    /** The work failed. */
    async giveBack(updateId: number): Promise<void> {
      await db.updateTable('telegram_updates').set({ held_until: now() }).where('id', '=', idOf(updateId)).execute()
    },
  }
}
