/** The cookies of a sign-in attempt: whose it is, which interaction a callback belongs to, and what waits for its end. */
import { createHash } from 'node:crypto'
import type { Context } from 'koa'

/** Milliseconds; an attempt lives no longer. */
const lifetime = 10 * 60 * 1000

export interface AttemptCookies {
  attempt(ctx: Context): string | undefined
  /** Undefined takes it away. */
  setAttempt(ctx: Context, uid: string, token: string | undefined): void
  /** The token of what was proven and waits for the person to sign in to their account. */
  waiting(ctx: Context): string | undefined
  setWaiting(ctx: Context, uid: string, token: string | undefined): void
  /** Remembers that a callback with this `state` belongs to the interaction. */
  expectReturn(ctx: Context, provider: string, state: string, uid: string): void
  /** The interaction that a callback belongs to, for this browser. */
  returning(ctx: Context, state: string): string | undefined
}

export function attemptCookies(secure: boolean): AttemptCookies {
  const prefix = secure ? '__Secure-' : ''
  const [name, waitingName] = [`${prefix}attempt`, `${prefix}waiting`]
  // Lax: the answer of an outside provider arrives as a navigation from its site.
  const common = { httpOnly: true, sameSite: 'lax', secure, signed: true, overwrite: true, maxAge: lifetime } as const
  const returnName = (state: string): string =>
    `${prefix}return-${createHash('sha256').update(state).digest('hex').slice(0, 16)}`
  const set = (ctx: Context, cookie: string, uid: string, token: string | undefined) =>
    void ctx.cookies.set(cookie, token ?? null, { ...common, path: `/interaction/${uid}` })
  return {
    attempt: (ctx) => ctx.cookies.get(name, { signed: true }),
    setAttempt: (ctx, uid, token) => set(ctx, name, uid, token),
    waiting: (ctx) => ctx.cookies.get(waitingName, { signed: true }),
    setWaiting: (ctx, uid, token) => set(ctx, waitingName, uid, token),
    expectReturn: (ctx, provider, state, uid) =>
      void ctx.cookies.set(returnName(state), uid, { ...common, path: `/interaction/callback/${provider}` }),
    returning: (ctx, state) => ctx.cookies.get(returnName(state), { signed: true }),
  }
}
