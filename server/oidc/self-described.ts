/**
 * What a client says of itself (RFC 7591 §2), where nobody here registered it: which profile that is, and which members
 * are taken.
 *
 * Members that are not for strangers, or unknown, are left out, as RFC 7591 §2 has it; values that cannot be used are
 * refused by the same rules that an administrator meets. Of the scopes it gets those that the policy gives to anybody.
 */
import { Refusal } from '../errors.ts'
import { buildMetadata, type Metadata, type MetadataRules } from './client-metadata.ts'
import { isOpenidScope, words } from './client-scopes.ts'
import { type ProfileName, profiles } from './profiles.ts'

/** The kinds that a client may be which nobody here registered. */
export const selfDescribedProfiles = ['web', 'spa', 'native', 'mcp'] as const satisfies readonly ProfileName[]

/** Members that strangers may set, as far as their profile takes them. */
const taken = [
  'client_name',
  'client_uri',
  'policy_uri',
  'tos_uri',
  'contacts',
  'redirect_uris',
  'post_logout_redirect_uris',
  'default_max_age',
  'require_auth_time',
  'require_pushed_authorization_requests',
  'id_token_signed_response_alg',
  'userinfo_signed_response_alg',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'jwks_uri',
  'dpop_bound_access_tokens',
] as const

export interface StrangersRules extends MetadataRules {
  /** Scopes that anybody may ask for. */
  readonly scopes: readonly string[]
}

export interface Described {
  readonly profile: ProfileName
  readonly metadata: Metadata
}

/**
 * The profile and the metadata of a client that described itself; `pinned` is the profile that was chosen for it. Throws
 * `Refusal` with every problem, one per line.
 */
export async function describedClient(
  said: Metadata,
  method: string,
  rules: StrangersRules,
  pinned?: ProfileName,
): Promise<Described> {
  const problems = grantProblems(said)
  if (problems.length > 0) throw new Refusal('invalid', problems.join('\n'))
  const name = pinned ?? profileFor(said, method)
  const profile = profiles[name]
  const known: readonly string[] = taken.filter((member) => profile.mayAdd.includes(member))
  const members = Object.entries({ ...said, token_endpoint_auth_method: method })
  const given: Record<string, unknown> = Object.fromEntries(
    members.filter(([member, value]) => known.includes(member) && value !== null),
  )
  if (method !== 'none' && !profile.confidential) {
    throw new Refusal('invalid', `A client of profile ${name} keeps no secret: "token_endpoint_auth_method" is none.`)
  }
  given['client_name'] ??= hostOfRedirect(said)
  given['scope'] = scopeOf(said['scope'], rules).join(' ')
  // The id is checked where it is made or read; here it is only for the sake of the rules.
  const request = { id: 'self-described', profile: name, given }
  return { profile: name, metadata: await buildMetadata(request, rules) }
}

function grantProblems({ grant_types: grants, response_types: responses, software_statement: statement }: Metadata) {
  return [
    ...(statement === undefined
      ? []
      : ['"software_statement" is not taken: nobody is trusted here to vouch for apps.']),
    ...(grants === undefined || includes(grants, 'authorization_code')
      ? []
      : [
          '"grant_types" must hold authorization_code: apps that do not ask a person are registered by an administrator.',
        ]),
    ...(responses === undefined || includes(responses, 'code') ? [] : ['"response_types" must hold code.']),
  ]
}

function includes(list: unknown, one: string): boolean {
  return Array.isArray(list) && list.includes(one)
}

/** Without a secret: an app on one website, or one that is installed; both may be told apart by where they return. */
function profileFor({ redirect_uris: uris }: Metadata, method: string): ProfileName {
  if (method !== 'none') return 'web'
  const addresses = Array.isArray(uris) ? uris.map((uri) => URL.parse(String(uri))) : []
  const origins = new Set(addresses.map((url) => (url?.protocol === 'https:' ? url.origin : undefined)))
  return origins.size === 1 && !origins.has(undefined) ? 'spa' : 'native'
}

/**
 * What it asks for and may have; one that asks for nothing gets all that anybody may have (RFC 7591 §2). Of the scopes of
 * APIs one stands for all: clients of MCP servers register with what their first request needs, and are told later what
 * the next one does.
 */
function scopeOf(said: unknown, { scopes, resourceScopes }: StrangersRules): readonly string[] {
  const offered = scopes.filter((scope) => isOpenidScope(scope) || resourceScopes.includes(scope))
  const asked = words(said)
  if (asked.length === 0) return offered
  const wantsApi = asked.some((scope) => offered.includes(scope) && !isOpenidScope(scope))
  return offered.filter((scope) => (isOpenidScope(scope) ? asked.includes(scope) : wantsApi))
}

function hostOfRedirect({ redirect_uris: uris }: Metadata): string | undefined {
  const [first] = Array.isArray(uris) ? uris : []
  const url = typeof first === 'string' ? URL.parse(first) : null
  return url === null ? undefined : url.host || url.protocol.slice(0, -1)
}
