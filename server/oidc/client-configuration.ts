/**
 * The part of the library's configuration by which it judges the metadata of clients.
 *
 * Held once, for the provider that serves and for the check at registration (`client-rules.ts`), so that what is
 * accepted when a client is registered is what works when somebody signs in. Knows no adapter and no page.
 */
import type { Configuration } from 'oidc-provider'
import { levels } from './acr.ts'
import { clientAlgorithms } from './authentication-methods.ts'
import { backchannel } from './backchannel.ts'
import { claimsByScope } from './claims.ts'
import { openidScopes } from './client-scopes.ts'
import { userCodes } from './device-flow.ts'
import { certificateMethods, type MutualTls, mutualTls } from './mutual-tls.ts'
import { signingAlgorithms, subjectTypes } from './openid-metadata.ts'

/** Scopes, methods and members that clients may have. A new object each time: the library keeps what it is given. */
export function clientConfiguration(certificates: MutualTls = 'none') {
  return {
    scopes: [...openidScopes],
    claims: Object.fromEntries(Object.entries(claimsByScope).map(([scope, claims]) => [scope, [...claims]])),
    responseTypes: ['code'],
    acrValues: [...levels],
    subjectTypes: [...subjectTypes],
    enabledJWA: {
      clientAuthSigningAlgValues: [...clientAlgorithms],
      requestObjectSigningAlgValues: [...clientAlgorithms],
      idTokenSigningAlgValues: [...signingAlgorithms],
      userinfoSigningAlgValues: [...signingAlgorithms],
      introspectionSigningAlgValues: [...signingAlgorithms],
      authorizationSigningAlgValues: [...signingAlgorithms],
    },
    // Hashed secrets leave no key for HMAC-based methods.
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'private_key_jwt',
      ...certificateMethods(certificates),
      'none',
    ],
    extraClientMetadata: {
      properties: [
        'profile',
        'first_party',
        'origin',
        'resource_scopes',
        'logo_address',
        'required_identity',
        'telegram_bot_id',
        'telegram_qr',
      ],
    },
  } satisfies Configuration
}

/** The features that bring grant types, members and methods of clients; the provider that serves adds its policies. */
export function clientFeatures(certificates: MutualTls = 'none') {
  return {
    // The library's sample pages accept any password.
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    ciba: backchannel(),
    claimsParameter: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true, ...userCodes },
    dPoP: { enabled: true },
    introspection: { enabled: true },
    jwtIntrospection: { enabled: true },
    jwtResponseModes: { enabled: true },
    jwtUserinfo: { enabled: true },
    mTLS: mutualTls(certificates),
    pushedAuthorizationRequests: { enabled: true },
    requestObjects: { enabled: true },
    resourceIndicators: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    userinfo: { enabled: true },
  } satisfies Configuration['features']
}
