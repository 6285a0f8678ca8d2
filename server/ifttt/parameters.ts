/**
 * The parameters of a request that may be a form or a flat JSON object: each once, and none with structure.
 */
import type { Context } from 'koa'
import { Refusal } from '../errors.ts'
import { readForm } from '../forms.ts'
import { readFlatJson } from '../oidc/flat-json.ts'
import { readBody } from '../request-body.ts'

/** Bytes; the same as for forms. */
const bodyLimit = 56 * 1024

/** A parameter by its name; one without a value counts as absent (RFC 6749 §3.1). */
export type Parameters = (name: string) => string | undefined

/** Throws `Refusal` when the body is neither a well-formed, small form nor such an object. */
export async function readParameters(ctx: Context): Promise<Parameters> {
  if (!ctx.is('application/json')) {
    if (ctx.is('application/x-www-form-urlencoded') === false) {
      throw new Refusal('unsupported-type', 'Send application/json or application/x-www-form-urlencoded.')
    }
    const form = await readForm(ctx)
    return (name) => form.get(name) || undefined
  }
  const body = await readBody(ctx.req, bodyLimit)
  if (body === 'too-large') throw new Refusal('too-large', 'The body is too long.')
  if (body === 'broken') throw new Refusal('invalid', 'The body cannot be read.')
  const members = readFlatJson(body)
  if (members === undefined) throw new Refusal('invalid', 'The body must be a JSON object of strings, each name once.')
  return (name) => members.get(name) || undefined
}
