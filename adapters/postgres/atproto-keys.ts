/**
 * The keys by which our client proves itself at people's PDSs (RFC 7523, ES256): public part readable, private sealed.
 *
 * A link stays bound to the key it began with, so a key that is no longer the newest keeps serving; cleanup removes it
 * with its last link. All nodes share the keys; the first that needs one makes it, under a lock.
 */
import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { type Kysely, sql } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import type { Database } from './schema.ts'

/** A private JSON Web Key (RFC 7517). */
export type AtprotoKey = Record<string, unknown> & { kid: string }

/** Seconds that a PDS may go by an older copy of our keys. */
const settlingTime = 15 * 60

const generate = promisify(generateKeyPair)

export function atprotoKeys(db: Kysely<Database>, sealer: Sealer, now: () => Date) {
  /** Those in use first; then the rest, newest first. */
  async function all(from: Kysely<Database>): Promise<readonly AtprotoKey[]> {
    const rows = await from
      .selectFrom('atproto_keys')
      .select(['kid', 'sealed_jwk', 'created_at'])
      .orderBy('created_at', 'desc')
      .orderBy('kid')
      .execute()
    const settled = now().getTime() - settlingTime * 1000
    const used = rows.find(({ created_at }) => created_at.getTime() <= settled) ?? rows.at(-1)
    return [...rows.filter((row) => row === used), ...rows.filter((row) => row !== used)].map(
      (row) => JSON.parse(sealer.open(row.sealed_jwk, context(row.kid))) as AtprotoKey,
    )
  }

  async function insert(into: Kysely<Database>, key: AtprotoKey): Promise<void> {
    const { d: _private, key_ops: _uses, ...open } = key
    await into
      .insertInto('atproto_keys')
      .values({
        kid: key.kid,
        public_jwk: JSON.stringify({ ...open, use: 'sig' }),
        sealed_jwk: sealer.seal(JSON.stringify(key), context(key.kid)),
        created_at: now(),
      })
      .execute()
  }

  return {
    /**
     * Every key, the one for new links first: the newest that has been public for 15 minutes, else the oldest. Makes the
     * first key. Throws `SealBroken` when `SECRETS` do not open them.
     */
    async loadOrCreate(): Promise<readonly AtprotoKey[]> {
      const known = await all(db)
      if (known.length > 0) return known
      const made = await generateKey()
      return db.transaction().execute(async (trx) => {
        await sql`select pg_advisory_xact_lock(hashtextextended('atproto-keys', 0))`.execute(trx)
        if ((await all(trx)).length === 0) await insert(trx, made)
        return all(trx)
      })
    },

    /** Adds a key, which is public at once and used for new links 15 minutes later; answers its id. */
    async rotate(): Promise<string> {
      const made = await generateKey()
      await db.transaction().execute(async (trx) => {
        await trx.updateTable('atproto_keys').set({ retired_at: now() }).where('retired_at', 'is', null).execute()
        await insert(trx, made)
      })
      return made.kid
    },

    /** Every key that is still public, newest first, without its private part. */
    async list(): Promise<{ kid: string; createdAt: Date; retiredAt: Date | undefined }[]> {
      const rows = await db
        .selectFrom('atproto_keys')
        .select(['kid', 'created_at', 'retired_at'])
        .orderBy('created_at', 'desc')
        .execute()
      return rows.map((row) => ({ kid: row.kid, createdAt: row.created_at, retiredAt: row.retired_at ?? undefined }))
    },
  }
}

function context(kid: string): string {
  return `atproto-key:${kid}`
}

async function generateKey(): Promise<AtprotoKey> {
  const { privateKey } = await generate('ec', { namedCurve: 'P-256' })
  return {
    ...privateKey.export({ format: 'jwk' }),
    kid: randomBytes(9).toString('base64url'),
    alg: 'ES256',
    key_ops: ['sign'],
  }
}
