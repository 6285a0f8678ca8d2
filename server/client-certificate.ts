/**
 * The certificate that a client showed to our TLS proxy, as the proxy hands it on in a header.
 *
 * Two forms: the structured field of RFC 9440 (`:base64:` of the DER), and PEM, percent-encoded, as nginx writes it
 * (`$ssl_client_escaped_cert`). Whom to believe is not decided here: `request-info.ts` reads the header of trusted proxies
 * alone.
 */
import { createHash, X509Certificate } from 'node:crypto'

/** The certificate in a value of the header; undefined when there is none that can be read. */
export function readCertificate(value: string): X509Certificate | undefined {
  const [, encoded] = /^:([A-Za-z0-9+/]+={0,2}):$/.exec(value) ?? []
  try {
    return new X509Certificate(encoded === undefined ? pem(value) : Buffer.from(encoded, 'base64'))
  } catch {
    return undefined
  }
}

/** Throws where it is no PEM of one certificate. */
function pem(value: string): string {
  const text = decodeURIComponent(value)
  if (!/^-----BEGIN CERTIFICATE-----[\sA-Za-z0-9+/=]+-----END CERTIFICATE-----\s*$/.test(text))
    throw new TypeError('no PEM')
  return text
}

/** The thumbprint by which tokens name a certificate (`x5t#S256`, RFC 8705 §3.1). */
export function certificateThumbprint({ raw }: X509Certificate): string {
  return createHash('sha256').update(raw).digest('base64url')
}
