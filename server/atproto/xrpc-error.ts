/**
 * What an app is told when a call of a PDS comes to nothing, in the shape that apps of atproto know: `error` and `message`.
 *
 * Knows how refused tokens, PDSs that are down and our own outages are said; what happened, others find out.
 */
import { isUnreachable } from '../database-trouble.ts'
import type { AccessRefused } from '../oidc/bearer.ts'
import { protocolStatus } from '../oidc/errors.ts'

/** An answer in the shape of XRPC; not for what is a bug. */
export class XrpcError extends Error {
  override name = 'XrpcError'
  readonly status: number
  readonly error: string
  readonly headers: Readonly<Record<string, string | readonly string[]>>

  constructor(
    status: number,
    error: string,
    message: string,
    headers: Readonly<Record<string, string | readonly string[]>> = {},
  ) {
    super(message)
    this.status = status
    this.error = error
    this.headers = headers
  }
}

/** A refused token. */
export function refusal({ status, error, message, challenges, nonce }: AccessRefused): XrpcError {
  const name = error === undefined ? 'AuthMissing' : error.replace(/(?:^|_)(\w)/g, (_, letter) => letter.toUpperCase())
  return new XrpcError(status, name, message, {
    'www-authenticate': challenges,
    ...(nonce === undefined ? {} : { 'dpop-nonce': nonce }),
  })
}

/** Something that nobody foresaw, by the number that finds it in the log. */
export function unexpected(reference: string): XrpcError {
  return new XrpcError(500, 'InternalServerError', `Something went wrong; reference ${reference}`)
}

/** The answer to what was thrown; undefined for a bug. */
export function failureOf(error: unknown): XrpcError | undefined {
  if (error instanceof XrpcError) return error
  if (hasName(error, 'PdsSilent')) return new XrpcError(504, 'UpstreamTimeout', 'The PDS did not answer in time')
  if (hasName(error, 'PdsUnreachable')) {
    return 'timeout' in error && error.timeout === true
      ? new XrpcError(504, 'UpstreamTimeout', 'The PDS did not answer in time')
      : new XrpcError(502, 'UpstreamFailure', 'The PDS cannot be reached')
  }
  if (protocolStatus(error) === 503 || isUnreachable(error)) {
    return new XrpcError(503, 'ServiceUnavailable', 'Try again shortly', { 'retry-after': '5' })
  }
  return undefined
}

/** Errors of adapters are known by their names: only their types are known here. */
export function hasName(error: unknown, name: string): error is Error {
  return error instanceof Error && error.name === name
}
