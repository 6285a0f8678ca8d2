/**
 * The ways in which a client proves who it is, what binds its tokens to it, and the members of
 * its metadata for both, as data.
 *
 * What is wrong with values is `client-keys.ts`; which profile has which is `profiles.ts`.
 */

/** RFC 7591 §2, RFC 8705 §2: by a secret that we made, a key of the client's own, or a certificate. */
export const authenticationMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'tls_client_auth',
  'self_signed_tls_client_auth',
] as const

/** Names in a certificate, of which a client that is told by one has exactly one (RFC 8705 §2.1.2). */
export const certificateNames = [
  'tls_client_auth_subject_dn',
  'tls_client_auth_san_dns',
  'tls_client_auth_san_uri',
  'tls_client_auth_san_ip',
  'tls_client_auth_san_email',
] as const

/** Members of a client that has a choice. */
export const authenticationMembers = [
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'jwks_uri',
  ...certificateNames,
] as const

/**
 * Signature algorithms that clients may use for what they sign (RFC 8725 §3.2): none that shares a key, none older. `EdDSA`
 * is `Ed25519` by its name before RFC 9864.
 */
export const clientAlgorithms = ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256'] as const

/** What tokens may be bound to (RFC 9449 §5.2, RFC 8705 §3.4): a key that is proved at each use, or a certificate. */
export const bindingMembers = ['dpop_bound_access_tokens', 'tls_client_certificate_bound_access_tokens'] as const
