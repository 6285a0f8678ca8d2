/**
 * What went wrong on the way to an issuer and back, told by the errors of the library.
 *
 * The library keeps answers, and with them tokens, beside its errors: what is said here is put together from codes and
 * names of claims alone.
 */
import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import { Unreachable } from './bounded-fetch.ts'
import type { Finished } from './contract.ts'

/** The issuer, or our registration there, cannot be used as it is. The message holds nothing secret. */
export class Unusable extends Error {
  override name = 'Unusable'
}

export type Problem = Exclude<Finished, { kind: 'proven' }>

/** Codes of what is wrong with an answer or a token; the other codes speak of a place that does not work. */
const ofTheAnswer: readonly string[] = [
  'OAUTH_INVALID_RESPONSE',
  'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
  'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
  'OAUTH_JSON_ATTRIBUTE_COMPARISON_FAILED',
  'OAUTH_KEY_SELECTION_FAILED',
  'OAUTH_UNSUPPORTED_OPERATION',
]

export function problemOf(error: unknown): Problem {
  if (error instanceof AuthorizationResponseError) return ofAuthorization(error.error)
  if (error instanceof ResponseBodyError) {
    // Too late, or taken before (RFC 6749 §5.2); every other answer is about us and not about the person.
    if (error.error === 'invalid_grant') return invalid('its token endpoint does not take the code')
    return unavailable(`its token endpoint answers ${named(error.error)} with status ${error.status}`)
  }
  if (error instanceof WWWAuthenticateChallengeError) return unavailable(`it answers with status ${error.status}`)
  if (error instanceof Unusable || error instanceof Unreachable) return unavailable(error.message)
  if (!(error instanceof ClientError)) return unavailable(`its answer cannot be read (${nameOf(error)})`)
  if (error.cause instanceof Unreachable) return unavailable(error.cause.message)
  if (error.cause instanceof Response) return unavailable(`it answers with status ${error.cause.status}`)
  const why = reasonOf(error)
  return error.code !== undefined && ofTheAnswer.includes(error.code) ? invalid(why) : unavailable(why)
}

/** Whether a token was signed with a key that was not among those that were fetched. */
export function isKeyUnknown(error: unknown): boolean {
  const code = 'OAUTH_KEY_SELECTION_FAILED'
  return error instanceof ClientError && (error.code === code || (error.cause as { code?: unknown })?.code === code)
}

/** An error instead of a code (RFC 6749 §4.1.2.1). */
function ofAuthorization(code: string): Problem {
  if (code === 'access_denied') return { kind: 'refused', reason: 'cancelled', why: 'the person turned back' }
  const why = `it answers ${named(code)}`
  return ['server_error', 'temporarily_unavailable'].includes(code) ? unavailable(why) : invalid(why)
}

/** The library's own sentences have no values in them, and the inner one is the telling one. */
function reasonOf({ message, cause, code }: ClientError): string {
  const telling = cause instanceof Error && 'code' in cause && String(cause.code).startsWith('OAUTH_')
  return `${telling ? cause.message : message} (${code ?? nameOf(cause)})`
}

function invalid(why: string): Problem {
  return { kind: 'refused', reason: 'invalid', why }
}

function unavailable(why: string): Problem {
  return { kind: 'unavailable', why }
}

/** The code of an error as it may stand in the log: whoever opens the callback by hand writes it. */
function named(code: string): string {
  return /^[a-z_]{1,50}$/.test(code) ? code : 'an unknown error'
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown'
}
