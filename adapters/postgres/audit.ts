/**
 * What happened to accounts, clients and grants, for those who must answer for it later.
 *
 * Append-only from here. Holds no secret: callers give ids, addresses and plain facts.
 */
import type { Kysely, Selectable } from 'kysely'
import type { Json } from '../identity/contract.ts'
import type { AuditEventRow, Database } from './schema.ts'

export type AuditEventName =
  | 'sign-in.succeeded'
  | 'sign-in.failed'
  | 'sign-in.locked'
  | 'sign-in.refused'
  | 'account.created'
  | 'account.disabled'
  | 'account.enabled'
  | 'account.removed'
  | 'account.access-ended'
  | 'identity.added'
  | 'identity.removed'
  | 'identity.refused'
  | 'password.changed'
  | 'second-factor.enrolled'
  | 'second-factor.removed'
  | 'second-factor.recovery-used'
  | 'second-factor.recovery-renewed'
  | 'consent.granted'
  | 'consent.denied'
  | 'grant.revoked'
  | 'token.reuse-detected'
  | 'token.exchanged'
  | 'assertion.accepted'
  | 'exchange.allowed'
  | 'exchange.denied'
  | 'issuer.trusted'
  | 'issuer.distrusted'
  | 'session.ended'
  | 'logout.undelivered'
  | 'client.added'
  | 'client.updated'
  | 'client.secret-rotated'
  | 'client.disabled'
  | 'client.enabled'
  | 'client.removed'
  | 'client.guessing-slowed'
  | 'registration-token.created'
  | 'registration-token.revoked'
  | 'resource.added'
  | 'resource.updated'
  | 'resource.removed'
  | 'pds.linked'
  | 'pds.link-ended'
  | 'pds.key-rotated'
  | 'device.connected'
  | 'device.denied'
  | 'device.guessing-slowed'
  | 'approval.asked'
  | 'approval.slowed'
  | 'approval.allowed'
  | 'approval.denied'
  | 'telegram.connect-denied'
  | 'telegram.sign-in-denied'
  | 'telegram.sign-in-wrong-number'
  | 'phone.shared'
  | 'phone.forgotten'
  | 'phone-code.guessing-slowed'
  | 'shop.opened'
  | 'shop.refused'
  | 'shop.renamed'
  | 'shop.disabled'
  | 'shop.enabled'
  | 'shop.released'
  | 'ifttt.authorized'
  | 'ifttt.denied'
  | 'ifttt.test-set-up'
  | 'ifttt.keys-refused'

export interface NewAuditEvent {
  readonly event: AuditEventName
  readonly accountId?: string | undefined
  readonly clientId?: string | undefined
  readonly address?: string | undefined
  readonly detail?: Readonly<Record<string, Json>> | undefined
}

export interface AuditEvent {
  readonly id: string
  readonly at: Date
  readonly event: AuditEventName
  readonly accountId: string | undefined
  readonly clientId: string | undefined
  readonly address: string | undefined
  readonly detail: Readonly<Record<string, Json>>
}

/** Which events; what is undefined does not matter. */
export interface AuditPage {
  readonly accountId?: string | undefined
  readonly clientId?: string | undefined
  /** A name, or what names begin with before the dot. */
  readonly event?: string | undefined
  readonly since?: Date | undefined
  readonly limit: number
}

export interface Audit {
  record(event: NewAuditEvent): Promise<void>
  /** Newest first. */
  list(page: AuditPage): Promise<readonly AuditEvent[]>
}

/** The store of audit events; `now` stamps them. */
export function audit(db: Kysely<Database>, now: () => Date): Audit {
  return {
    async record({ event, accountId, clientId, address, detail }) {
      await db
        .insertInto('audit_events')
        .values({
          at: now(),
          event,
          account_id: accountId ?? null,
          client_id: clientId ?? null,
          address: address ?? null,
          detail: JSON.stringify(detail ?? {}),
        })
        .execute()
    },
    async list({ accountId, clientId, event, since, limit }) {
      const rows = await db
        .selectFrom('audit_events')
        .selectAll()
        .$if(accountId !== undefined, (it) => it.where('account_id', '=', accountId ?? ''))
        .$if(clientId !== undefined, (it) => it.where('client_id', '=', clientId ?? ''))
        .$if(event !== undefined, (it) =>
          it.where(({ eb, fn }) =>
            eb.or([
              eb('event', '=', event ?? ''),
              eb(fn<boolean>('starts_with', ['event', eb.val(`${event}.`)]), '=', true),
            ]),
          ),
        )
        .$if(since !== undefined, (it) => it.where('at', '>=', since ?? new Date(0)))
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit)
        .execute()
      return rows.map(read)
    },
  }
}

function read(row: Selectable<AuditEventRow>): AuditEvent {
  return {
    id: String(row.id),
    at: row.at,
    event: row.event as AuditEventName,
    accountId: row.account_id ?? undefined,
    clientId: row.client_id ?? undefined,
    address: row.address ?? undefined,
    detail: row.detail as Record<string, Json>,
  }
}
