/**
 * Builds the metadata of a client from its profile and what was given, and checks it before it is written.
 *
 * Two sets of rules: our own, with words for the person at the terminal, and the library's (`validate`), which would
 * otherwise speak up only when somebody signs in. Knows nothing of rows.
 */
import { Refusal } from '../errors.ts'
import { authorizationTypeProblems } from './authorization-metadata.ts'
import { authenticationProblems } from './client-keys.ts'
import { hasSecret, profileOfClient } from './client-profile.ts'
import {
  globalRevocationProblems,
  iftttScopeProblems,
  openidScopes,
  type ScopeRules,
  scopeProblems,
  scopesOf,
  shortened,
  splitScopes,
  words,
} from './client-scopes.ts'
import { grantProblems } from './grant-metadata.ts'
import { decodeLogo, logoKinds } from './logo.ts'
import { logoutDefaults, logoutProblems } from './logout-metadata.ts'
import { messageProblems } from './message-metadata.ts'
import { openidProblems } from './openid-metadata.ts'
import type { Profile } from './profile.ts'
import { isLoopback, redirectUriProblem, redirectUrisProblem } from './redirect-uris.ts'
import { serviceIdProblem, serviceRedirectUris } from './service-id.ts'

/** Members by their RFC 7591 §2 names. */
export type Metadata = Readonly<Record<string, unknown>>

export interface MetadataRequest {
  readonly id: string
  /** Name of a profile. */
  readonly profile: string
  /** What was given, beside what the profile sets. */
  readonly given: Metadata
  /** Whether it is registered as ours. */
  readonly firstParty?: boolean
}

export interface MetadataRules extends ScopeRules {
  /** The types of authorization details that APIs declare. */
  readonly authorizationTypes?: readonly string[]
  /** The library's own check (`provider.Client.validate`). Throws its `invalid_client_metadata`. */
  readonly validate: (metadata: Record<string, unknown>) => Promise<void>
}

const maximumNameLength = 100
const uriMembers = ['logo_uri', 'policy_uri', 'tos_uri', 'client_uri'] as const
// Line breaks and escapes, and what turns or hides text: words are shown where people decide whom to trust.
const unprintable =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\u3164\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u

/**
 * The metadata to store. `scope` may name scopes of resources and of PDSs too: they are kept apart as `resource_scopes`,
 * because the library knows only its own; those of PDSs in their one form. Throws `Refusal` with every problem, one per line.
 */
export async function buildMetadata(request: MetadataRequest, rules: MetadataRules): Promise<Metadata> {
  const profile = profileOfClient(request.profile, request.given)
  if (profile === undefined) throw new Refusal('invalid', `There is no profile "${request.profile}".`)
  const set = { ...profile.metadata, ...serviceRedirectUris(request.given['service_id'], profile) }
  const given = withDefaults(request.given, profile, set)
  const problems = [
    ...idProblems(request.id),
    ...partyProblems(request.firstParty === true, profile),
    ...memberProblems(given, profile, set),
    ...nameProblems(given['client_name']),
    ...uriProblems(given),
    ...originProblems(given['origins']),
    ...logoProblems(given['logo']),
    ...serviceProblems(given['service_id'], profile),
    ...redirectProblems(given, profile),
    ...scopeProblems(given, profile, rules),
    ...identityProblems(given['required_identity']),
    ...approvalProblems(given['approve_in_chat']),
    ...botProblems(given['telegram_bot_id']),
    ...permissionProblems(given['telegram_qr']),
    ...openidProblems(given),
    ...authorizationTypeProblems(given, rules.authorizationTypes ?? []),
    ...authenticationProblems(request.given, profile),
    ...messageProblems(given, profile),
    ...logoutProblems(given),
    ...grantProblems(given, profile),
    ...globalRevocationProblems(given, profile),
    ...iftttScopeProblems(given, profile, request.firstParty === true),
  ]
  if (problems.length > 0) throw new Refusal('invalid', problems.join('\n'))
  const metadata: Metadata = { ...splitScopes(given, profile), ...set }
  await askLibrary(request.id, metadata, profile, rules.validate)
  return metadata
}

/** Whether a text may be the id of a client. */
export function isClientId(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$/.test(text)
}

/** Whether a text holds a line break, or a character that nobody sees or that turns the text around. */
export function hasInvisible(text: string): boolean {
  return unprintable.test(text)
}

function withDefaults(given: Metadata, profile: Profile, set: Metadata): Metadata {
  const named = profile.clientName === undefined ? given : { client_name: profile.clientName, ...given }
  const own = Object.fromEntries(
    Object.entries(named).filter(([name, value]) => value !== undefined && !isSet(name, value, set)),
  )
  const scope = scopesOf(own)
  const wanted = profile.mayAdd.includes('scope') && own['scope'] === undefined ? [...openidScopes, ...scope] : scope
  const { resource_scopes: _, ...rest } = own
  const complete = { ...logoutDefaults(rest), ...rest }
  return wanted.length === 0 ? complete : { ...complete, scope: wanted.join(' ') }
}

/** Whether a member says what the profile sets; of its scopes any may be named, in the form in which they are given. */
function isSet(name: string, value: unknown, set: Metadata): boolean {
  if (JSON.stringify(value) === JSON.stringify(set[name])) return true
  if (name !== 'scope' || set['scope'] === undefined || typeof value !== 'string') return false
  return words(value).every((one) => scopesOf(set).includes(one))
}

function idProblems(id: string): string[] {
  // RFC 9700 §4.15: nothing that an API could take for the subject of a person.
  if (id.startsWith('usr_')) return ['A client id cannot begin with "usr_": the ids of people do.']
  return isClientId(id)
    ? []
    : [
        'A client id has 1 to 128 letters, digits, dots, hyphens, tildes and underscores, and starts with a letter or digit.',
      ]
}

function partyProblems(firstParty: boolean, profile: Profile): string[] {
  if (!firstParty && profile.mustBeFirstParty === true) {
    return [
      `A client of profile ${profile.name} is an app of the house: nobody is asked for consent. Say --first-party.`,
    ]
  }
  return firstParty && !profile.mayBeFirstParty
    ? [
        `A client of profile ${profile.name} cannot be first-party: it carries access away to somebody else, so people are always asked.`,
      ]
    : []
}

function memberProblems(given: Metadata, profile: Profile, set: Metadata): string[] {
  const allowed: readonly string[] = [...profile.mayAdd, ...(Object.hasOwn(set, 'scope') ? [] : ['scope'])]
  return Object.keys(given)
    .filter((name) => !allowed.includes(name))
    .map((name) => {
      if (!Object.hasOwn(set, name)) {
        return `"${name}" is not for profile ${profile.name}. It takes: ${profile.mayAdd.join(', ')}.`
      }
      return name === 'redirect_uris' && profile.redirectUris === 'none'
        ? `A client of profile ${profile.name} ${profile.mayAdd.includes('scope') ? 'has' : 'signs nobody in and has'} no redirect URI ("redirect_uris"). Leave it out.`
        : `"${name}" is set by profile ${profile.name} and cannot be given.`
    })
}

function nameProblems(name: unknown): string[] {
  if (typeof name !== 'string' || name.trim() === '') return ['A client needs a name that people will recognise.']
  if (name.length > maximumNameLength) return [`The name has more than ${maximumNameLength} characters.`]
  return hasInvisible(name) ? ['The name holds a line break or another invisible character. Leave it out.'] : []
}

function uriProblems(given: Metadata): string[] {
  return uriMembers.flatMap((name) => {
    const value = given[name]
    if (value === undefined) return []
    const url = typeof value === 'string' && !hasInvisible(value) ? URL.parse(value) : null
    return url?.protocol === 'https:' && url.username === '' && url.password === ''
      ? []
      : [`"${name}" must be an https address such as https://app.example/about, not ${JSON.stringify(value)}.`]
  })
}

/** Web origins from which pages may call an API of ours (RFC 6454 §6.2). */
function originProblems(origins: unknown): string[] {
  if (origins === undefined) return []
  if (!isListOfStrings(origins)) return ['"origins" must be a list of texts.']
  return origins
    .filter((origin) => URL.parse(origin)?.origin !== origin || !(origin.startsWith('https:') || isLoopback(origin)))
    .map(
      (origin) =>
        `The origin ${JSON.stringify(shortened(origin))} cannot be used. Write one such as https://app.example, without a slash at the end.`,
    )
}

function logoProblems(logo: unknown): string[] {
  return logo === undefined || decodeLogo(logo) !== undefined
    ? []
    : [`"logo" must be ${logoKinds}, written as data:image/png;base64,… by client add --logo-file.`]
}

/** Which providers there are depends on the settings of the server, which may change: only the form is held. */
function identityProblems(provider: unknown): string[] {
  return provider === undefined || (typeof provider === 'string' && /^[a-z0-9-]{1,64}$/.test(provider))
    ? []
    : ['"required_identity" must be the id of one way to sign in, such as atproto: small letters, digits and hyphens.']
}

/** `false` says nothing: it is what a client is without the member. */
function approvalProblems(value: unknown): string[] {
  return value === undefined || value === true ? [] : ['"approve_in_chat" must be true, or be left out.']
}

function botProblems(botId: unknown): string[] {
  return botId === undefined || (typeof botId === 'string' && /^[1-9]\d{0,15}$/.test(botId))
    ? []
    : ['"telegram_bot_id" must be the number of a bot: what stands before the colon in its token.']
}

function permissionProblems(telegramQr: unknown): string[] {
  return telegramQr === undefined || telegramQr === true ? [] : ['"telegram_qr" must be true, or be left out.']
}

function serviceProblems(serviceId: unknown, profile: Profile): string[] {
  const problem = profile.redirectUriOf === undefined ? undefined : serviceIdProblem(serviceId)
  return problem === undefined ? [] : [problem]
}

function redirectProblems(given: Metadata, profile: Profile): string[] {
  const labels = { redirect_uris: 'redirect URI', post_logout_redirect_uris: 'post-logout redirect URI' } as const
  if (profile.redirectUris === 'none' || profile.redirectUris === 'service') return []
  const lists = Object.entries(labels).map(([name, label]) => ({ name, label, uris: given[name] ?? [] }))
  const wrong = lists.find(({ uris }) => !isListOfStrings(uris))
  if (wrong !== undefined) return [`"${wrong.name}" must be a list of texts.`]
  const each = lists.flatMap(({ label, uris }) =>
    (uris as string[]).flatMap((uri) => {
      const problem = redirectUriProblem(uri, profile)
      return problem === undefined ? [] : [`The ${label} ${JSON.stringify(shortened(uri))} cannot be used. ${problem}`]
    }),
  )
  if (each.length > 0) return each
  const redirectUris = (given['redirect_uris'] ?? []) as string[]
  if (redirectUris.length === 0) return [`A client of profile ${profile.name} needs at least one redirect URI.`]
  const together = redirectUrisProblem(
    lists.flatMap(({ uris }) => uris as string[]),
    profile,
  )
  return together === undefined ? [] : [together]
}

async function askLibrary(
  id: string,
  metadata: Metadata,
  profile: Profile,
  validate: MetadataRules['validate'],
): Promise<void> {
  const { resource_scopes: _scopes, logo: _logo, origins: _origins, ...known } = metadata
  const secret = hasSecret(profile) ? { client_secret: 'held as a hash' } : {}
  try {
    await validate({ client_id: id, ...secret, ...structuredClone(known) })
  } catch (error) {
    const { error: code, error_description: description } = error as { error?: string; error_description?: string }
    if (code !== 'invalid_client_metadata' && code !== 'invalid_redirect_uri') throw error
    throw new Refusal('invalid', `The metadata cannot be used: ${description ?? code}.`, { cause: error })
  }
}

function isListOfStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
