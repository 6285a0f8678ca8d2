/**
 * Clients that show a certificate (RFC 8705): by it they prove who they are, or are bound to their tokens.
 *
 * Only where a proxy in front is set up to hand certificates on; whether it also holds them against a CA decides whether a
 * name in one means anything. TLS itself is the proxy's.
 */
import type { Configuration, KoaContextWithOIDC } from 'oidc-provider'
import { certificateHasName, type NameKind } from '../certificate-names.ts'
import { clientCertificate } from '../request-info.ts'

/** What the settings make of certificates: nothing, their thumbprints, or also the names that a CA vouches for. */
export type MutualTls = 'none' | 'thumbprints' | 'names'

/** What is offered, by the settings. */
export function mutualTlsOf(certificates: { readonly verifyHeader: string | undefined } | undefined): MutualTls {
  if (certificates === undefined) return 'none'
  return certificates.verifyHeader === undefined ? 'thumbprints' : 'names'
}

/** The methods of client authentication that come with it (RFC 8705 §2). */
export function certificateMethods(offered: MutualTls): ('tls_client_auth' | 'self_signed_tls_client_auth')[] {
  if (offered === 'none') return []
  return offered === 'names' ? ['tls_client_auth', 'self_signed_tls_client_auth'] : ['self_signed_tls_client_auth']
}

/** The library's feature. */
export function mutualTls(offered: MutualTls) {
  return {
    enabled: offered !== 'none',
    certificateBoundAccessTokens: true,
    selfSignedTlsClientAuth: true,
    tlsClientAuth: offered === 'names',
    getCertificate: ({ req }: KoaContextWithOIDC) => clientCertificate(req)?.certificate,
    certificateAuthorized: ({ req }: KoaContextWithOIDC) => clientCertificate(req)?.verified === true,
    certificateSubjectMatches({ req }: KoaContextWithOIDC, property: string, expected: string) {
      const found = clientCertificate(req)
      return found !== undefined && certificateHasName(found.certificate, property as NameKind, expected)
    },
  } satisfies NonNullable<Configuration['features']>['mTLS']
}
