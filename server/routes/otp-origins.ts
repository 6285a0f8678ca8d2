/**
 * Which pages in browsers may call the API of shops: those of the origins that its apps are registered with.
 *
 * No cookies are let through: what may be done is said by codes and tokens alone.
 */
import type { Context } from 'koa'
import type { Client } from '../../adapters/postgres/clients.ts'

/** Lets pages of registered origins read the answer (Fetch §3.2); false for others. */
export function allowOrigin(ctx: Context, clients: readonly Client[]): boolean {
  const origin = ctx.get('origin')
  if (origin === '' || !clients.some((client) => originsOf(client).includes(origin))) return false
  ctx.set({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'WWW-Authenticate, Retry-After',
  })
  return true
}

/** Answers what a browser asks before it sends the request; `method` is the one that is taken. */
export function preflight(ctx: Context, method: string, allowed: boolean): void {
  if (allowed) {
    ctx.set({
      'access-control-allow-methods': method,
      'access-control-allow-headers': 'Authorization, Content-Type',
      'access-control-max-age': '7200',
    })
  }
  ctx.status = 204
}

function originsOf({ metadata }: Client): readonly string[] {
  return (metadata['origins'] ?? []) as readonly string[]
}
