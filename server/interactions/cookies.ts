/** The two cookies of a sign-in attempt: whose it is, and which interaction a callback belongs to. */
import { createHash } from 'node:crypto'
import type { Context } from 'koa'

/** Milliseconds; an attempt lives no longer. */
const lifetime = 10 * 60 * 1000

export interface AttemptCookies {
  attempt(ctx: Context): string | undefined
  setAttempt(ctx: Context, uid: string, token: string): void
  /** Remembers that a callback with this `state` belongs to the interaction. */
  expectReturn(ctx: Context, provider: string, state: string, uid: string): void
  /** The interaction that a callback belongs to, for this browser. */
  returning(ctx: Context, state: string): string | undefined
}

export function attemptCookies(secure: boolean): AttemptCookies {
  const name = secure ? '__Secure-attempt' : 'attempt'
  // Lax: the answer of an outside provider arrives as a navigation from its site.
  const common = { httpOnly: true, sameSite: 'lax', secure, signed: true, overwrite: true, maxAge: lifetime } as const
  const returnName = (state: string): string =>
    `${secure ? '__Secure-' : ''}return-${createHash('sha256').update(state).digest('hex').slice(0, 16)}`
  return {
    attempt: (ctx) => ctx.cookies.get(name, { signed: true }),
    setAttempt: (ctx, uid, token) => void ctx.cookies.set(name, token, { ...common, path: `/interaction/${uid}` }),
    expectReturn: (ctx, provider, state, uid) =>
      void ctx.cookies.set(returnName(state), uid, { ...common, path: `/interaction/callback/${provider}` }),
    returning: (ctx, state) => ctx.cookies.get(returnName(state), { signed: true }),
  }
}
