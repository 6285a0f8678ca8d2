/**
 * The keys that sign tokens: public part readable, private part sealed; and the one that pairwise subjects follow from. All nodes share them; the first node that
 * starts makes them, under a lock, so that two nodes never make two sets.
 */
import { generateKeyPair, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { type Kysely, sql } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import type { Database } from './schema.ts'

/** A private JSON Web Key (RFC 7517) with `kid`, `alg` and `use`. */
export type SigningKey = Record<string, unknown> & { kid: string; alg: SigningAlgorithm }

/**
 * RS256 because OpenID Connect demands it (Core §15.1), ES256 for access tokens (it signs ten times faster), EdDSA (RFC
 * 8037, Ed25519) for apps that ask for it.
 */
export type SigningAlgorithm = 'RS256' | 'ES256' | 'EdDSA'
const algorithms: readonly SigningAlgorithm[] = ['RS256', 'ES256', 'EdDSA']

/** Under which the key of subjects is stored. */
const subjectKid = 'pairwise-subjects'

const generate = promisify(generateKeyPair)
const pairs = {
  RS256: () => generate('rsa', { modulusLength: 2048 }),
  ES256: () => generate('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generate('ed25519'),
} as const satisfies Record<SigningAlgorithm, unknown>

export function signingKeys(db: Kysely<Database>, sealer: Sealer, now: () => Date) {
  async function active(from: Kysely<Database>): Promise<SigningKey[]> {
    const rows = await from
      .selectFrom('signing_keys')
      .select(['kid', 'sealed_jwk'])
      .where('retired_at', 'is', null)
      .where('alg', 'in', algorithms)
      .orderBy('created_at', 'desc')
      .orderBy('kid')
      .execute()
    return rows.map((row) => JSON.parse(sealer.open(row.sealed_jwk, context(row.kid))) as SigningKey)
  }

  return {
    /** The keys in use, newest first; makes what is missing. Throws `SealBroken` when `SECRETS` do not open them. */
    async loadOrCreate(): Promise<readonly SigningKey[]> {
      const known = await active(db)
      const missing = (keys: readonly SigningKey[]) => algorithms.filter((alg) => !keys.some((key) => key.alg === alg))
      if (missing(known).length === 0) return known
      const made = await Promise.all(missing(known).map(generateKey))
      return db.transaction().execute(async (trx) => {
        await sql`select pg_advisory_xact_lock(hashtextextended('signing-keys', 0))`.execute(trx)
        const still = missing(await active(trx))
        for (const key of made.filter(({ alg }) => still.includes(alg))) {
          await trx
            .insertInto('signing_keys')
            .values({
              kid: key.kid,
              alg: key.alg,
              public_jwk: JSON.stringify(publicPart(key)),
              sealed_jwk: sealer.seal(JSON.stringify(key), context(key.kid)),
              created_at: now(),
            })
            .execute()
        }
        return active(trx)
      })
    },

    /**
     * The key that pairwise subjects follow from (OIDC Core §8.1), 32 bytes; made the first time, and never replaced.
     * Throws `SealBroken` when `SECRETS` do not open it.
     */
    async subjectKey(): Promise<Buffer> {
      const jwk = { kty: 'oct', kid: subjectKid, alg: 'HS256', use: 'sig' }
      const known = () => db.selectFrom('signing_keys').select('sealed_jwk').where('kid', '=', subjectKid)
      if ((await known().executeTakeFirst()) === undefined) {
        const made = { ...jwk, k: randomBytes(32).toString('base64url') }
        const row = {
          kid: subjectKid,
          alg: jwk.alg,
          public_jwk: JSON.stringify(jwk),
          sealed_jwk: sealer.seal(JSON.stringify(made), context(subjectKid)),
          created_at: now(),
        }
        await db
          .insertInto('signing_keys')
          .values(row)
          .onConflict((conflict) => conflict.doNothing())
          .execute()
      }
      const { sealed_jwk } = await known().executeTakeFirstOrThrow()
      const { k } = JSON.parse(sealer.open(sealed_jwk, context(subjectKid))) as { k: string }
      return Buffer.from(k, 'base64url')
    },

    /** Every key that ever signed tokens, newest first, without its private part. */
    async list(): Promise<{ kid: string; alg: string; createdAt: Date; retiredAt: Date | undefined }[]> {
      const rows = await db
        .selectFrom('signing_keys')
        .select(['kid', 'alg', 'created_at', 'retired_at'])
        .where('alg', 'in', algorithms)
        .orderBy('created_at', 'desc')
        .execute()
      return rows.map((row) => ({
        kid: row.kid,
        alg: row.alg,
        createdAt: row.created_at,
        retiredAt: row.retired_at ?? undefined,
      }))
    },
  }
}

function context(kid: string): string {
  return `signing-key:${kid}`
}

async function generateKey(alg: SigningAlgorithm): Promise<SigningKey> {
  const { privateKey } = await pairs[alg]()
  return { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(9).toString('base64url'), alg, use: 'sig' }
}

/** The members that RFC 7518 §6 calls public. */
function publicPart(key: SigningKey): Record<string, unknown> {
  const open = ['kty', 'kid', 'alg', 'use', 'n', 'e', 'crv', 'x', 'y']
  return Object.fromEntries(Object.entries(key).filter(([name]) => open.includes(name)))
}
