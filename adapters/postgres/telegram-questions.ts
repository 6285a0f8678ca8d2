/**
 * What the bot has asked somebody, until one of the buttons is pressed: once, by them alone, in time.
 *
 * A button carries a random handle (`callback_data` has 64 bytes and can be forged); what it means stays here, sealed,
 * under its hash. Taking deletes, so of two presses one counts.
 */
import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import type { Json } from '../identity/contract.ts'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'

export interface NewQuestion {
  /** Telegram's number of the user who is asked. */
  readonly personId: string
  /** Who gets the answer. */
  readonly kind: string
  readonly payload: Json
  /** 1 to 10 words by which the answer is told; never shown. */
  readonly answers: readonly string[]
  /** Seconds. */
  readonly ttl: number
  /** By which it can be withdrawn. Stored as it is: give an id or a hash, no secret. */
  readonly about?: string
}

export interface TakenQuestion {
  readonly kind: string
  readonly payload: Json
  readonly answer: string
  /** Has it asked again, because nothing came of the answer. */
  putBack(): Promise<void>
}

export interface TelegramQuestions {
  /** Answers the handle of each answer, in their order. */
  ask(question: NewQuestion): Promise<readonly string[]>
  /** Ends the question, for one caller; undefined when it is unknown, over, or somebody else's. Throws `SealBroken`. */
  take(handle: string, personId: string): Promise<TakenQuestion | undefined>
  /** Ends what is asked about this; answers how many questions that were. */
  withdraw(kind: string, about: string): Promise<number>
}

interface Content {
  readonly answers: readonly string[]
  readonly payload: Json
}

export function telegramQuestions(db: Kysely<Database>, sealer: Sealer, now: () => Date): TelegramQuestions {
  const context = (idHash: string) => `telegram-question:${idHash}`
  return {
    async ask({ personId, kind, payload, answers, ttl, about }) {
      const id = randomBytes(32).toString('base64url')
      const idHash = hashed(id)
      const content: Content = { answers, payload }
      await db
        .insertInto('telegram_questions')
        .values({
          id_hash: idHash,
          person_id: personId,
          kind,
          about: about ?? null,
          answers: answers.length,
          sealed: sealer.seal(JSON.stringify(content), context(idHash)),
          expires_at: new Date(now().getTime() + ttl * 1000),
        })
        .execute()
      return answers.map((_answer, index) => `${id}${index}`)
    },
    async take(handle, personId) {
      const [, id = '', index = ''] = /^([\w-]{43})(\d)$/.exec(handle) ?? []
      const row = await db
        .deleteFrom('telegram_questions')
        .where('id_hash', '=', hashed(id))
        .where('person_id', '=', personId)
        .where('answers', '>', Number(index))
        .where('expires_at', '>', now())
        .returningAll()
        .executeTakeFirst()
      if (row === undefined) return undefined
      const { answers, payload } = JSON.parse(sealer.open(row.sealed, context(row.id_hash))) as Content
      return {
        kind: row.kind,
        payload,
        answer: answers[Number(index)] as string,
        putBack: async () => void (await db.insertInto('telegram_questions').values(row).execute()),
      }
    },
    async withdraw(kind, about) {
      const { numDeletedRows } = await db
        .deleteFrom('telegram_questions')
        .where('kind', '=', kind)
        .where('about', '=', about)
        .executeTakeFirst()
      return Number(numDeletedRows)
    },
  }
}
