/** Rows of the table of standards: requests and tokens that are bound to a client, signed, or sent behind the browser’s back. */
import type { Standard } from './row.ts'

export const requests: readonly Standard[] = [
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
