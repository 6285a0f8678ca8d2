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
import type { Profile } from './profile.ts'

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
      // Unless tokens are bound to the certificate of the client (`client-profile.ts`).
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

/** The profile of that name, or undefined. */
export function profileOf(name: string): Profile | undefined {
  return Object.hasOwn(profiles, name) ? profiles[name as ProfileName] : undefined
}
