/**
 * Sign-ins that begin with a picture on a page and are decided in a chat: one row from the picture to its end.
 *
 * Every step is one conditional statement, so that of two people who scan one owns it, no decision replaces another, and
 * it works over nodes and restarts. The token is stored as a hash; who asks, the number and the person are sealed. Knows
 * neither the page nor the chat.
 */
import { randomBytes } from 'node:crypto'
import { CompiledQuery, type Kysely } from 'kysely'
import type { Sealer } from '../crypto/seal.ts'
import type { TelegramPerson } from '../telegram/contract.ts'
import { hashed } from './hashed.ts'
import { type NumberChoice, numberChoice } from './number-choice.ts'
import type { Database } from './schema.ts'

/** What the person is told in the chat before they decide. */
export interface TelegramSignInRequest {
  readonly purpose: 'sign-in' | 'link'
  readonly clientId: string
  /** Name of the app that they sign in to. */
  readonly app: string
  /** Of the browser that began, canonical; undefined where an app does not say it. */
  readonly address?: string | undefined
  /** ISO 3166 code. */
  readonly country?: string | undefined
  /** As the browser says. */
  readonly userAgent?: string | undefined
}

export interface TelegramSignIn extends TelegramSignInRequest, NumberChoice {
  /** Whether the picture stands on a page of ours, or the app draws it and says what is known of the browser. */
  readonly face: 'page' | 'app'
  /** Milliseconds since 1970. */
  readonly begunAt: number
}

/** `over`: unknown, expired, or handed over already. */
export type TelegramSignInStanding = 'waiting' | 'opened' | 'confirmed' | 'wrong-number' | 'denied' | 'over'

export interface BegunSignIn {
  readonly token: string
  readonly number: string
  readonly expiresIn: number
}

export interface TelegramSignIns {
  /**
   * Begins one; answers its token (256 bits), its number, and how long it may be scanned (seconds). `holder` is the client
   * that may ask how it stands, undefined for pages of ours. Undefined when too many of the holder wait.
   */
  begin(request: TelegramSignInRequest, holder?: string): Promise<BegunSignIn | undefined>
  standing(token: string, holder?: string): Promise<TelegramSignInStanding>
  /** The first person to come owns it; they may come again. Undefined for everybody else, and when it is over. */
  claim(token: string, personId: string): Promise<{ id: string; request: TelegramSignIn } | undefined>
  /** The decision of the person who owns it; undefined when there is none to be made any more. */
  decide(
    id: string,
    person: TelegramPerson,
    decision: 'confirmed' | 'wrong-number' | 'denied',
  ): Promise<TelegramSignIn | undefined>
  /** Who confirmed, for one caller; it is over then. */
  take(token: string, holder?: string): Promise<TelegramPerson | undefined>
}

/** Seconds to scan, then to decide, then to fetch what was decided. */
const lifetime = 120
/** Sign-ins of one client that may wait at a time. */
const mostOfHolder = 1_000

/** The store of sign-ins in Telegram. */
export function telegramSignIns(db: Kysely<Database>, sealer: Sealer, now: () => Date): TelegramSignIns {
  const until = () => new Date(now().getTime() + lifetime * 1000)
  const context = (part: 'request' | 'person', id: string) => `telegram-sign-in:${part}:${id}`
  const seal = (part: 'request' | 'person', id: string, value: unknown) =>
    sealer.seal(JSON.stringify(value), context(part, id))
  const open = (part: 'request' | 'person', id: string, sealed: string): unknown =>
    JSON.parse(sealer.open(sealed, context(part, id)))
  // Keyed, because there are few enough user ids to try them all.
  const markOf = (id: string, personId: string) => sealer.fingerprints(personId, context('person', id))[0]

  async function one<Row>(statement: string, values: unknown[]): Promise<Row | undefined> {
    const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(statement, values))
    return rows[0]
  }

  return {
    async begin(request, holder) {
      const token = randomBytes(32).toString('base64url')
      const id = hashed(token)
      const choice = numberChoice()
      const face = holder === undefined ? 'page' : 'app'
      const signIn: TelegramSignIn = { ...request, face, begunAt: now().getTime(), ...choice }
      const values = [id, holder ?? null, seal('request', id, signIn), until(), now(), mostOfHolder]
      return (await one(insert, values)) === undefined
        ? undefined
        : { token, number: choice.number, expiresIn: lifetime }
    },
    async standing(token, holder) {
      const row = await one<{ state: TelegramSignInStanding; alive: boolean }>(look, [
        hashed(token),
        holder ?? null,
        now(),
      ])
      if (row === undefined) return 'over'
      // What was decided against is told for as long as it is known.
      return row.alive || row.state === 'wrong-number' || row.state === 'denied' ? row.state : 'over'
    },
    async claim(token, personId) {
      const id = hashed(token)
      const row = await one<{ sealed_request: string }>(claim, [id, markOf(id, personId), until(), now()])
      return row && { id, request: open('request', id, row.sealed_request) as TelegramSignIn }
    },
    async decide(id, person, decision) {
      const sealed = decision === 'confirmed' ? seal('person', id, person) : null
      const values = [id, markOf(id, person.id), decision, sealed, until(), now()]
      const row = await one<{ sealed_request: string }>(decide, values)
      return row && (open('request', id, row.sealed_request) as TelegramSignIn)
    },
    async take(token, holder) {
      const id = hashed(token)
      const row = await one<{ sealed_person: string }>(take, [id, holder ?? null, now()])
      return row && (open('person', id, row.sealed_person) as TelegramPerson)
    },
  }
}

const insert = `
  insert into telegram_sign_ins (token_hash, holder, state, sealed_request, expires_at)
  select $1::text, $2::text, 'waiting', $3::text, $4::timestamptz
  where $2::text is null
    or (select count(*) from telegram_sign_ins where holder = $2::text and expires_at > $5::timestamptz) < $6::integer
  returning 1`

const look = `
  select state, expires_at > $3::timestamptz as alive from telegram_sign_ins
  where token_hash = $1 and holder is not distinct from $2::text`

const claim = `
  update telegram_sign_ins set
    state = 'opened', person_mark = $2,
    expires_at = case when state = 'waiting' then $3::timestamptz else expires_at end
  where token_hash = $1 and expires_at > $4::timestamptz
    and (state = 'waiting' or (state = 'opened' and person_mark = $2))
  returning sealed_request`

const decide = `
  update telegram_sign_ins set state = $3, sealed_person = $4::text, expires_at = $5::timestamptz
  where token_hash = $1 and state = 'opened' and person_mark = $2 and expires_at > $6::timestamptz
  returning sealed_request`

const take = `
  delete from telegram_sign_ins
  where token_hash = $1 and holder is not distinct from $2::text and state = 'confirmed' and expires_at > $3::timestamptz
  returning sealed_person`
