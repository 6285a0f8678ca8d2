/**
 * The members of a client's metadata about hearing of sign-outs (OpenID Connect Back-Channel Logout 1.0 §2.2).
 *
 * Our own rules, with words for the person at the terminal. Knows nothing of profiles or rows.
 */
import { redirectUriProblem } from './redirect-uris.ts'

/** Metadata by its RFC 7591 §2 names. */
type Metadata = Readonly<Record<string, unknown>>

/** What is wrong with these members, one sentence each. */
export function logoutProblems(given: Metadata): string[] {
  const { backchannel_logout_uri: uri, backchannel_logout_session_required: required } = given
  return [...uriProblems(uri), ...requiredProblems(required, uri)]
}

/** An app that is told says of which sign-in, unless it says that it wants to hear of people alone. */
export function logoutDefaults(given: Metadata): Metadata {
  return typeof given['backchannel_logout_uri'] === 'string' ? { backchannel_logout_session_required: true } : {}
}

function uriProblems(uri: unknown): string[] {
  if (uri === undefined) return []
  if (typeof uri !== 'string') return ['"backchannel_logout_uri" must be a text.']
  const problem = redirectUriProblem(uri, { name: 'web', redirectUris: 'web' })
  return problem === undefined ? [] : [`The address for sign-outs cannot be used. ${problem}`]
}

function requiredProblems(required: unknown, uri: unknown): string[] {
  if (required === undefined) return []
  if (typeof required !== 'boolean') return ['"backchannel_logout_session_required" must be true or false.']
  return uri === undefined
    ? ['"backchannel_logout_session_required" says something only beside "backchannel_logout_uri".']
    : []
}
