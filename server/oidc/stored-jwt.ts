/**
 * JWTs of ours that can be taken back: each has a row like an opaque token, found by the hash of the whole token.
 *
 * A row is found only for the very text that was issued, so nothing of a forged token is believed: neither its signature
 * nor its algorithm is even looked at. The library refuses JWTs where tokens are introspected and revoked, since it keeps
 * none; ours come to it by the id of their row.
 */
import { hash } from 'node:crypto'
import { decodeJwt } from 'jose'
import type { Context, Middleware } from 'koa'
import rawBody from 'raw-body'
import { giveBody } from './request-body.ts'

/** Bytes; the same as for the library's own endpoints. */
const bodyLimit = 56 * 1024

/** The id of the row of a JWT that was issued for this audience; undefined for what cannot be one. */
export function storedJwtId(token: string, audience: string): string | undefined {
  try {
    return decodeJwt(token).aud === audience ? hash('sha256', token, 'base64url') : undefined
  } catch {
    return undefined
  }
}

/** A middleware for the provider, before its endpoints read the body. */
export function storedJwts(audience: string): Middleware {
  return async (ctx, next) => {
    if (ctx.method === 'POST' && ['/introspect', '/revoke'].includes(ctx.path)) await exchange(ctx, audience)
    await next()
  }
}

/** Leaves everything else as it is, also what is wrong, for the library to judge. */
async function exchange(ctx: Context, audience: string): Promise<void> {
  if (!ctx.is('application/x-www-form-urlencoded') || (ctx.request.length ?? 0) > bodyLimit) return
  // Without a length where the body comes in pieces.
  const body = await rawBody(ctx.req, { limit: bodyLimit, length: ctx.request.length ?? null })
  const form = new URLSearchParams(body.toString())
  const [token = '', ...more] = form.getAll('token')
  const id = more.length > 0 ? undefined : storedJwtId(token, audience)
  if (id === undefined) return giveBody(ctx.req, body)
  form.set('token', id)
  giveBody(ctx.req, Buffer.from(form.toString()))
}
