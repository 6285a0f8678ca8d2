/**
 * One-time codes on their way to a phone: each belongs to one request, has three tries and five minutes, and works once.
 *
 * The code is kept as a keyed hash, to be compared, and sealed, to be said again; stolen rows open nothing. A try is spent
 * by the statement that compares. Who was told a code is who it proves: another person is only ever told another code.
 */
import { CompiledQuery, type Kysely } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'

/** Tries at a code. */
const tries = 3
/** Seconds that a code lasts. */
export const codeLifetime = 5 * 60

export interface NewPhoneCode {
  /** The secret of the request; the code works for whoever knows it, and for nobody else. */
  readonly request: string
  /** E.164. */
  readonly phone: string
  /** Six digits. */
  readonly code: string
}

/** To whom our bot tells a code. They get the same one as before where they had it or nobody had, else a fresh one. */
export interface Telling {
  /** Telegram user id. */
  readonly personId: string
  /** They have shown this moment that the phone is theirs, so that one which was sent to the phone is theirs, too. */
  readonly vouched: boolean
  /** Makes another code. */
  readonly fresh: () => string
}

/** What a code that was typed is worth. */
export type CodeAnswer =
  /** Right, and told to this person by our bot; it is spent. */
  | { readonly kind: 'right'; readonly personId: string }
  /** Right, and nobody has shown yet whose number it is: it stays until they do. */
  | { readonly kind: 'unshared' }
  | { readonly kind: 'wrong'; readonly triesLeft: number }
  /** Expired, spent, or never there. */
  | { readonly kind: 'gone' }

export interface PhoneCodes {
  /** Puts a code in the place of the one that the request had. */
  put(code: NewPhoneCode): Promise<void>
  /** Gives the code of a request to a person; undefined when there is none. */
  tell(request: string, telling: Telling): Promise<string | undefined>
  /** The same where they have shared the phone that it is for. */
  tellOwn(request: string, telling: Telling): Promise<string | undefined>
  /** The same for the newest code of a phone. */
  tellNewest(phone: string, telling: Telling): Promise<string | undefined>
  /** Gives the code of a request to whoever has the phone, by other means than our bot: it proves nobody yet. */
  passOn(request: string, fresh: () => string): Promise<string | undefined>
  /** Spends a try and compares. */
  answer(request: string, phone: string, code: string): Promise<CodeAnswer>
}

/** The store of codes. */
export function phoneCodes(db: Kysely<Database>, sealer: Sealer, now: () => Date): PhoneCodes {
  const sealed = (code: string, id: string) => sealer.seal(code, `phone-code:${id}`)
  const opened = ({ id, sealed }: Found) => sealer.open(sealed, `phone-code:${id}`)
  const codeHashes = (id: string, code: string) => sealer.fingerprints(`${id}:${code}`, 'phone-code')

  /**
   * `where` finds the row by what `by` holds, from `$2` on; `choose` says what the code is from then on and whom it
   * proves. The write holds only while the row is as it was read: of two at once the second gives nothing.
   */
  async function give(
    where: string,
    by: readonly unknown[],
    choose: (row: Found) => Given,
  ): Promise<string | undefined> {
    const found = await db.executeQuery<Found>(CompiledQuery.raw(findCode(where), [now(), ...by]))
    const [row] = found.rows
    if (row === undefined) return undefined
    const { code, personId } = choose(row)
    const read = [row.id, row.person, row.code_hash, now()]
    const written = [personId, personId === null, codeHashes(row.id, code)[0], sealed(code, row.id)]
    const { rows } = await db.executeQuery(CompiledQuery.raw(giveCode, [...read, ...written]))
    return rows.length > 0 ? code : undefined
  }

  function told({ personId, vouched, fresh }: Telling): (row: Found) => Given {
    return (row) => {
      const nobodys = row.person === null && (vouched || !row.passed_on)
      return { personId, code: nobodys || row.person === personId ? opened(row) : fresh() }
    }
  }

  return {
    async put({ request, phone, code }) {
      const id = hashed(request)
      const at = now()
      const until = new Date(at.getTime() + codeLifetime * 1000)
      const values = [id, sealer.fingerprints(phone, 'phone')[0], codeHashes(id, code)[0], sealed(code, id), tries, at]
      await db.executeQuery(CompiledQuery.raw(putCode, [...values, until]))
    },
    tell: (request, telling) => give('id_hash = $2', [hashed(request)], told(telling)),
    tellOwn: (request, telling) => give(theirOwn, [hashed(request), telling.personId], told(telling)),
    tellNewest: (phone, telling) =>
      give('phone_hash = any($2::text[])', [[...sealer.fingerprints(phone, 'phone')]], told(telling)),
    passOn: (request, fresh) =>
      give('id_hash = $2', [hashed(request)], (row) => ({
        personId: null,
        code: row.person === null ? opened(row) : fresh(),
      })),
    async answer(request, phone, code) {
      const id = hashed(request)
      const phones = [...sealer.fingerprints(phone, 'phone')]
      const { rows } = await db.executeQuery<{ right: boolean; person: string | null; left: number }>(
        CompiledQuery.raw(spendTry, [id, phones, [...codeHashes(id, code)], now()]),
      )
      const [row] = rows
      if (row === undefined) return { kind: 'gone' }
      if (!row.right) return { kind: 'wrong', triesLeft: row.left }
      return row.person === null ? { kind: 'unshared' } : { kind: 'right', personId: row.person }
    },
  }
}

interface Found {
  readonly id: string
  readonly sealed: string
  readonly code_hash: string
  readonly person: string | null
  readonly passed_on: boolean
}

interface Given {
  readonly code: string
  readonly personId: string | null
}

const putCode = `
  insert into phone_codes (id_hash, phone_hash, code_hash, sealed_code, tries_left, created_at, expires_at)
  values ($1, $2, $3, $4, $5, $6::timestamptz, $7::timestamptz)
  on conflict (id_hash) do update set phone_hash = excluded.phone_hash, code_hash = excluded.code_hash,
    sealed_code = excluded.sealed_code, tries_left = excluded.tries_left, person_id = null, passed_on = false, used_at = null,
    created_at = excluded.created_at, expires_at = excluded.expires_at`

const alive = (at: string) => `used_at is null and tries_left > 0 and expires_at > ${at}::timestamptz`

const theirOwn = `id_hash = $2
  and phone_hash in (select phone_hash from telegram_phones where person_id = $3::text)`

const columns = 'id_hash as id, sealed_code as sealed, code_hash, person_id as person, passed_on'

const findCode = (where: string) => `
  select ${columns} from phone_codes
  where ${where} and ${alive('$1')} order by created_at desc, id_hash limit 1`

const giveCode = `
  update phone_codes set person_id = $5::text, passed_on = $6, code_hash = $7, sealed_code = $8
  where id_hash = $1 and person_id is not distinct from $2::text and code_hash = $3 and ${alive('$4')}
  returning 1`

// A right code that proves nobody yet costs no try: it is asked again once the number was shared.
const spendTry = `
  update phone_codes set
    tries_left = case when code_hash = any($3::text[]) and person_id is null then tries_left else tries_left - 1 end,
    used_at = case when code_hash = any($3::text[]) and person_id is not null then $4::timestamptz end
  where id_hash = $1 and phone_hash = any($2::text[]) and ${alive('$4')}
  returning code_hash = any($3::text[]) as right, person_id as person, tries_left as left`
