/**
 * The members of a client's metadata about messages that are signed or do not go through the browser: pushed and signed
 * requests (RFC 9126, RFC 9101), signed answers (JARM); and what the high-security profile allows of all of them (FAPI 2.0).
 *
 * Our own rules, with words for the person at the terminal. Knows no request.
 */
import { clientAlgorithms } from './authentication-methods.ts'
import { signingAlgorithms } from './openid-metadata.ts'
import type { Profile } from './profile.ts'
import { isLoopback } from './redirect-uris.ts'

type Members = Readonly<Record<string, unknown>>

/** What is wrong with them, one sentence each; `profile` is that of the client. */
export function messageProblems(given: Members, profile: Profile): string[] {
  return [
    ...oneOf(given, 'request_object_signing_alg', clientAlgorithms),
    ...oneOf(given, 'authorization_signed_response_alg', signingAlgorithms),
    ...['require_pushed_authorization_requests', 'require_signed_request_object']
      .filter((name) => given[name] !== undefined && given[name] !== true)
      .map((name) => `"${name}" must be true, or be left out.`),
    ...keyProblems(given),
    ...(profile.fapi === true ? fapiProblems(given, profile) : []),
  ]
}

function oneOf(given: Members, name: string, choices: readonly unknown[]): string[] {
  const value = given[name]
  return value === undefined || choices.includes(value) ? [] : [`"${name}" is one of ${choices.join(', ')}.`]
}

function keyProblems(given: Members): string[] {
  const signs = given['require_signed_request_object'] === true || given['request_object_signing_alg'] !== undefined
  return signs && given['jwks'] === undefined && given['jwks_uri'] === undefined
    ? ['A client that signs its requests needs its keys: "jwks" or "jwks_uri".']
    : []
}

/** FAPI 2.0 Security Profile §5.3.2.1, §5.4.1: no RS256, no answer on its way in the clear. */
function fapiProblems(given: Members, { metadata }: Profile): string[] {
  // What the profile sets is refused as that, whatever is given for it.
  const weak = Object.keys(given).filter(
    (name) => name.endsWith('_alg') && given[name] === 'RS256' && !(name in metadata),
  )
  const uris = [given['redirect_uris'] ?? []].flat()
  return [
    ...weak.map((name) => `"${name}" cannot be RS256 in FAPI 2.0: take ES256 or EdDSA.`),
    ...(uris.some((uri) => typeof uri === 'string' && isLoopback(uri))
      ? ['In FAPI 2.0 answers go to https addresses alone, on a machine for development, too.']
      : []),
  ]
}
