/**
 * Whom the bot may write to: a row from the first thing that somebody wrote to it until they block it.
 *
 * Nothing else about people is kept here; a name or a chat is nobody's business.
 */
import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** `unreachable`: they never started the bot, or have blocked it. */
export type Standing = 'reachable' | 'unreachable'

export interface TelegramPeople {
  standing(personId: string): Promise<Standing>
  /** They wrote to the bot, or took back that they blocked it. */
  reached(personId: string): Promise<void>
  /** They blocked it, or it was refused when it wrote. */
  lost(personId: string): Promise<void>
}

export function telegramPeople(db: Kysely<Database>, now: () => Date): TelegramPeople {
  return {
    async standing(personId) {
      const row = await db.selectFrom('telegram_people').select('id').where('id', '=', personId).executeTakeFirst()
      return row === undefined ? 'unreachable' : 'reachable'
    },
    async reached(personId) {
      await db
        .insertInto('telegram_people')
        .values({ id: personId, since: now() })
        .onConflict((conflict) => conflict.column('id').doNothing())
        .execute()
    },
    async lost(personId) {
      await db.deleteFrom('telegram_people').where('id', '=', personId).execute()
    },
  }
}
