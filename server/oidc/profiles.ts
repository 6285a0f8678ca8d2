/**
 * The kinds of client there are, as data: what each sets, what may be added, and how its tokens behave.
 *
 * A new kind is a new entry here, not a branch elsewhere. Knows nothing of rows or of the library; whoever needs to
 * know how a client behaves asks `profileOf`.
 */
import { additionalGrants } from './additional-grants.ts'
import { authenticationMembers, authenticationMethods, bindingMembers } from './authentication-methods.ts'
import { typesMember } from './authorization-metadata.ts'
import { introspectionMember, openidFrontChannelMembers, openidMembers } from './openid-metadata.ts'

export interface Profile {
  readonly name: string
  /** One line for those who choose. */
  readonly summary: string
  /** Members that the profile sets, by their RFC 7591 §2 names; they cannot be given. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** Members that may be given. */
  readonly mayAdd: readonly string[]
  /** Grant types that a client may have beside those of `metadata`; they are given among its `grant_types`. */
  readonly moreGrants?: readonly string[]
  /**
   * Which redirect URIs are taken; `loopback`: https, and http on this machine; `none`: the profile has no front channel;
   * `service`: the one that `redirectUriOf` makes.
   */
  readonly redirectUris: 'web' | 'native' | 'loopback' | 'none' | 'service'
  /** The redirect URI of a platform's service, by its id (`service_id`). */
  readonly redirectUriOf?: (serviceId: string) => string
  /** Name of the client where none is given. */
  readonly clientName?: string
  /** Whether the client proves who it is (RFC 6749 §2.1), by a secret unless it was registered for another way. */
  readonly confidential: boolean
  /** The ways to prove it that may be chosen (`token_endpoint_auth_method`); without it, the one of `metadata`. */
  readonly authMethods?: readonly string[]
  /** What is otherwise for a client that may ask people in a chat (`approve_in_chat`); without it none may. */
  readonly approveInChat?: Pick<Profile, 'metadata' | 'confidential' | 'authMethods'>
  /** May be registered as ours, so that people are not asked for consent. */
  readonly mayBeFirstParty: boolean
  /** Must be: nobody is asked for consent. */
  readonly mustBeFirstParty?: true
  /** Held to FAPI 2.0. */
  readonly fapi?: true
  /** `code_challenge` with S256 is demanded at the authorization endpoint; where it is not, `state` is. */
  readonly pkceRequired: boolean
  /** An authorization request names the API that it wants tokens for (RFC 8707 §2). */
  readonly resourceRequired?: true
  /** Each use of a refresh token gives a new one and ends the old one. */
  readonly rotateRefreshToken: boolean
  /** Lifetime of a refresh token, seconds; rotation starts it anew, so it is how long an app may be idle. */
  readonly refreshTokenTtl: number
  /** Seconds after which no refresh token of a grant lives any more, however often it was used (ASVS 5 §10.4.8). */
  readonly refreshFamilyTtl: number
  /** Seconds in which the same client gets the same successor again, when a response was lost. */
  readonly refreshGrace: number
  /** Refresh tokens that were given without `offline_access` end with the browser session (OIDC Core §11). */
  readonly sessionBound: boolean
  /** The last use of a grant is written down, because its tokens leave no newer trace. */
  readonly recordsUse: boolean
  /** A client that revokes its last grant of a person (RFC 7009) has to ask that person for consent anew. */
  readonly forgottenWhenRevoked: boolean
  /** Where the profile is laxer than RFC 9700, and why: for those who register and those who look. */
  readonly exceptions: readonly Exception[]
  /** Only ever made by another command (`resource add`), never chosen. */
  readonly internal: boolean
}

export interface Exception {
  /** The sentence that is departed from. */
  readonly from: string
  readonly instead: string
  readonly because: string
}

/** OpenID CIBA §4. */
export const cibaGrant = 'urn:openid:params:grant-type:ciba'

const minute = 60
const day = 24 * 60 * minute
const year = 365 * day
/** Longer than anybody waits: what only a person or an administrator ends. */
export const forever = 100 * year

const forPeople = ['client_name', 'client_uri', 'logo_uri', 'logo', 'policy_uri', 'tos_uri', 'contacts'] as const
const frontChannel = [
  ...forPeople,
  'redirect_uris',
  'post_logout_redirect_uris',
  'scope',
  'resource_scopes',
  'initiate_login_uri',
  'require_pushed_authorization_requests',
  'required_identity',
  ...bindingMembers,
  ...openidFrontChannelMembers,
  typesMember,
] as const

/** For clients with keys of their own (RFC 9101 §10.5). */
const signedRequests = ['request_object_signing_alg', 'require_signed_request_object'] as const

/** What profile fapi2 sets by itself. */
const setByFapi: readonly string[] = [
  'require_pushed_authorization_requests',
  'id_token_signed_response_alg',
  'dpop_bound_access_tokens',
]

/** For clients with a server, which is what can be told (OpenID Connect Back-Channel Logout). */
const toldOfSignOuts = ['backchannel_logout_uri', 'backchannel_logout_session_required'] as const

/** OAuth 2.1 and RFC 9700 §2.1.1 ask for PKCE from every client with a code, confidential ones too (code injection). */
const codeFlow = {
  pkceRequired: true,
  // RFC 9700 §2.2.2 demands rotation or sender constraint of public clients; for confidential ones it shows theft.
  rotateRefreshToken: true,
  // Long enough for a retry after a lost answer, short enough that a stolen token gains nothing by waiting.
  refreshGrace: 10,
  refreshFamilyTtl: year,
  sessionBound: true,
  mayBeFirstParty: true,
  recordsUse: false,
  forgottenWhenRevoked: false,
  exceptions: [],
  internal: false,
} as const

/** Without refresh tokens the remaining properties say nothing; these are the strict ones. */
const noCode = {
  pkceRequired: true,
  rotateRefreshToken: true,
  refreshTokenTtl: 0,
  refreshGrace: 0,
  refreshFamilyTtl: 0,
  sessionBound: true,
  mayBeFirstParty: true,
  recordsUse: false,
  forgottenWhenRevoked: false,
  exceptions: [],
} as const

/** RFC 8628 alone: what a device can do by itself. */
const device = {
  // Without a redirect URI nothing tells one kind of app from the other; the person confirms each device anyway.
  application_type: 'web',
  // RFC 8252 §8.5, RFC 8628 §5.6: a secret that is shipped to every device is none.
  token_endpoint_auth_method: 'none',
  grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
  response_types: [],
  redirect_uris: [],
} as const

const all = {
  web: {
    ...codeFlow,
    name: 'web',
    summary: 'an app with a server of its own that keeps a secret',
    metadata: {
      application_type: 'web',
      // RFC 6749 §2.3.1: the one method that every server must support, and no secret in a body that gets logged.
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    mayAdd: [
      ...frontChannel,
      ...authenticationMembers,
      ...signedRequests,
      ...toldOfSignOuts,
      'grant_types',
      'telegram_qr',
    ],
    moreGrants: Object.values(additionalGrants),
    redirectUris: 'web',
    confidential: true,
    authMethods: authenticationMethods,
    refreshTokenTtl: 90 * day,
  },
  spa: {
    ...codeFlow,
    name: 'spa',
    summary: 'an app that runs in the browser alone, without a secret',
    metadata: {
      application_type: 'web',
      // RFC 9700 §2.1.1, RFC 6749 §2.1: what runs in the browser keeps no secret; PKCE binds the code instead.
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    mayAdd: frontChannel,
    redirectUris: 'web',
    confidential: false,
    // RFC 9700 §4.14.2: tokens of clients that were not used for a while end; a script on the page may steal them.
    refreshTokenTtl: 14 * day,
  },
  native: {
    ...codeFlow,
    name: 'native',
    summary: 'an app installed on a phone or a computer, without a secret',
    metadata: {
      // RFC 8252 §7.3: the port of a loopback redirect URI is chosen at run time; the library varies it for these only.
      application_type: 'native',
      // RFC 8252 §8.5: a secret that is shipped to every user is none.
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    mayAdd: frontChannel,
    redirectUris: 'native',
    confidential: false,
    refreshTokenTtl: 90 * day,
  },
  service: {
    ...noCode,
    name: 'service',
    summary: 'a program that acts for itself, without a person',
    metadata: {
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_basic',
      // RFC 6749 §4.4: confidential clients only, and no refresh token.
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
    },
    mayAdd: [
      ...forPeople,
      ...authenticationMembers,
      ...bindingMembers,
      'grant_types',
      'resource_scopes',
      typesMember,
      'telegram_qr',
    ],
    moreGrants: Object.values(additionalGrants),
    redirectUris: 'none',
    confidential: true,
    authMethods: authenticationMethods,
    internal: false,
  },
  fapi2: {
    ...codeFlow,
    name: 'fapi2',
    summary: 'an app where much is at stake (money, health), with a server and keys of its own (FAPI 2.0)',
    metadata: {
      application_type: 'web',
      // FAPI 2.0 Security Profile §5.3.2.1: by a key or a certificate, never by a shared secret.
      token_endpoint_auth_method: 'private_key_jwt',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      require_pushed_authorization_requests: true,
      // Unless tokens are bound to the certificate of the client (`profileOfClient`).
      dpop_bound_access_tokens: true,
      // §5.4.1: not RS256.
      id_token_signed_response_alg: 'ES256',
    },
    mayAdd: [
      ...frontChannel.filter((name) => !setByFapi.includes(name)),
      ...authenticationMembers,
      ...signedRequests,
      ...toldOfSignOuts,
    ],
    redirectUris: 'web',
    confidential: true,
    authMethods: ['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'],
    fapi: true,
    // §5.3.2.1: what is bound to a key is not rotated, so that an answer that was lost ends nothing.
    rotateRefreshToken: false,
    refreshGrace: 0,
    refreshTokenTtl: 90 * day,
  },
  ifttt: {
    name: 'ifttt',
    summary: 'a service on IFTTT, which connects people and keeps their access',
    metadata: {
      application_type: 'web',
      // IFTTT's platform sends the secret in the body, and knows no other way.
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      // To the library no scope at all would mean every scope.
      scope: 'openid',
      resource_scopes: 'ifttt',
    },
    mayAdd: [...forPeople, 'service_id'],
    redirectUris: 'service',
    clientName: 'IFTTT',
    redirectUriOf: (serviceId) => `https://ifttt.com/channels/${serviceId}/authorize`,
    confidential: true,
    mayBeFirstParty: false,
    pkceRequired: false,
    rotateRefreshToken: false,
    refreshTokenTtl: forever,
    refreshGrace: 0,
    refreshFamilyTtl: forever,
    sessionBound: false,
    recordsUse: true,
    forgottenWhenRevoked: false,
    exceptions: [
      {
        from: 'RFC 9700 §2.1.1: PKCE for every authorization code',
        instead: 'state is demanded, the client keeps a secret, and codes go to one address only',
        because: "IFTTT's platform sends no code challenge",
      },
      {
        from: 'RFC 9700 §2.2.2: refresh tokens that change with each use',
        instead: 'the secret of the client is needed to use one (RFC 6749 §6)',
        because: 'an answer that IFTTT lost must not end the connection of a person',
      },
      {
        from: 'RFC 9700 §4.14.2: refresh tokens that end when they are not used',
        instead: 'the last use is recorded and shown, and person and administrator can end them at any time',
        because: 'IFTTT demands that they do not expire by time',
      },
    ],
    internal: false,
  },
  device: {
    ...codeFlow,
    name: 'device',
    summary: 'an app on a device without a browser, or a chat bot: people confirm a code that it shows',
    metadata: device,
    mayAdd: [
      ...forPeople,
      ...authenticationMembers,
      ...bindingMembers,
      'scope',
      'resource_scopes',
      'required_identity',
      'approve_in_chat',
      ...openidMembers,
    ],
    redirectUris: 'none',
    confidential: false,
    approveInChat: {
      metadata: {
        ...device,
        // OpenID CIBA §4, §7.1: whoever may make somebody's phone ring says who it is.
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: [...device.grant_types, cibaGrant],
        backchannel_token_delivery_mode: 'poll',
      },
      confidential: true,
      authMethods: authenticationMethods,
    },
    refreshTokenTtl: 90 * day,
    // The device is not the browser in which the person signed in: signing out there says nothing about it.
    sessionBound: false,
    // An app with a browser revokes when somebody signs out of it, and is signed in to again; a device, when it is disconnected.
    forgottenWhenRevoked: true,
  },
  mcp: {
    ...codeFlow,
    name: 'mcp',
    summary: 'a client of MCP servers: an assistant or an editor that works with APIs for people',
    metadata: {
      // RFC 8252 §7.3: those that are installed listen on a port that is chosen at run time.
      application_type: 'native',
      // One client for every copy of the program: a secret in it is none (RFC 8252 §8.5).
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    mayAdd: frontChannel,
    redirectUris: 'loopback',
    confidential: false,
    // It takes the person's access to wherever the model runs.
    mayBeFirstParty: false,
    // What it gets for one server must open no other (MCP authorization, RFC 8707).
    resourceRequired: true,
    refreshTokenTtl: 30 * day,
    // The program is not the browser in which the person signed in.
    sessionBound: false,
  },
  'mini-app': {
    ...codeFlow,
    name: 'mini-app',
    summary: 'a Mini App in Telegram, which exchanges what Telegram tells it of the person for tokens',
    metadata: {
      application_type: 'web',
      // A page like any other: it keeps no secret.
      token_endpoint_auth_method: 'none',
      // The code flow is how people are asked, once, where the app is not ours.
      grant_types: ['urn:ietf:params:oauth:grant-type:token-exchange', 'authorization_code', 'refresh_token'],
      response_types: ['code'],
    },
    mayAdd: [...frontChannel, 'telegram_bot_id'],
    redirectUris: 'web',
    confidential: false,
    // Each time it is opened Telegram vouches for the person anew: no more is needed than one sitting.
    refreshTokenTtl: day,
    // There is no browser session behind what is exchanged.
    sessionBound: false,
  },
  otp: {
    ...noCode,
    name: 'otp',
    summary: 'an app of the house whose people sign in to their shop by a code in Telegram (POST /api/auth/…)',
    metadata: {
      application_type: 'web',
      // It runs in browsers and on phones: whoever has the code of a phone is who may come in.
      token_endpoint_auth_method: 'none',
      // Its tokens come from an API of ours alone.
      grant_types: [],
      response_types: [],
      redirect_uris: [],
      // To the library no scope at all would mean every scope.
      scope: 'openid',
      resource_scopes: 'shop',
    },
    mayAdd: [...forPeople, 'origins'],
    redirectUris: 'none',
    confidential: false,
    mustBeFirstParty: true,
    exceptions: [
      {
        from: 'RFC 9700 §2.4: no app asks people for what they sign in with',
        instead: 'a code is good once and for minutes, tries are counted, and only apps of the house have this profile',
        because: 'the apps of shops have pages of their own for the phone number and the code',
      },
    ],
    internal: false,
  },
  resource: {
    ...noCode,
    name: 'resource',
    summary: 'a resource server that asks whether tokens are valid',
    metadata: {
      application_type: 'web',
      // RFC 7662 §2.1: the introspection endpoint demands authorization; such a client can do nothing else.
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: [],
      response_types: [],
      redirect_uris: [],
    },
    mayAdd: [...forPeople, ...authenticationMembers, introspectionMember],
    redirectUris: 'none',
    confidential: true,
    authMethods: authenticationMethods,
    internal: true,
  },
} as const satisfies Readonly<Record<string, Profile>>

export type ProfileName = keyof typeof all

/** Every profile by its name. */
export const profiles: Readonly<Record<ProfileName, Profile>> = all

/** Whether access that is not used ends by itself one day. */
export function endsByItself({ refreshTokenTtl }: Profile): boolean {
  return refreshTokenTtl < forever
}

/** The profile of a registration: that of its name, with what the registration itself makes otherwise. */
export function profileOfClient(name: string, metadata: Readonly<Record<string, unknown>>): Profile | undefined {
  const profile = profileOf(name)
  const otherwise = metadata['approve_in_chat'] === true ? profile?.approveInChat : undefined
  return (
    profile &&
    [withAuthMethod, withBinding, withGrants].reduce<Profile>((its, choose) => choose(its, metadata), {
      ...profile,
      ...otherwise,
    })
  )
}

/** Tokens that would be bound to a key are bound to a certificate, where that was chosen. */
function withBinding(
  profile: Profile,
  { tls_client_certificate_bound_access_tokens: chosen }: Profile['metadata'],
): Profile {
  const { dpop_bound_access_tokens: byKey, ...metadata } = profile.metadata
  return chosen === true && byKey === true
    ? { ...profile, metadata: { ...metadata, tls_client_certificate_bound_access_tokens: true } }
    : profile
}

/** The chosen way to prove who the client is; of one that cannot be chosen its check speaks (`client-keys.ts`). */
function withAuthMethod(profile: Profile, { token_endpoint_auth_method: chosen }: Profile['metadata']): Profile {
  return typeof chosen === 'string' && profile.authMethods?.includes(chosen) === true
    ? { ...profile, metadata: { ...profile.metadata, token_endpoint_auth_method: chosen } }
    : profile
}

/** With the grant types that the registration adds; of those that cannot be added the check speaks (`grant-metadata.ts`). */
function withGrants(profile: Profile, { grant_types: chosen }: Profile['metadata']): Profile {
  const { moreGrants = [], metadata } = profile
  const added = moreGrants.filter((one) => Array.isArray(chosen) && chosen.includes(one))
  if (added.length === 0) return profile
  const own = (metadata['grant_types'] ?? []) as readonly string[]
  return { ...profile, metadata: { ...metadata, grant_types: [...own, ...added] } }
}

/** Whether clients of this profile, as `profileOfClient` answers it, keep a secret that we made. */
export function hasSecret({ metadata }: Pick<Profile, 'metadata'>): boolean {
  return String(metadata['token_endpoint_auth_method']).startsWith('client_secret_')
}

/** The profile of that name, or undefined. */
export function profileOf(name: string): Profile | undefined {
  return Object.hasOwn(profiles, name) ? profiles[name as ProfileName] : undefined
}
