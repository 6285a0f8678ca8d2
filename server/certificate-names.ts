/**
 * Whether a certificate carries a name: its subject (RFC 4514), or one of its alternative names (RFC 5280 §4.2.1.6).
 *
 * Names are compared as a whole, never as patterns: `*.example` in a certificate is that text and nothing below it.
 */
import type { X509Certificate } from 'node:crypto'
import ipaddr from 'ipaddr.js'
import type { certificateNames } from './oidc/authentication-methods.ts'

export type NameKind = (typeof certificateNames)[number]

/** As Node writes the kinds of alternative names. */
const alternativeKinds = {
  tls_client_auth_san_dns: 'DNS',
  tls_client_auth_san_uri: 'URI',
  tls_client_auth_san_ip: 'IP Address',
  tls_client_auth_san_email: 'email',
} as const

/** Whether the certificate has `expected` as its name of that kind. */
export function certificateHasName(certificate: X509Certificate, kind: NameKind, expected: string): boolean {
  if (kind === 'tls_client_auth_subject_dn') return sameSubject(certificate.subject, expected)
  const wanted = canonical(kind, expected)
  return alternativeNames(certificate.subjectAltName ?? '')
    .filter(([its]) => its === alternativeKinds[kind])
    .some(([, name]) => canonical(kind, name) === wanted)
}

/** Node writes the subject from its root on, one part per line; RFC 4514 §2.1 begins with the leaf. */
function sameSubject(subject: string, expected: string): boolean {
  const own = subject.split('\n').reverse().map(canonicalPart)
  const wanted = expected.split(/(?<!\\),/).map(canonicalPart)
  return own.length === wanted.length && own.every((part, index) => part !== undefined && part === wanted[index])
}

/** `CN = a\, b` as `cn=a, b`; undefined for what is no part of a name, and for one of several values. */
function canonicalPart(part: string): string | undefined {
  if (/(?<!\\)\+/.test(part)) return undefined
  const [, type, value] = /^\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=\s*(.*?)\s*$/s.exec(part) ?? []
  return type === undefined || value === undefined || value === ''
    ? undefined
    : `${type.toLowerCase()}=${unescaped(value)}`
}

/** RFC 4514 §2.4: a sign after a backslash, or the bytes of some in hexadecimal. */
function unescaped(value: string): string {
  return value
    .replace(/(?:\\[0-9A-Fa-f]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString())
    .replace(/\\(.)/gs, '$1')
}

/** Pairs of kind and name; a name with signs in it stands in quotation marks, as in JSON. */
function alternativeNames(text: string): [string, string][] {
  const pattern = /(DNS|URI|IP Address|email):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/g
  return [...text.matchAll(pattern)].map(([, kind = '', name = '']) => [
    kind,
    name.startsWith('"') ? String(JSON.parse(name)) : name,
  ])
}

function canonical(kind: NameKind, name: string): string {
  // RFC 4343: DNS names know no case.
  if (kind === 'tls_client_auth_san_dns') return name.toLowerCase()
  if (kind === 'tls_client_auth_san_ip' && ipaddr.isValid(name)) return ipaddr.process(name).toNormalizedString()
  return name
}
