/** Rows of the table of standards: sign-outs, and ends of access. */
import type { Standard } from './row.ts'

export const endings: readonly Standard[] = [
  {
    file: 'oidc-rp-initiated-logout',
    feature: 'Apps send people here to sign out',
    document: 'OpenID Connect RP-Initiated Logout 1.0',
    address: 'https://openid.net/specs/openid-connect-rpinitiated-1_0.html',
    sections: '§2, §2.1, §3, §3.1, §6',
    shownBy: 'openid-client',
    on: 'always',
    discovery: { end_session_endpoint: '/logout' },
  },
  {
    file: 'oidc-back-channel-logout',
    feature: 'Apps are told that somebody signed out, until they have heard it',
    document: 'OpenID Connect Back-Channel Logout 1.0',
    address: 'https://openid.net/specs/openid-connect-backchannel-1_0.html',
    sections: '§2.1–§2.5, §2.8',
    shownBy: 'a receiver with jose',
    on: { client: '--backchannel-logout-uri' },
    discovery: { backchannel_logout_supported: true, backchannel_logout_session_supported: true },
  },
  {
    file: 'refresh-token-expiration',
    feature: 'How long a refresh token may lie, and when all of it ends',
    document: 'Refresh Token and Authorization Expiration (draft 03)',
    address: 'https://datatracker.ietf.org/doc/draft-ietf-oauth-refresh-token-expiration/03/',
    sections: '§4–§8',
    shownBy: 'plain HTTP',
    on: 'always',
    discovery: { refresh_token_expiration_types_supported: ['authorization', 'token_timeout'] },
  },
  {
    file: 'global-token-revocation',
    feature: "A program of an administrator ends all of a person's access",
    document: 'Global Token Revocation (draft 06), with names of people by RFC 9493',
    address: 'https://datatracker.ietf.org/doc/draft-parecki-oauth-global-token-revocation/06/',
    sections: '§3.1–§3.4, §6, §7.1',
    shownBy: 'plain HTTP',
    on: { client: '--profile service --scope global-token-revocation' },
    discovery: {
      global_token_revocation_endpoint: '/global-token-revocation',
      global_token_revocation_endpoint_auth_methods_supported: ['Bearer'],
    },
  },
]
