/**
 * Codes, tokens and pushed requests: everything with an id that is a secret, single use, or both.
 *
 * Each operation is one statement, so that it holds under any race. New rows are written only while their grant lives
 * (`for share`: a revocation that runs at the same time cannot be overtaken), and a row counts as gone when its grant is
 * revoked or its account is disabled.
 */
import { CompiledQuery, type Kysely, type Selectable } from 'kysely'
import { batched } from './batched.ts'
import type { AccountRow, Database } from './schema.ts'

type Payload = Record<string, unknown>

export interface NewArtifact {
  idHash: string
  model: string
  grantId: string | null
  accountId: string | null
  clientId: string | null
  userCodeHash: string | null
  payload: Payload
  createdAt: Date
  expiresAt: Date
}

export interface ArtifactRecord {
  idHash: string
  model: string
  payload: Payload
  consumedAt: Date | undefined
  successorHash: string | undefined
  successorConsumed: boolean
  grant: { id: string; payload: Payload } | undefined
  account: Selectable<AccountRow> | undefined
}

export interface Spend {
  idHash: string
  model: string
  /** Seconds in which a spent refresh token may be spent again while its successor is unused. */
  grace: number
}

export type SpendOutcome =
  | { result: 'ok' }
  /** Spent before: `grantId` is what has to be revoked. */
  | { result: 'already-spent'; grantId: string | undefined }
  /** The row or its grant is gone. */
  | { result: 'gone' }

interface FoundRow {
  id_hash: string
  model: string
  payload: Payload
  grant_id: string | null
  account_id: string | null
  consumed_at: Date | null
  successor_hash: string | null
  successor_consumed_at: Date | null
  grant_payload: Payload | null
  grant_revoked_at: Date | null
  account_name: string | null
  account_email: string | null
  account_email_verified: boolean | null
  account_created_at: Date | null
  account_disabled_at: Date | null
}

/**
 * Fills a list of few. Postgres plans a statement once for all only if that looks no dearer than planning for each list,
 * and it takes a list that it does not know for ten: shorter ones would be planned anew each time, at thrice the cost.
 */
const noHashes: readonly null[] = new Array(16).fill(null)

export function artifacts(db: Kysely<Database>, now: () => Date) {
  const findTogether = batched<string, ArtifactRecord | undefined>(
    async (hashes) => {
      const padded = [...hashes, ...noHashes.slice(hashes.length)]
      const statement = CompiledQuery.raw(findArtifacts, [padded])
      const { rows } = await db.executeQuery<FoundRow>(statement)
      const byHash = new Map(rows.map((row) => [row.id_hash, row]))
      return hashes.map((hash) => {
        const row = byHash.get(hash)
        return row === undefined ? undefined : record(row)
      })
    },
    { lanes: 4, size: 50 },
  )

  // Tokens of services hang on no grant and on nobody else's row, and there may be very many at once.
  const writeServiceToken = batched<NewArtifact, void>(
    async (rows) => {
      await db.executeQuery(CompiledQuery.raw(writeArtifacts, [null, JSON.stringify(rows.map(stored))]))
      return []
    },
    { lanes: 2, size: 50 },
  )

  return {
    /** A row to be written; `expiresIn` in seconds. */
    row(input: {
      idHash: string
      model: string
      payload: Payload
      expiresIn: number
      userCodeHash?: string
    }): NewArtifact {
      const createdAt = now()
      return {
        idHash: input.idHash,
        model: input.model,
        grantId: textOrNull(input.payload['grantId']),
        accountId: textOrNull(input.payload['accountId']),
        clientId: textOrNull(input.payload['clientId']),
        userCodeHash: input.userCodeHash ?? null,
        payload: input.payload,
        createdAt,
        expiresAt: new Date(createdAt.getTime() + input.expiresIn * 1000),
      }
    },

    find: (idHash: string): Promise<ArtifactRecord | undefined> => findTogether(idHash),

    async findByUserCode(hashes: readonly string[]): Promise<ArtifactRecord | undefined> {
      const condition = 'a.user_code_hash = any($1::text[]) order by a.created_at desc limit 1'
      const statement = CompiledQuery.raw(`${selectArtifact} where ${condition}`, [hashes])
      const { rows } = await db.executeQuery<FoundRow>(statement)
      return rows[0] === undefined ? undefined : record(rows[0])
    },

    /** When the row was spent, as far as the library may know: inside the grace of a lost response it was not. */
    consumedAt(found: ArtifactRecord, grace: number): Date | undefined {
      const { consumedAt } = found
      if (consumedAt === undefined || found.model !== 'RefreshToken' || found.successorHash === undefined)
        return consumedAt
      const inGrace = now().getTime() - consumedAt.getTime() < grace * 1000
      return inGrace && !found.successorConsumed ? undefined : consumedAt
    },

    /** Writes rows whose grant lives; false when one's grant is gone (then none is written). */
    async write(rows: readonly NewArtifact[]): Promise<boolean> {
      const [only] = rows
      if (rows.length === 1 && only?.model === 'ClientCredentials') {
        await writeServiceToken(only)
        return true
      }
      const { rows: result } = await db.executeQuery<{ written: boolean }>(
        CompiledQuery.raw(writeArtifacts, [grantOf(rows), JSON.stringify(rows.map(stored))]),
      )
      return result[0]?.written === true
    },

    /** Spends one row and writes its successors, all or nothing. */
    async spend({ idHash, model, grace }: Spend, rows: readonly NewArtifact[]): Promise<SpendOutcome> {
      const at = now()
      const successor = model === 'RefreshToken' ? rows.find((row) => row.model === 'RefreshToken')?.idHash : undefined
      const { rows: result } = await db.executeQuery<{
        spent: boolean
        grant_id: string | null
        known: boolean
        live: boolean
      }>(
        CompiledQuery.raw(spendArtifact, [
          idHash,
          at,
          successor ?? null,
          new Date(at.getTime() - grace * 1000),
          JSON.stringify(rows.map(stored)),
        ]),
      )
      const [outcome] = result
      if (outcome?.spent === true && outcome.live) return { result: 'ok' }
      if (outcome?.known !== true || !outcome.live) return { result: 'gone' }
      return { result: 'already-spent', grantId: outcome.grant_id ?? undefined }
    },

    async destroy(idHash: string): Promise<void> {
      await db.deleteFrom('artifacts').where('id_hash', '=', idHash).execute()
    },

    async destroyByGrant(grantId: string, model: string): Promise<void> {
      // Spent codes and refresh tokens stay: they are how a replay is recognised.
      await db
        .deleteFrom('artifacts')
        .where('grant_id', '=', grantId)
        .where('model', '=', model)
        .where('consumed_at', 'is', null)
        .execute()
    },
  }
}

const selectArtifact = `
  select a.id_hash, a.model, a.payload, a.grant_id, a.account_id, a.consumed_at, a.successor_hash,
         s.consumed_at as successor_consumed_at,
         g.payload as grant_payload, g.revoked_at as grant_revoked_at,
         p.name as account_name, p.email as account_email, p.email_verified as account_email_verified,
         p.created_at as account_created_at, p.disabled_at as account_disabled_at
  from artifacts a
  left join artifacts s on s.id_hash = a.successor_hash
  left join grants g on g.id = a.grant_id
  left join accounts p on p.id = a.account_id`

// `lateral … limit 1`: one search by primary key for each, whatever the statistics say of a table that grows.
const findArtifacts = `
  select found.* from unnest($1::text[]) as wanted(id_hash)
  cross join lateral (${selectArtifact} where a.id_hash = wanted.id_hash limit 1) as found`

const newRows = `
  jsonb_to_recordset($ROWS::jsonb) as r(id_hash text, model text, grant_id text, account_id text, client_id text,
    user_code_hash text, payload jsonb, created_at timestamptz, expires_at timestamptz)`

const columns = 'id_hash, model, grant_id, account_id, client_id, user_code_hash, payload, created_at, expires_at'

const writeArtifacts = `
  with live as (select id from grants where id = $1::text and revoked_at is null for share),
  written as (
    insert into artifacts (${columns})
    select ${columns} from ${newRows.replace('$ROWS', '$2')}
    where $1::text is null or exists (select 1 from live)
    on conflict (id_hash) do update set payload = excluded.payload, expires_at = excluded.expires_at,
      account_id = excluded.account_id, grant_id = excluded.grant_id
    returning 1
  )
  select exists (select 1 from written) as written`

// A retry inside the grace finds its successor in place: the row is left as it is ("on conflict do nothing").
const spendArtifact = `
  with target as (select grant_id from artifacts where id_hash = $1),
  live as (select id from grants where id = (select grant_id from target) and revoked_at is null for share),
  alive as (select exists (select 1 from live) or exists (select 1 from target where grant_id is null) as yes),
  spent as (
    update artifacts a set consumed_at = coalesce(a.consumed_at, $2::timestamptz),
      successor_hash = coalesce(a.successor_hash, $3::text)
    where a.id_hash = $1
      and (select yes from alive)
      and (a.consumed_at is null
        or (a.consumed_at > $4::timestamptz and a.successor_hash = $3::text
          and not exists (select 1 from artifacts s where s.id_hash = a.successor_hash and s.consumed_at is not null)))
    returning 1
  ),
  written as (
    insert into artifacts (${columns})
    select ${columns} from ${newRows.replace('$ROWS', '$5')}
    where exists (select 1 from spent)
    on conflict (id_hash) do nothing
  )
  select exists (select 1 from spent) as spent, (select yes from alive) as live,
    exists (select 1 from target) as known, (select grant_id from target) as grant_id`

function record(row: FoundRow): ArtifactRecord | undefined {
  if (row.grant_id !== null && (row.grant_payload === null || row.grant_revoked_at !== null)) return undefined
  const account = accountOf(row)
  if (row.account_id !== null && (account === undefined || account.disabled_at !== null)) return undefined
  return {
    idHash: row.id_hash,
    model: row.model,
    payload: row.payload,
    consumedAt: row.consumed_at ?? undefined,
    successorHash: row.successor_hash ?? undefined,
    successorConsumed: row.successor_consumed_at !== null,
    grant:
      row.grant_id === null || row.grant_payload === null
        ? undefined
        : { id: row.grant_id, payload: row.grant_payload },
    account,
  }
}

function accountOf(row: FoundRow): Selectable<AccountRow> | undefined {
  if (row.account_id === null || row.account_created_at === null) return undefined
  return {
    id: row.account_id,
    name: row.account_name,
    email: row.account_email,
    email_verified: row.account_email_verified === true,
    created_at: row.account_created_at,
    disabled_at: row.account_disabled_at,
  }
}

function stored(row: NewArtifact): Record<string, unknown> {
  return {
    id_hash: row.idHash,
    model: row.model,
    grant_id: row.grantId,
    account_id: row.accountId,
    client_id: row.clientId,
    user_code_hash: row.userCodeHash,
    payload: row.payload,
    created_at: row.createdAt,
    expires_at: row.expiresAt,
  }
}

/** All rows of one request belong to one grant. */
function grantOf(rows: readonly NewArtifact[]): string | null {
  return rows.find((row) => row.grantId !== null)?.grantId ?? null
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
