/** The options that name a client's metadata, what they say in the names of RFC 7591, and what it is held to. */

import { additionalGrants, namedGrants } from '../oidc/additional-grants.ts'
import { typesMember } from '../oidc/authorization-metadata.ts'
import type { MetadataRules } from '../oidc/client-metadata.ts'
import { globalRevocationScope } from '../oidc/global-revocation-resource.ts'
import { iftttScope } from '../oidc/ifttt-resource.ts'
import { logoKinds } from '../oidc/logo.ts'
import { shopScope } from '../oidc/shop-resource.ts'
import { givenSecurity, securityOptions } from './client-security-options.ts'
import type { Context, Input, Option } from './command.ts'
import { logoutGiven, logoutOptions } from './logout-options.ts'
import { openidGiven, openidOptions } from './openid-options.ts'

export const metadataOptions = {
  name: { type: 'string', value: 'name', summary: 'name that people see when they are asked for consent' },
  'redirect-uri': { type: 'string', multiple: true, value: 'uri', summary: 'where codes are sent; compared exactly' },
  'post-logout-redirect-uri': {
    type: 'string',
    multiple: true,
    value: 'uri',
    summary: 'where the browser may go after signing out',
  },
  scope: {
    type: 'string',
    multiple: true,
    value: 'scope',
    summary: 'what the app may ask for: of people, of a registered resource, or at their PDS (repo:…, rpc:…, blob:…)',
  },
  grant: {
    type: 'string',
    multiple: true,
    value: Object.keys(additionalGrants).join('|'),
    summary: 'a further grant type; what it opens is said by exchange allow and issuer trust',
  },
  origin: {
    type: 'string',
    multiple: true,
    value: 'origin',
    summary: 'from which web pages may call our API, such as https://app.example (profile otp)',
  },
  'service-id': { type: 'string', value: 'id', summary: 'id of the service on IFTTT; codes go to that service alone' },
  'telegram-bot-id': {
    type: 'string',
    value: 'number',
    summary: 'bot that a Mini App belongs to, where it is not the bot of this server',
  },
  'required-identity': {
    type: 'string',
    value: 'provider',
    summary: 'a way to sign in that people have to have for this app, and are asked to add: atproto, password, …',
  },
  'approve-in-chat': {
    type: 'boolean',
    summary:
      'profile device, on a server of yours: the app may ask people who have connected it in Telegram, and has a secret',
  },
  'telegram-qr': {
    type: 'boolean',
    summary: 'the app may show QR codes of its own for signing in with Telegram (docs/telegram.md)',
  },
  'authorization-type': {
    type: 'string',
    multiple: true,
    value: 'type',
    summary: 'a type of authorization details that the app may ask for (RFC 9396), as an API declares it',
  },
  ...openidOptions,
  ...logoutOptions,
  'client-uri': { type: 'string', value: 'uri', summary: 'home page of the app' },
  'logo-file': {
    type: 'string',
    value: 'file',
    content: 'picture',
    summary: `picture shown beside the name: ${logoKinds}`,
  },
  'logo-uri': {
    type: 'string',
    value: 'uri',
    fetchedInto: 'logo-file',
    summary:
      'address of that picture, for others; pages show only a stored one, fetched once unless --logo-file is given',
  },
  ...securityOptions,
  'policy-uri': { type: 'string', value: 'uri', summary: 'privacy policy of the app' },
  'tos-uri': { type: 'string', value: 'uri', summary: 'terms of service of the app' },
} as const satisfies Record<string, Option>

/** The metadata that the options name. */
export function given(input: Input): Record<string, unknown> {
  const grants = input.list('grant')
  const members = {
    client_name: input.text('name'),
    redirect_uris: input.list('redirect-uri'),
    post_logout_redirect_uris: input.list('post-logout-redirect-uri'),
    scope: input.list('scope')?.join(' '),
    origins: input.list('origin'),
    grant_types: grants && namedGrants(grants),
    service_id: input.text('service-id'),
    telegram_bot_id: input.text('telegram-bot-id'),
    required_identity: input.text('required-identity'),
    approve_in_chat: input.flag('approve-in-chat') || undefined,
    telegram_qr: input.flag('telegram-qr') || undefined,
    [typesMember]: input.list('authorization-type')?.filter((type) => type !== ''),
    ...openidGiven(input),
    ...logoutGiven(input),
    client_uri: input.text('client-uri'),
    logo_uri: input.text('logo-uri'),
    logo: input.text('logo-file'),
    policy_uri: input.text('policy-uri'),
    tos_uri: input.text('tos-uri'),
    ...givenSecurity(input),
  }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** What the metadata of clients is held to: the library's rules, the scopes of every API, ours too, the ceiling. */
export async function metadataRules({
  validateMetadata,
  resources,
  config,
}: Pick<Context, 'validateMetadata' | 'resources' | 'config'>): Promise<MetadataRules> {
  const all = await resources.list()
  const registered = all.flatMap(({ scopes }) => scopes)
  // Apps of profile otp have it by their profile, and nobody else may.
  const resourceScopes = [
    ...new Set([...registered.filter((scope) => scope !== shopScope), iftttScope, globalRevocationScope]),
  ]
  const authorizationTypes = all.flatMap((resource) => Object.keys(resource.authorizationTypes ?? {}))
  return { validate: validateMetadata, resourceScopes, pdsScopes: config.atproto.scope, authorizationTypes }
}
