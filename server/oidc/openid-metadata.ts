/**
 * The members of a client's metadata about OpenID Connect itself (Core, Dynamic Client Registration 1.0 §2): how what is
 * said of a person is signed, by which name it knows them, how answers come back, and what it demands of every sign-in.
 *
 * Our own rules, with words for the person at the terminal. Knows nothing of profiles or rows.
 */
import { levels } from './acr.ts'

/** Metadata by its RFC 7591 §2 names. */
type Metadata = Readonly<Record<string, unknown>>

/** By which ID tokens and other answers are signed; there is a key for each (OIDC Core §15.1 demands RS256). */
export const signingAlgorithms = ['RS256', 'ES256', 'EdDSA'] as const

/** How the answer of an authorization request may come back as a signed JWT (JARM §2.3). */
export const signedResponseModes = ['jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt'] as const

/** How it may come back at all. */
export const responseModes = ['query', 'fragment', 'form_post', ...signedResponseModes] as const

/** OIDC Core §8. */
export const subjectTypes = ['public', 'pairwise'] as const

/** Members that any client may have that people sign in to. */
export const openidMembers = ['id_token_signed_response_alg', 'userinfo_signed_response_alg'] as const

/** The member of an API: how what it is told of tokens is signed, where it asks for a JWT (RFC 9701 §6). */
export const introspectionMember = 'introspection_signed_response_alg'

/** Members for those whose people come back from here with an answer. */
export const openidFrontChannelMembers = [
  ...openidMembers,
  'response_modes',
  'authorization_signed_response_alg',
  'subject_type',
  'sector_identifier_uri',
  'default_acr_values',
  'default_max_age',
  'require_auth_time',
] as const

/** What is wrong with these members, one sentence each. */
export function openidProblems(given: Metadata): string[] {
  return [
    ...[...openidMembers, introspectionMember].flatMap((name) => chosen(given, name, signingAlgorithms)),
    ...listed(given, 'default_acr_values', levels),
    ...chosen(given, 'subject_type', subjectTypes),
    ...sectorProblems(given),
    ...maxAgeProblems(given['default_max_age']),
  ]
}

function chosen(given: Metadata, name: string, choices: readonly string[]): string[] {
  const value = given[name]
  return value === undefined || (typeof value === 'string' && choices.includes(value))
    ? []
    : [`"${name}" must be one of ${choices.join(', ')}, not ${JSON.stringify(value)}.`]
}

function listed(given: Metadata, name: string, choices: readonly string[]): string[] {
  const value = given[name]
  const fits =
    Array.isArray(value) && value.length > 0 && value.every((one) => choices.some((choice) => choice === one))
  return value === undefined || fits ? [] : [`"${name}" must name some of ${choices.join(', ')}.`]
}

/** Without a list of its own the sector is the one host of the redirect URIs (OIDC Core §8.1). */
function sectorProblems(given: Metadata): string[] {
  const list = given['sector_identifier_uri']
  if (list !== undefined) {
    const url = typeof list === 'string' ? URL.parse(list) : null
    return url?.protocol === 'https:' && url.username === '' && url.password === '' && url.hash === ''
      ? []
      : ['"sector_identifier_uri" must be an https address at which a JSON list holds every redirect URI.']
  }
  const uris: unknown = given['redirect_uris']
  if (given['subject_type'] !== 'pairwise' || !Array.isArray(uris)) return []
  const hosts = new Set(uris.map((uri) => webHostOf(uri)))
  return hosts.size === 1 && !hosts.has(undefined)
    ? []
    : [
        'With "subject_type" pairwise all redirect URIs must be of one web host. Otherwise "sector_identifier_uri" is needed, at which a JSON list holds them.',
      ]
}

function webHostOf(uri: unknown): string | undefined {
  const url = typeof uri === 'string' ? URL.parse(uri) : null
  return url !== null && ['https:', 'http:'].includes(url.protocol) ? url.host : undefined
}

function maxAgeProblems(value: unknown): string[] {
  return value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0)
    ? []
    : ['"default_max_age" must be a number of seconds, 0 or more.']
}
