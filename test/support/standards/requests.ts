/** Rows of the table of standards: requests and tokens that are bound to a client, signed, or sent behind the browser’s back. */
import type { Standard } from './row.ts'

export const requests: readonly Standard[] = [
  {
    file: 'rfc9126-par',
    feature: 'Pushed authorization requests',
    document: 'RFC 9126',
    sections: '§2.1, §2.2, §2.3, §4, §6',
    shownBy: 'oauth4webapi',
    on: { client: '--pushed-requests yes' },
    discovery: { pushed_authorization_request_endpoint: '/par', require_pushed_authorization_requests: null },
  },
  {
    file: 'rfc9101-jar',
    feature: 'Signed authorization requests (JAR)',
    document: 'RFC 9101',
    sections: '§5, §6.3, §10.4, §10.5, §10.8',
    shownBy: 'oauth4webapi',
    on: { client: '--signed-requests ES256' },
    discovery: {
      request_parameter_supported: true,
      request_uri_parameter_supported: false,
      require_signed_request_object: null,
      request_object_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256'],
    },
  },
  {
    file: 'jarm',
    feature: 'Signed authorization responses (JARM)',
    document: 'JARM',
    address: 'https://openid.net/specs/oauth-v2-jarm-final.html',
    sections: '§2.1, §2.3, §2.4, §3',
    shownBy: 'oauth4webapi',
    on: { client: '--signed-responses ES256' },
    discovery: {
      authorization_signing_alg_values_supported: ['RS256', 'ES256', 'EdDSA'],
      response_modes_supported: ['jwt', 'query.jwt', 'fragment.jwt', 'form_post.jwt'],
    },
  },
  {
    file: 'rfc7523-client-authentication',
    feature: 'Clients that authenticate by a key of their own (`private_key_jwt`), with the audience of RFC 10070',
    document: 'RFC 7523',
    sections: '§2.2, §3',
    shownBy: 'oauth4webapi',
    on: { client: '--auth-method private_key_jwt' },
    discovery: {
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'],
      token_endpoint_auth_signing_alg_values_supported: ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256'],
    },
  },
  {
    file: 'rfc8705-mtls',
    feature: 'Mutual TLS: clients that authenticate by a certificate, and tokens that are bound to one',
    document: 'RFC 8705',
    sections: '§2.1, §2.2, §3, §7.1',
    shownBy: 'oauth4webapi',
    on: {
      settings: {
        TRUST_PROXY: '127.0.0.1',
        CLIENT_CERTIFICATE_HEADER: 'Client-Cert',
        CLIENT_CERTIFICATE_VERIFY_HEADER: 'X-Client-Cert-Verify',
      },
    },
    discovery: {
      tls_client_certificate_bound_access_tokens: true,
      token_endpoint_auth_methods_supported: ['tls_client_auth', 'self_signed_tls_client_auth'],
    },
  },
]
