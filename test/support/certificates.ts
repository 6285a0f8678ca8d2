/**
 * Certificates that clients show, of nobody: made once, their private keys thrown away. TLS is the proxy's in front, so
 * nothing here needs them.
 */
import { X509Certificate } from 'node:crypto'

/** Of `C=KZ, O="Example, Inc.", CN=app`, with one alternative name of each kind and two addresses. */
export const appCertificate = `-----BEGIN CERTIFICATE-----
MIICGTCCAb6gAwIBAgIUEB0s1hHPWXjty3mecwJoAPzoa6IwCgYIKoZIzj0EAwIw
MzELMAkGA1UEBhMCS1oxFjAUBgNVBAoMDUV4YW1wbGUsIEluYy4xDDAKBgNVBAMM
A2FwcDAgFw0yNjExMjEyMjQyMDhaGA8yMTI2MTAyODIyNDIwOFowMzELMAkGA1UE
BhMCS1oxFjAUBgNVBAoMDUV4YW1wbGUsIEluYy4xDDAKBgNVBAMMA2FwcDBZMBMG
ByqGSM49AgEGCCqGSM49AwEHA0IABFooqu3FYX2VYp3XloHvVSkAqas25ISQkWeg
oTuTWMZlPQM5Yl9fPqKFgXiBX9szZIls3ONsl5nmHLJnyEEcsA6jga0wgaowHQYD
VR0OBBYEFNyr6ej90onSgAr5KkFZvcCrviExMB8GA1UdIwQYMBaAFNyr6ej90onS
gAr5KkFZvcCrviExMA8GA1UdEwEB/wQFMAMBAf8wVwYDVR0RBFAwToILYXBwLmV4
YW1wbGWGFmh0dHBzOi8vYXBwLmV4YW1wbGUvaWSHBMAAAgeHECABDbgAAAAAAAAA
AAAAAAeBD2FwcEBhcHAuZXhhbXBsZTAKBggqhkjOPQQDAgNJADBGAiEAiUR9GtEo
HfO0wqOueY8DwzqI+rsFThcLfEBD3YX/ROACIQCPanPeuzpFe2eSt9ToFW4EuE64
tqozqkYvj4A9ccwMzw==
-----END CERTIFICATE-----`

/** Of `C=KZ, O="Example, Inc.", CN=other`. */
export const otherCertificate = `-----BEGIN CERTIFICATE-----
MIIB7TCCAZOgAwIBAgIULU7Oeia+9E1wLSkDDT1KUxmkI8kwCgYIKoZIzj0EAwIw
NTELMAkGA1UEBhMCS1oxFjAUBgNVBAoMDUV4YW1wbGUsIEluYy4xDjAMBgNVBAMM
BW90aGVyMCAXDTI2MTEyMTIyNDIwOFoYDzIxMjYxMDI4MjI0MjA4WjA1MQswCQYD
VQQGEwJLWjEWMBQGA1UECgwNRXhhbXBsZSwgSW5jLjEOMAwGA1UEAwwFb3RoZXIw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASNB0aR8zlQwcoDsNFMDAOZ1AZLEIUk
2Dp6NdwLUZxtTGG+v29i60CPbowOuwl9sN//6itw2+W3N3sbEjDWjrTWo38wfTAd
BgNVHQ4EFgQUu+qFWcKfuSRQFAwuj4O2PLKNoV4wHwYDVR0jBBgwFoAUu+qFWcKf
uSRQFAwuj4O2PLKNoV4wDwYDVR0TAQH/BAUwAwEB/zAqBgNVHREEIzAhgg1vdGhl
ci5leGFtcGxlgg0qLmFwcC5leGFtcGxlhgF4MAoGCCqGSM49BAMCA0gAMEUCIFdA
P5C1EjUqvrNa7Qu21XMIiIWy5KUkTHpoMKiQ5xWlAiEA11dK/nfQ9TUAJPlsRW/L
4wecAhZurZ3+ZVzEjH6ULII=
-----END CERTIFICATE-----`

/** The header as nginx writes it (`$ssl_client_escaped_cert`). */
export function escaped(pem: string): string {
  return encodeURIComponent(pem)
}

/** The header of RFC 9440 §2.2. */
export function structured(pem: string): string {
  return `:${new X509Certificate(pem).raw.toString('base64')}:`
}

/** What a key set says of a certificate (RFC 8705 §2.2.2). */
export function certificateKeys(pem: string): { keys: object[] } {
  const { publicKey, raw } = new X509Certificate(pem)
  return { keys: [{ ...publicKey.export({ format: 'jwk' }), x5c: [raw.toString('base64')] }] }
}
