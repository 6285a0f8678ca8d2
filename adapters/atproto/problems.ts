/** What went wrong on the way to somebody's PDS, told by the errors of the library and of our fetch. */
import { FetchResponseError, OAuthResponseError } from '@atproto/oauth-client-node'
import type { Begun } from './contract.ts'
import { causesOf, Unreachable } from './guarded-fetch.ts'

export type BeginProblem = Extract<Begun, { kind: 'problem' }>['problem']

/** Why a sign-in cannot begin. */
export function beginProblem(error: unknown): BeginProblem {
  if (isOutage(error)) return 'host-unreachable'
  const causes = causesOf(error)
  if (causes.some(saysUnknown)) return 'unknown-handle'
  return 'unsuitable-host'
}

/** Whether the cause lies in a network or a server that may be well again later. */
export function isOutage(error: unknown): boolean {
  return causesOf(error).some(
    (cause) =>
      cause instanceof Unreachable ||
      cause.name === 'TimeoutError' ||
      cause.name === 'AbortError' ||
      (cause instanceof OAuthResponseError && isServersFault(cause.status)) ||
      (cause instanceof FetchResponseError && isServersFault(cause.response.status)),
  )
}

/** Whether it took too long, among outages. */
export function isTimeout(error: unknown): boolean {
  return causesOf(error).some((cause) => (cause instanceof Unreachable ? cause.timeout : cause.name === 'TimeoutError'))
}

/** The handle names nobody, names somebody who does not name it, or the DID is not known. */
function saysUnknown(cause: Error): boolean {
  if (cause.name === 'IdentityResolverError') return true
  return 'did' in cause && cause instanceof Error && 'status' in cause && (cause.status === 404 || cause.status === 410)
}

function isServersFault(status: number): boolean {
  return status >= 500 || status === 429 || status === 408
}
