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
]
