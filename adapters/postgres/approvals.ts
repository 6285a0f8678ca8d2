/**
 * What happens to a request for approval in a chat (OpenID CIBA) between its birth and its tokens: it is put to one
 * person, answered once, or overtaken.
 *
 * Each is one statement, so that of two answers one counts, of two requests of a client the newer stands, and nothing is
 * allowed by somebody to whom the identity, the account or the agreement no longer belongs. Knows no messages.
 */
import { CompiledQuery, type Kysely, sql } from 'kysely'
import type { NewArtifact } from './artifacts.ts'
import { hashed } from './hashed.ts'
import type { Database } from './schema.ts'
import { keyOf, storedId } from './stored-id.ts'

export interface NewPrompt {
  /** The secret id of the request. */
  readonly requestId: string
  readonly accountId: string
  readonly clientId: string
  /** The Telegram user id of whoever is asked. */
  readonly personId: string
  readonly expiresAt: Date
}

/** A message that asks about something which is over. */
export interface StalePrompt {
  /** Of its request. */
  readonly name: string
  readonly personId: string
  readonly clientId: string
  readonly messageId: number
  /** Whether the request was allowed in the end. */
  readonly allowed: boolean
}

export interface Approvals {
  /**
   * Puts a request to a person, and denies the one before it of the same client; answers a name of the request that
   * opens nothing from outside, and the message of the one before.
   */
  open(prompt: NewPrompt): Promise<{ name: string; stale: StalePrompt | undefined }>
  /** Notes which message asks; `allowed`: somebody was quicker; `over`: with a no, or a newer request. */
  sent(name: string, messageId: number): Promise<'waits' | 'allowed' | 'over'>
  /** Forgets that somebody is asked. */
  close(name: string): Promise<void>
  /** Forgets a request that reached nobody. */
  withdraw(name: string): Promise<void>
  /**
   * Writes the decision on a request; false when there was one already, it has expired, or the person may not allow it
   * any more.
   */
  decide(row: NewArtifact): Promise<boolean>
  /** Takes the messages whose requests no longer wait for an answer, a few at a time. */
  takeStale(limit: number): Promise<readonly StalePrompt[]>
}

/** The library's name of these requests. */
export const approvalModel = 'BackchannelAuthenticationRequest'

/** The store of requests for approval in a chat. */
export function approvals(db: Kysely<Database>, now: () => Date): Approvals {
  return {
    async open({ requestId, accountId, clientId, personId, expiresAt }) {
      const hash = hashed(requestId)
      const values = [hash, accountId, clientId, personId, expiresAt, denied('a newer request has replaced this one')]
      const { rows } = await db.executeQuery<StaleRow>(CompiledQuery.raw(openPrompt, values))
      return { name: storedId(hash), stale: rows[0] && stale(rows[0]) }
    },
    async sent(name, messageId) {
      const { numUpdatedRows } = await db
        .updateTable('approval_prompts')
        .set({ message_id: messageId })
        .where('request_hash', '=', keyOf(name))
        .executeTakeFirst()
      if (numUpdatedRows === 1n) return 'waits'
      const row = await db
        .selectFrom('artifacts')
        .select(sql<boolean>`payload ? 'grantId'`.as('allowed'))
        .where('id_hash', '=', keyOf(name))
        .executeTakeFirst()
      return row?.allowed === true ? 'allowed' : 'over'
    },
    async close(name) {
      await db.deleteFrom('approval_prompts').where('request_hash', '=', keyOf(name)).execute()
    },
    async withdraw(name) {
      await db
        .with('closed', (it) => it.deleteFrom('approval_prompts').where('request_hash', '=', keyOf(name)))
        .deleteFrom('artifacts')
        .where('id_hash', '=', keyOf(name))
        .where('model', '=', approvalModel)
        .execute()
    },
    async decide({ idHash, payload, grantId }) {
      const values = [idHash, JSON.stringify(payload), grantId, now()]
      const { rows } = await db.executeQuery(CompiledQuery.raw(decideRequest, values))
      return rows.length > 0
    },
    async takeStale(limit) {
      const { rows } = await db.executeQuery<StaleRow>(CompiledQuery.raw(takeStalePrompts, [now(), limit]))
      return rows.map(stale).filter((prompt) => prompt !== undefined)
    },
  }
}

const undecided = `not (payload ? 'grantId') and not (payload ? 'error')`

/** Whether a row of `artifacts` is a request that waits for an answer. */
export const isWaiting = sql<boolean>`model = ${sql.lit(approvalModel)} and consumed_at is null and ${sql.raw(undecided)}`

/** The payload of such a row once whoever was asked, or an administrator, has ended the access of the app. */
export const accessEnded = sql<string>`payload || ${sql.lit(denied('the access of the app was ended'))}::jsonb`

/** Denies what an account is asked: whatever ends its sessions ends that, too. */
export async function denyWaiting(db: Kysely<Database>, accountId: string): Promise<void> {
  await db
    .updateTable('artifacts')
    .set({ payload: accessEnded })
    .where(isWaiting)
    .where('id_hash', 'in', (select) =>
      select.selectFrom('approval_prompts').select('request_hash').where('account_id', '=', accountId),
    )
    .execute()
}

interface StaleRow {
  request_hash: string
  person_id: string
  client_id: string
  message_id: string | null
  allowed: boolean | null
}

function stale({ request_hash, person_id, client_id, message_id, allowed }: StaleRow): StalePrompt | undefined {
  // Whoever sends a message learns from `sent` that it is stale.
  if (message_id === null) return undefined
  return {
    name: storedId(request_hash),
    personId: person_id,
    clientId: client_id,
    messageId: Number(message_id),
    allowed: allowed === true,
  }
}

function denied(errorDescription: string): string {
  return JSON.stringify({ error: 'access_denied', errorDescription })
}

const openPrompt = `
  with before as (
    select request_hash, person_id, client_id, message_id from approval_prompts
    where account_id = $2 and client_id = $3 for update
  ), ended as (
    update artifacts set payload = payload || $6::jsonb
    where id_hash in (select request_hash from before) and model = '${approvalModel}' and consumed_at is null and ${undecided}
  ), opened as (
    insert into approval_prompts (request_hash, account_id, client_id, person_id, expires_at)
    values ($1, $2, $3, $4, $5::timestamptz)
    on conflict (account_id, client_id) do update set request_hash = excluded.request_hash,
      person_id = excluded.person_id, expires_at = excluded.expires_at, message_id = null
  )
  select request_hash, person_id, client_id, message_id, (
    select payload ? 'grantId' from artifacts where id_hash = before.request_hash
  ) as allowed from before`

// Whoever is asked holds the identity, the account is not disabled, the client is not, and what was agreed to stands; all
// of it locked, so that none of it ends at the same moment.
const decideRequest = `
  with live as (select id from grants where id = $3::text and revoked_at is null for share),
  prompt as (select * from approval_prompts where request_hash = $1 for update),
  person as (
    select 1 from prompt
    join identities on identities.provider = 'telegram' and identities.subject = prompt.person_id
      and identities.account_id = prompt.account_id
    join accounts on accounts.id = prompt.account_id and accounts.disabled_at is null
    for share of identities, accounts
  ), client as (
    select clients.first_party from prompt
    join clients on clients.id = prompt.client_id and clients.disabled_at is null
    for share of clients
  ), agreed as (
    select 1 from prompt
    join consents on consents.account_id = prompt.account_id and consents.client_id = prompt.client_id
    for share of consents
  )
  update artifacts set payload = $2::jsonb, grant_id = $3::text
  where id_hash = $1 and model = '${approvalModel}' and consumed_at is null and expires_at > $4::timestamptz and ${undecided}
    and ($3::text is null or (
      exists (select 1 from live) and exists (select 1 from person)
      and exists (select 1 from client where first_party or exists (select 1 from agreed))
    ))
  returning 1`

const takeStalePrompts = `
  delete from approval_prompts where request_hash in (
    select prompt.request_hash from approval_prompts prompt
    where not exists (
      select 1 from artifacts
      where artifacts.id_hash = prompt.request_hash and artifacts.expires_at > $1::timestamptz
        and not (artifacts.payload ? 'grantId') and not (artifacts.payload ? 'error')
    )
    limit $2::integer for update skip locked
  )
  returning request_hash, person_id, client_id, message_id, (
    select payload ? 'grantId' from artifacts where id_hash = approval_prompts.request_hash
  ) as allowed`
