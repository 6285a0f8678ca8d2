/**
 * Slows down those who try secrets of clients, without a way to lock a client out.
 *
 * Only what has failed is counted, by network address and by address and client, and only further failures are held off.
 * The right secret always works: it is 256 random bits, so no number of guesses comes near it, and the addresses of a
 * platform like IFTTT are shared by strangers who could name anybody's client. What is gained is that guessing is seen
 * and costs little; requests that succeed cost nothing at all.
 */
import { createHash } from 'node:crypto'
import type { Context, Middleware } from 'koa'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { LimitPolicy, Limits } from '../../adapters/postgres/limits.ts'

const minute = 60
/** Failures without a delay: enough for somebody who sets a client up; then a minute, rising to a quarter of an hour. */
const delays = { firstDelay: minute, maxDelay: 15 * minute, forget: 60 * minute }
const byClient: LimitPolicy = { free: 20, ...delays }
const byAddress: LimitPolicy = { free: 100, ...delays }

/** Blocks that a node keeps in mind, so that it can answer them without the database; the oldest goes first. */
const blocksKept = 10_000

export interface Guess {
  readonly address: string
  /** The client as the request names it. */
  readonly name: string
  /** The client that there is. */
  readonly clientId: string | undefined
}

export interface ClientGuesses {
  /** Counts a failure; seconds to wait when there were too many, else undefined. */
  failed(guess: Guess): Promise<number | undefined>
}

export interface ClientGuessOptions {
  limits: Pick<Limits, 'spend' | 'bucketOf'>
  /** Told of each block once, by each node that meets it; `seconds` are what is left of it. */
  onBlocked: (guess: Guess, seconds: number) => void
  now: () => Date
}

/** The failures of all clients; made once, because providers come and go. */
export function clientGuesses({ limits, onBlocked, now }: ClientGuessOptions): ClientGuesses {
  const blocks = new Map<string, number>()

  /** Seconds that are left of a block, 0 when none is known. */
  const left = (key: string) => Math.max(0, Math.ceil(((blocks.get(key) ?? 0) - now().getTime()) / 1000))

  async function spend(key: string, policy: LimitPolicy, guess: Guess): Promise<number | undefined> {
    const answer = await limits.spend(key, policy)
    if (answer.allowed) return undefined
    // Others may have met the block in the meantime.
    if (left(key) === 0) onBlocked(guess, answer.retryAfter)
    blocks.delete(key)
    blocks.set(key, now().getTime() + answer.retryAfter * 1000)
    if (blocks.size > blocksKept) blocks.delete(blocks.keys().next().value as string)
    return answer.retryAfter
  }

  return {
    async failed(guess) {
      const ofAddress = `client:${limits.bucketOf(guess.address)}`
      // By what the request says and not by what there is, so that nobody learns which clients there are.
      const ofClient = `${ofAddress}:${createHash('sha256').update(guess.name).digest('base64url')}`
      const known = Math.max(left(ofAddress), left(ofClient))
      if (known > 0) return known
      return (await spend(ofAddress, byAddress, guess)) ?? (await spend(ofClient, byClient, guess))
    },
  }
}

/** Where clients authenticate (RFC 6749 §2.3), by the library's names. */
const routes = [
  'token',
  'introspection',
  'revocation',
  'pushed_authorization_request',
  'device_authorization',
  'backchannel_authentication',
]

/** A middleware for the provider; `address` tells where a request comes from, `onError` is told when nothing could be counted. */
export function clientGuessLimits(
  guesses: ClientGuesses,
  address: (ctx: Context) => string,
  onError: (ctx: KoaContextWithOIDC, error: unknown) => void,
): Middleware {
  return async (plainCtx, next) => {
    await next()
    const ctx = plainCtx as unknown as KoaContextWithOIDC
    // On these routes the library answers 401 to nothing else.
    if (ctx.status !== 401 || !routes.includes(ctx.oidc?.route)) return
    const guess = { address: address(plainCtx), name: nameOf(ctx), clientId: ctx.oidc.client?.clientId }
    const seconds = await guesses.failed(guess).catch((error: unknown) => onError(ctx, error))
    if (seconds === undefined) return
    // RFC 6585 §4.
    ctx.status = 429
    ctx.set('retry-after', String(seconds))
    ctx.remove('www-authenticate')
    ctx.body = {
      error: 'invalid_client',
      error_description: `client authentication failed too often, try again in ${seconds} seconds`,
    }
  }
}

/** How the client calls itself in the body or the header; the same for everybody who says nothing. */
function nameOf({ oidc, headers }: KoaContextWithOIDC): string {
  const { client_id: id } = oidc.params ?? {}
  if (typeof id === 'string') return id
  const credentials = Buffer.from(/^basic (.*)$/i.exec(headers.authorization ?? '')?.[1] ?? '', 'base64').toString()
  return credentials.slice(0, Math.max(0, credentials.indexOf(':')))
}
