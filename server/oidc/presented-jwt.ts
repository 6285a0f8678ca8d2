/**
 * JWTs that are presented where tokens are introspected and revoked (RFC 7662, RFC 7009).
 *
 * The library answers an error for whatever looks like one, before it asks for any row. So each comes to it by a name
 * of its own, under which `jwt-tokens.ts` finds it; whether it is one of ours is asked only there, after the client was.
 */
import { hash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { decodeProtectedHeader } from 'jose'
import type { Context, Middleware } from 'koa'
import { readBody } from '../request-body.ts'
import { giveBody, giveNoBody } from './given-body.ts'

/** Bytes; the same as for the library's own endpoints. */
const bodyLimit = 56 * 1024

const presented = new WeakMap<IncomingMessage, { readonly name: string; readonly text: string }>()

/** The JWT that was presented with this request under this name. */
export function presentedJwt(request: IncomingMessage, name: string): string | undefined {
  const found = presented.get(request)
  return found?.name === name ? found.text : undefined
}

/** A middleware for the provider, before its endpoints read the body. */
export function presentedJwts(): Middleware {
  return async (ctx, next) => {
    if (ctx.method === 'POST' && ['/introspect', '/revoke'].includes(ctx.path)) await rename(ctx)
    await next()
  }
}

/** Leaves everything else as it is, also what is wrong, for the library to judge. */
async function rename(ctx: Context): Promise<void> {
  if (!ctx.is('application/x-www-form-urlencoded')) return
  const body = await readBody(ctx.req, bodyLimit)
  if (typeof body === 'string') return giveNoBody(ctx.req)
  const form = new URLSearchParams(body.toString())
  const [text = '', ...more] = form.getAll('token')
  if (more.length > 0 || !isJwt(text)) return giveBody(ctx.req, body)
  const name = hash('sha256', text, 'base64url')
  presented.set(ctx.req, { name, text })
  form.set('token', name)
  giveBody(ctx.req, Buffer.from(form.toString()))
}

/** The library's own question. */
function isJwt(text: string): boolean {
  try {
    return decodeProtectedHeader(text) !== undefined
  } catch {
    return false
  }
}
