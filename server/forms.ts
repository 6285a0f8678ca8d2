/** Reads submitted forms, strictly: one content type, a size limit, no value twice, no structure in names. */
import type { Context } from 'koa'
import { PageRefusal } from './page-refusal.ts'
import { readBody } from './request-body.ts'

/** Bytes; the same as for the protocol's own endpoints. */
const bodyLimit = 56 * 1024

/** The fields of a submitted form. Throws `PageRefusal` when the body is not a well-formed, small form. */
export async function readForm(ctx: Context): Promise<URLSearchParams> {
  if (ctx.is('application/x-www-form-urlencoded') === false) {
    throw new PageRefusal('unsupported-type', 'not-a-form')
  }
  const body = await readBody(ctx.req, bodyLimit)
  if (body === 'too-large') throw new PageRefusal('too-large', 'form-too-large')
  if (body === 'broken') throw new PageRefusal('invalid', 'form-broken')
  return singleValues(new URLSearchParams(body.toString()))
}

/** The same parameters. Throws `PageRefusal` when a name stands twice. */
export function singleValues(params: URLSearchParams): URLSearchParams {
  const names = [...params.keys()]
  if (new Set(names).size !== names.length) throw new PageRefusal('invalid', 'field-twice')
  return params
}
