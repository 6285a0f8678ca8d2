/**
 * The members of a client's metadata about OpenID Connect itself (Core, Dynamic Client Registration 1.0 §2): how what is
 * said of a person is signed.
 *
 * Our own rules, with words for the person at the terminal. Knows nothing of profiles or rows.
 */

/** Metadata by its RFC 7591 §2 names. */
type Metadata = Readonly<Record<string, unknown>>

/** By which ID tokens and other answers are signed; there is a key for each (OIDC Core §15.1 demands RS256). */
export const signingAlgorithms = ['RS256', 'ES256', 'EdDSA'] as const

/** Members that any client may have that people sign in to. */
export const openidMembers = ['id_token_signed_response_alg', 'userinfo_signed_response_alg'] as const

/** The member of an API: how what it is told of tokens is signed, where it asks for a JWT (RFC 9701 §6). */
export const introspectionMember = 'introspection_signed_response_alg'

/** What is wrong with these members, one sentence each. */
export function openidProblems(given: Metadata): string[] {
  return [...openidMembers, introspectionMember].flatMap((name) => chosen(given, name, signingAlgorithms))
}

function chosen(given: Metadata, name: string, choices: readonly string[]): string[] {
  const value = given[name]
  return value === undefined || choices.includes(String(value))
    ? []
    : [`"${name}" must be one of ${choices.join(', ')}, not ${JSON.stringify(value)}.`]
}
