/**
 * Tells a page how what it waits for stands: as server-sent events, or once for those who ask for JSON.
 *
 * Reads the database each second with one statement, so that it does not matter which node heard of it, and a restart
 * costs a second. What is told here signs nobody in: the page goes on by its own form.
 */
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import type { Standing } from '../../adapters/identity/contract.ts'
import type { AttemptDriver } from './attempt.ts'
import type { AttemptCookies } from './cookies.ts'
import type { Desk } from './desk.ts'

export interface WaitingOptions {
  attempts: Pick<AttemptDriver, 'watch'>
  cookies: Pick<AttemptCookies, 'attempt'>
  /** Once it is aborted, nobody is kept waiting. */
  stopping: AbortSignal
}

export type Waiting = (desk: Desk) => Promise<void>

/** Streams that a node has open at a time, and those of one attempt; who finds no room asks now and then instead. */
const mostStreams = 500
const mostOfAttempt = 3
/** Milliseconds between two looks. */
const interval = 1_000
/** Looks after which a stream ends, so that none outlives who listens; browsers come back by themselves. */
const longest = 55
/** Looks between two signs of life, for the proxies in between. */
const quiet = 15

export function waiting({ attempts, cookies, stopping }: WaitingOptions): Waiting {
  const streams = new Map<string, number>()
  let open = 0

  return async ({ ctx, uid }) => {
    const token = cookies.attempt(ctx)
    const look = token === undefined ? undefined : await attempts.watch(token, uid)
    ctx.set('cache-control', 'no-store')
    if (token === undefined || look === undefined) {
      ctx.status = 410
      ctx.body = { error: 'over' }
      return
    }
    if (!ctx.get('accept').includes('text/event-stream')) {
      ctx.body = { standing: await look() }
      return
    }
    if (open >= mostStreams || (streams.get(token) ?? 0) >= mostOfAttempt) {
      ctx.status = 503
      ctx.set('retry-after', '3')
      ctx.body = { error: 'temporarily_unavailable' }
      return
    }
    // Who has hung up meanwhile is not heard of again, and would be counted for ever.
    if (ctx.res.destroyed) return
    ctx.type = 'text/event-stream; charset=utf-8'
    // Proxies would wait for more.
    ctx.set('x-accel-buffering', 'no')
    const ended = counted(token)
    ctx.res.once('close', ended)
    ctx.body = Readable.from(events(look, stopping, ctx.res))
  }

  function counted(token: string): () => void {
    open += 1
    streams.set(token, (streams.get(token) ?? 0) + 1)
    return () => {
      open -= 1
      const left = (streams.get(token) ?? 1) - 1
      if (left > 0) streams.set(token, left)
      else streams.delete(token)
    }
  }
}

async function* events(
  look: () => Promise<Standing>,
  stopping: AbortSignal,
  response: { readonly destroyed: boolean },
): AsyncGenerator<string> {
  yield `retry: ${interval}\n\n`
  let told: Standing | undefined
  for (let looks = 1; looks <= longest && !stopping.aborted && !response.destroyed; looks += 1) {
    const standing = await look()
    if (standing !== told) yield `data: ${standing}\n\n`
    else if (looks % quiet === 0) yield ':\n\n'
    told = standing
    if (standing === 'settled') return
    await setTimeout(interval)
  }
}
