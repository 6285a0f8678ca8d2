/** What the rest of the server has to tell apart among the protocol library's errors. */
import { errors } from 'oidc-provider'

/** The interaction or its cookie is gone: the person has to start again. */
export function isSessionNotFound(error: unknown): boolean {
  return error instanceof errors.SessionNotFound
}

/** What was to be used was used, decided or ended by somebody else meanwhile. */
export function isOvertaken(error: unknown): boolean {
  return error instanceof errors.InvalidGrant
}

/** HTTP status of an error of the library, undefined for anything else. */
export function protocolStatus(error: unknown): number | undefined {
  return error instanceof errors.OIDCProviderError ? error.statusCode : undefined
}
