/** Rows of the table of standards: the ways to a token without the browser of the moment. */
import type { Standard } from './row.ts'

export const grants: readonly Standard[] = [
  {
    file: 'rfc8693-token-exchange',
    feature:
      'Token exchange where a policy names client, source and target: delegation with `act`, fewer scopes, another API',
    document: 'RFC 8693',
    sections: '§1.1, §2, §4.1, §4.4',
    shownBy: 'openid-client (`genericGrantRequest`)',
    on: { client: '--grant token-exchange' },
    discovery: { grant_types_supported: ['urn:ietf:params:oauth:grant-type:token-exchange'] },
  },
  {
    file: 'rfc7523-jwt-bearer',
    feature: 'Assertions of trusted issuers about people, as authorization grants, with the audience of RFC 10070',
    document: 'RFC 7523',
    sections: '§2.1, §3',
    shownBy: 'openid-client (`genericGrantRequest`)',
    on: { client: '--grant jwt-bearer' },
    discovery: { grant_types_supported: ['urn:ietf:params:oauth:grant-type:jwt-bearer'] },
  },
  {
    file: 'id-jag',
    feature:
      'Identity assertions between authorization servers (ID-JAG): made where people sign in, taken where an API is guarded',
    document: 'Identity Assertion JWT Authorization Grant (draft 04)',
    address: 'https://datatracker.ietf.org/doc/draft-ietf-oauth-identity-assertion-authz-grant/04/',
    sections: '§3.1, §4.3, §4.4, §7',
    shownBy: 'openid-client, between two instances',
    on: { client: '--grant token-exchange, --grant jwt-bearer' },
    discovery: {
      identity_chaining_requested_token_types_supported: ['urn:ietf:params:oauth:token-type:id-jag'],
      authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
    },
  },
  {
    file: 'rfc6749-client-credentials',
    feature: 'Client credentials: programs that act for themselves',
    document: 'RFC 6749',
    sections: '§2.3, §3.3, §4.4',
    shownBy: 'openid-client',
    on: { client: '--profile service' },
    discovery: { grant_types_supported: ['client_credentials'] },
  },
  {
    file: 'rfc8628-device',
    feature: 'Device authorization: an app without a browser, or a chat bot, and people who confirm a code elsewhere',
    document: 'RFC 8628',
    sections: '§3.1–§3.5',
    shownBy: 'openid-client',
    on: { client: '--profile device' },
    discovery: {
      device_authorization_endpoint: '/device_authorization',
      grant_types_supported: ['urn:ietf:params:oauth:grant-type:device_code'],
    },
  },
  {
    file: 'openid-ciba',
    feature: 'Approval in the chat (CIBA, poll mode): the bot asks, the app waits',
    document: 'OpenID Connect Client-Initiated Backchannel Authentication Flow Core 1.0',
    address: 'https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html',
    sections: '§7.1.1, §7.3, §10.1, §11, §13',
    shownBy: 'openid-client',
    on: { settings: { TELEGRAM_BOT_TOKEN: 'the token of the bot' } },
    discovery: {
      backchannel_authentication_endpoint: '/backchannel',
      backchannel_token_delivery_modes_supported: ['poll'],
      backchannel_user_code_parameter_supported: false,
      backchannel_authentication_request_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256'],
      grant_types_supported: ['urn:openid:params:grant-type:ciba'],
    },
  },
]
