import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { certificateHasName, type NameKind } from '../../server/certificate-names.ts'
import { readCertificate } from '../../server/client-certificate.ts'
import { appCertificate, escaped, otherCertificate, structured } from '../support/certificates.ts'

const app = new X509Certificate(appCertificate)
const other = new X509Certificate(otherCertificate)

test('a certificate is read in both forms in which proxies write it (RFC 9440 §2.1, nginx)', () => {
  for (const value of [escaped(appCertificate), structured(appCertificate), escaped(`${appCertificate}\n`)])
    expect(readCertificate(value)?.fingerprint256, value).toBe(app.fingerprint256)
})

test.each([
  '',
  ':',
  '::',
  ':AAAA:',
  'AAAA',
  '%',
  '%E0%A4',
  structured(appCertificate).slice(0, -1),
  `${structured(appCertificate)}, ${structured(otherCertificate)}`,
  escaped(`${appCertificate}\n${otherCertificate}`),
  escaped(appCertificate.replace('MIIC', 'MIIB')),
])('what is no certificate, or more than one, is none: %.40j', (value) => {
  expect(readCertificate(value)).toBeUndefined()
})

describe('a name in a certificate (RFC 8705 §2.1.2)', () => {
  const has = (kind: NameKind, name: string, certificate = app) => certificateHasName(certificate, kind, name)

  test('is its subject from the leaf on, whatever the spaces and the case of the types (RFC 4514)', () => {
    for (const name of ['CN=app,O=Example\\, Inc.,C=KZ', 'cn = app, o=Example\\2c Inc., c=KZ'])
      expect(has('tls_client_auth_subject_dn', name), name).toBe(true)
    for (const name of [
      'CN=app',
      'C=KZ,O=Example\\, Inc.,CN=app',
      'CN=APP,O=Example\\, Inc.,C=KZ',
      'CN=app,O=Example',
      '',
    ])
      expect(has('tls_client_auth_subject_dn', name), name).toBe(false)
    expect(has('tls_client_auth_subject_dn', 'CN=app,O=Example\\, Inc.,C=KZ', other)).toBe(false)
  })

  test.each<[NameKind, string, string]>([
    ['tls_client_auth_san_dns', 'APP.example', 'b.app.example'],
    ['tls_client_auth_san_uri', 'https://app.example/id', 'https://app.example/ID'],
    ['tls_client_auth_san_ip', '2001:db8::7', '192.0.2.8'],
    ['tls_client_auth_san_email', 'app@app.example', 'app@other.example'],
  ])('is one of its alternative names: %s', (kind, right, wrong) => {
    expect(has(kind, right)).toBe(true)
    expect(has(kind, wrong)).toBe(false)
    expect(has(kind, right, other)).toBe(false)
  })

  test('is never a pattern, nor of another kind', () => {
    expect(has('tls_client_auth_san_dns', 'b.app.example', other)).toBe(false)
    expect(has('tls_client_auth_san_uri', 'app.example')).toBe(false)
    expect(has('tls_client_auth_san_dns', '192.0.2.7')).toBe(false)
  })
})
