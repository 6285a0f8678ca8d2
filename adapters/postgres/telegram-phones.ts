/**
 * Whose phone number is whose at Telegram: only what people shared of themselves, and Telegram vouched for.
 *
 * The number is kept as a keyed hash, since all there are could be tried; what is known of the person is sealed. A number
 * belongs to one person and a person has one number: whoever shares it last has it.
 */
import { type Kysely, type Selectable, sql } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import type { Database, TelegramPhoneRow } from './schema.ts'

/** What Telegram said of somebody when they shared their number. */
export interface PhoneOwner {
  /** The numeric user id, as text. */
  readonly id: string
  readonly firstName: string
  readonly lastName?: string
  readonly username?: string
  readonly language?: string
}

export interface TelegramPhones {
  /** Who shared this number (E.164). */
  ownerOf(phone: string): Promise<PhoneOwner | undefined>
  /** Whether it is this person's number. */
  isOf(phone: string, personId: string): Promise<boolean>
  /** Notes that a person shared their own number; whoever had it before has it no more. */
  share(phone: string, owner: PhoneOwner): Promise<void>
  /** Forgets the number of a person; false when none was known. */
  forget(personId: string): Promise<boolean>
}

/** The store of shared numbers. */
export function telegramPhones(db: Kysely<Database>, sealer: Sealer, now: () => Date): TelegramPhones {
  const hashesOf = (phone: string) => sealer.fingerprints(phone, 'phone')
  const read = ({ phone_hash, sealed_owner }: Selectable<TelegramPhoneRow>) =>
    JSON.parse(sealer.open(sealed_owner, contextOf(phone_hash))) as PhoneOwner

  async function ownerOf(phone: string): Promise<PhoneOwner | undefined> {
    const row = await db
      .selectFrom('telegram_phones')
      .selectAll()
      .where('phone_hash', 'in', hashesOf(phone))
      .orderBy('shared_at', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row && read(row)
  }
  return {
    ownerOf,
    isOf: async (phone, personId) => (await ownerOf(phone))?.id === personId,
    async share(phone, { id, firstName, lastName, username, language }) {
      const [hash, ...older] = hashesOf(phone)
      const owner: PhoneOwner = {
        id,
        firstName,
        ...(lastName === undefined ? {} : { lastName }),
        ...(username === undefined ? {} : { username }),
        ...(language === undefined ? {} : { language }),
      }
      const row = {
        person_id: id,
        sealed_owner: sealer.seal(JSON.stringify(owner), contextOf(hash)),
        shared_at: now(),
      }
      await db
        .with('gone', (it) =>
          it
            .deleteFrom('telegram_phones')
            .where('phone_hash', '<>', hash)
            .where((or) => or.or([or('person_id', '=', id), sql<boolean>`phone_hash = any(${[...older]}::text[])`])),
        )
        .insertInto('telegram_phones')
        .values({ phone_hash: hash, ...row })
        .onConflict((conflict) => conflict.column('phone_hash').doUpdateSet(row))
        .execute()
    },
    async forget(personId) {
      const { numDeletedRows } = await db
        .deleteFrom('telegram_phones')
        .where('person_id', '=', personId)
        .executeTakeFirst()
      return numDeletedRows > 0n
    },
  }
}

function contextOf(hash: string): string {
  return `telegram-phone:${hash}`
}
