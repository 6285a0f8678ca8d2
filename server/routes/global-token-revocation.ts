/**
 * Ends everything that a person has given and every browser that they are signed in with, when an administrator's program
 * asks for it (draft-parecki-oauth-global-token-revocation-06): a security tool, or whoever employs them.
 */
import type { Context, Middleware } from 'koa'
import type { Audit } from '../../adapters/postgres/audit.ts'
import { isObject } from '../json-fields.ts'
import { globalRevocationPath, type ProgramAccess } from '../oidc/global-revocation-resource.ts'
import { readSubject, type Subject } from '../oidc/subject-identifiers.ts'
import { readBody } from '../request-body.ts'
import { requestInfo } from '../request-info.ts'

export interface GlobalRevocationOptions {
  /** Judges the token of a request. */
  readonly access: (ctx: Context) => Promise<ProgramAccess>
  /** The ids of the accounts that a subject means. */
  readonly accountsOf: (subject: Subject) => Promise<readonly string[]>
  /** Ends sessions, grants, tokens and what is being asked; answers how much there was. */
  readonly endAll: (accountId: string) => Promise<{ readonly sessions: number; readonly grants: number }>
  readonly audit: Audit['record']
}

interface Answer {
  readonly status: number
  readonly body?: { readonly error: string; readonly error_description: string }
  readonly headers?: Readonly<Record<string, string>>
}

/** Bytes. */
const longestBody = 16 * 1024

export function globalTokenRevocation(options: GlobalRevocationOptions): Middleware {
  return async (ctx, next) => {
    if (ctx.path !== globalRevocationPath) return next()
    const { status, body, headers } = await answered(ctx, options)
    ctx.set({ 'cache-control': 'no-store', ...headers })
    ctx.status = status
    ctx.body = body
  }
}

async function answered(ctx: Context, options: GlobalRevocationOptions): Promise<Answer> {
  if (ctx.method !== 'POST') return refused(405, 'invalid_request', 'use POST', { allow: 'POST' })
  const access = await options.access(ctx)
  if (access.kind === 'refused') return withoutAccess(access)
  const subjects = await subjectsOf(ctx)
  if (subjects === undefined) {
    return refused(
      400,
      'invalid_request',
      'the body must be JSON with one member "sub_id" (RFC 9493): opaque, iss_sub, email, did or aliases',
    )
  }
  const found = await Promise.all(subjects.map(options.accountsOf))
  const accountIds = [...new Set(found.flat())]
  if (accountIds.length === 0) return refused(404, 'not_found', 'nobody is known by this identifier')
  for (const accountId of accountIds) {
    const detail = await options.endAll(accountId)
    const { address } = requestInfo(ctx.req)
    await options.audit({ event: 'account.access-ended', accountId, clientId: access.clientId, address, detail })
  }
  return { status: 204 }
}

/** Undefined where the body is not what it has to be. */
async function subjectsOf({ req, request }: Context): Promise<readonly Subject[] | undefined> {
  if (request.is('application/json') !== 'application/json') return undefined
  const bytes = await readBody(req, longestBody)
  const body = typeof bytes === 'string' ? undefined : parsed(bytes.toString())
  return isObject(body) && Object.keys(body).join() === 'sub_id' ? readSubject(body['sub_id']) : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function withoutAccess({ status, error, why }: Extract<ProgramAccess, { kind: 'refused' }>): Answer {
  const parameters = error === undefined ? '' : ` error="${error}", error_description="${why}"`
  const headers = { 'www-authenticate': `Bearer${parameters}` }
  return refused(status, error ?? 'invalid_token', why ?? 'an access token is needed', headers)
}

function refused(status: number, error: string, why: string, headers: Record<string, string> = {}): Answer {
  return { status, body: { error, error_description: why }, headers }
}
