/**
 * The shops that first-party apps sign in to: one for each phone number, known by a small number of its own.
 *
 * A shop belongs to one account, by the Telegram user who proved the phone first: a number that changes hands does not
 * take the shop along. The number is sealed, and a keyed hash finds it.
 */
import { type Kysely, type Selectable, sql } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import type { Database, ShopRow } from './schema.ts'

export interface Shop {
  readonly id: number
  readonly name: string
  /** E.164. */
  readonly phone: string
  /** Of its owner, as text; undefined while it is released. */
  readonly telegramId: string | undefined
  readonly accountId: string | undefined
  /** IETF language tag. */
  readonly language: string
  /** ISO 4217. */
  readonly currency: string
  readonly disabledAt: Date | undefined
  readonly createdAt: Date
}

export interface NewShop {
  readonly name: string
  readonly phone: string
  readonly telegramId: string
  readonly accountId: string
  readonly language: string
  readonly currency: string
}

export interface Shops {
  find(id: number): Promise<Shop | undefined>
  byPhone(phone: string): Promise<Shop | undefined>
  /** A page of shops by their numbers; `after` is the last one of the page before. */
  list(page: { limit: number; after?: number | undefined }): Promise<readonly Shop[]>
  /** The shop of the phone, made where there is none; undefined when it is somebody else's. */
  open(shop: NewShop): Promise<Shop | undefined>
  rename(id: number, name: string): Promise<Shop | undefined>
  /** Keeps the time of the first call and ends its tokens; undefined when there is no such shop. */
  disable(id: number): Promise<Shop | undefined>
  enable(id: number): Promise<Shop | undefined>
  /** Takes it from its owner and ends its tokens: it is for whoever proves the phone next. */
  release(id: number): Promise<Shop | undefined>
  /** Ends the grants whose tokens name the shop; answers how many. */
  endTokens(id: number): Promise<number>
}

/** The store of shops; `now` stamps what is written. */
export function shops(db: Kysely<Database>, sealer: Sealer, now: () => Date): Shops {
  const hashesOf = (phone: string) => sealer.fingerprints(phone, 'phone')
  const read = (row: Selectable<ShopRow>): Shop => ({
    id: row.id,
    name: row.name,
    phone: sealer.open(row.sealed_phone, 'shop'),
    telegramId: row.telegram_id ?? undefined,
    accountId: row.account_id ?? undefined,
    language: row.language,
    currency: row.currency,
    disabledAt: row.disabled_at ?? undefined,
    createdAt: row.created_at,
  })

  async function change(id: number, values: Partial<Selectable<ShopRow>>): Promise<Shop | undefined> {
    if (!isShopId(id)) return undefined
    const row = await db.updateTable('shops').set(values).where('id', '=', id).returningAll().executeTakeFirst()
    return row && read(row)
  }

  async function byPhone(phone: string): Promise<Shop | undefined> {
    const row = await db.selectFrom('shops').selectAll().where('phone_hash', 'in', hashesOf(phone)).executeTakeFirst()
    return row && read(row)
  }

  async function endTokens(id: number): Promise<number> {
    const rows = await db
      .updateTable('grants')
      .set({ revoked_at: now() })
      .where('revoked_at', 'is', null)
      .where(sql<boolean>`payload -> 'rar' @> ${JSON.stringify([{ type: 'shop', identifier: String(id) }])}::jsonb`)
      .returning('id')
      .execute()
    return rows.length
  }

  return {
    async find(id) {
      if (!isShopId(id)) return undefined
      const row = await db.selectFrom('shops').selectAll().where('id', '=', id).executeTakeFirst()
      return row && read(row)
    },
    byPhone,
    async list({ limit, after = 0 }) {
      const rows = await db.selectFrom('shops').selectAll().where('id', '>', after).orderBy('id').limit(limit).execute()
      return rows.map(read)
    },
    async open({ name, phone, telegramId, accountId, language, currency }) {
      const known = await byPhone(phone)
      const [hash] = hashesOf(phone)
      const owner = { telegram_id: telegramId, account_id: accountId }
      const row = await db
        .insertInto('shops')
        .values({
          // A hash of an older key stays what finds it.
          ...(known === undefined ? {} : { id: known.id }),
          name,
          phone_hash: hash,
          sealed_phone: sealer.seal(phone, 'shop'),
          ...owner,
          language,
          currency,
          disabled_at: null,
          created_at: now(),
        })
        .onConflict((conflict) =>
          (known === undefined ? conflict.column('phone_hash') : conflict.column('id'))
            .doUpdateSet(owner)
            .where(sql<boolean>`shops.account_id is null or shops.account_id = ${accountId}`),
        )
        .returningAll()
        .executeTakeFirst()
      return row && read(row)
    },
    rename: (id, name) => change(id, { name }),
    async disable(id) {
      const shop = await change(id, { disabled_at: sql`coalesce(disabled_at, ${now()}::timestamptz)` as never })
      if (shop !== undefined) await endTokens(id)
      return shop
    },
    enable: (id) => change(id, { disabled_at: null }),
    async release(id) {
      const shop = await change(id, { account_id: null, telegram_id: null })
      if (shop !== undefined) await endTokens(id)
      return shop
    },
    endTokens,
  }
}

/** What the column can hold; whatever else is asked for is not there. */
function isShopId(id: number): boolean {
  return Number.isInteger(id) && id > 0 && id <= 2_147_483_647
}
