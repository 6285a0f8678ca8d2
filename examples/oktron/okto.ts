/**
 * What a person does at okto through oktron: connect, prove with a PIN that it is them, call the API, disconnect.
 *
 * Knows people by their Telegram user id and nothing of chats. Callers see to it that one person's calls come one after
 * the other (`turns.ts`): a refresh token counts once.
 */
import type { Allowed } from './access.ts'
import type { Authorization } from './authorization.ts'
import { matches, mostTries, newPin } from './pin.ts'
import type { Connection, Known, Vault } from './vault.ts'

export interface OktoOptions {
  authorization: Pick<Authorization, 'refresh' | 'revoke'>
  people: Vault['people']
  /** Where the API is reached. */
  api: string
}

/** The person is not connected, or not any more; the chat is to say so. */
export class NotConnected extends Error {
  override name = 'NotConnected'
  /** There was a connection until a moment ago. */
  readonly ended: boolean

  constructor(ended: boolean) {
    super(ended ? 'the connection has ended' : 'there is no connection')
    this.ended = ended
  }
}

export type Okto = ReturnType<typeof okto>

/** Renew access tokens that have less than this to live, milliseconds. */
const spare = 30_000

export function okto({ authorization, people, api }: OktoOptions) {
  async function find(userId: number): Promise<Connection | undefined> {
    const known = await people.find(userId)
    return known !== undefined && isConnected(known) ? known : undefined
  }

  async function connected(userId: number): Promise<Connection> {
    const connection = await find(userId)
    if (connection === undefined) throw new NotConnected(false)
    return connection
  }

  /** Another access token. What the server gave is kept before it is used: the one before is void by now. */
  async function renew(userId: number, connection: Connection): Promise<Connection> {
    const tokens = await authorization.refresh(connection)
    if (tokens === 'ended') {
      // Who it was is remembered: the server can be had to ask them. The PIN, too: approving is no proof of it.
      const { tokens: _ended, ...known } = connection
      await people.keep(userId, known)
      throw new NotConnected(true)
    }
    const renewed = { ...connection, tokens }
    await people.keep(userId, renewed)
    return renewed
  }

  async function call<T>(userId: number, path: string, init: RequestInit = {}): Promise<T> {
    const ask = (token: string) =>
      fetch(api + path, {
        ...init,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        redirect: 'error',
        signal: AbortSignal.timeout(5_000),
      })
    const found = await connected(userId)
    const usable = found.tokens.accessExpiresAt - spare > Date.now() ? found : await renew(userId, found)
    let answer = await ask(usable.tokens.accessToken)
    // Not expired and yet refused: the API knows better. Once only, or a mistake of the API's would go on for ever.
    if (answer.status === 401) answer = await ask((await renew(userId, usable)).tokens.accessToken)
    if (!answer.ok) throw new Error(`okto answered ${answer.status}`)
    return (await answer.json()) as T
  }

  async function end(connection: Connection): Promise<'revoked' | 'forgotten'> {
    return authorization.revoke(connection).then(
      () => 'revoked' as const,
      () => 'forgotten' as const,
    )
  }

  /** Ends the connection here and at the server, and forgets the person. `forgotten`: the server could not be told. */
  async function disconnect(userId: number): Promise<'revoked' | 'forgotten' | 'none'> {
    const known = await people.find(userId)
    // First here: whatever the server answers, nothing is left that could be stolen.
    await people.forget(userId)
    return known !== undefined && isConnected(known) ? end(known) : 'none'
  }

  return {
    find,
    disconnect,

    /** Somebody whose connection has ended without their wish to be forgotten. */
    async ended(userId: number): Promise<Known | undefined> {
      const known = await people.find(userId)
      return known === undefined || isConnected(known) ? undefined : known
    },

    /** Keeps what was allowed. Answers whether there is a PIN already: one of the same person counts on. */
    async connect(userId: number, allowed: Allowed): Promise<{ hasPin: boolean }> {
      const before = await people.find(userId)
      const pin = before?.subject === allowed.subject ? before.pin : undefined
      await people.keep(userId, { ...allowed, ...(pin === undefined ? {} : { pin }) })
      if (before !== undefined && isConnected(before)) await end(before)
      return { hasPin: pin !== undefined }
    },

    /** The first PIN of a connection; a later one is not taken. Throws `NotConnected`. */
    async choosePin(userId: number, text: string): Promise<boolean> {
      const connection = await connected(userId)
      if (connection.pin !== undefined) return false
      await people.keep(userId, { ...connection, pin: await newPin(text) })
      return true
    },

    /** Whether it is right, else how many tries are left; with none left the connection ends. Throws `NotConnected`. */
    async checkPin(userId: number, text: string): Promise<'right' | number> {
      const connection = await connected(userId)
      const { pin } = connection
      if (pin === undefined) return mostTries
      // The try is spent before it is made: who stops the program in between has not gained one.
      const spent = { ...pin, triesLeft: pin.triesLeft - 1 }
      await people.keep(userId, { ...connection, pin: spent })
      if (await matches(pin, text)) {
        await people.keep(userId, { ...connection, pin: { ...pin, triesLeft: mostTries } })
        return 'right'
      }
      if (spent.triesLeft <= 0) await disconnect(userId)
      return Math.max(spent.triesLeft, 0)
    },

    /** Throws `NotConnected`. */
    me: (userId: number) => call<{ id: string; notes: readonly string[] }>(userId, '/me'),

    /** Answers how many notes there are. Throws `NotConnected`. */
    async addNote(userId: number, text: string): Promise<number> {
      const init = { method: 'POST', body: JSON.stringify({ text }) }
      return (await call<{ notes: number }>(userId, '/notes', init)).notes
    },
  }
}

function isConnected(known: Known | Connection): known is Connection {
  return 'tokens' in known
}
