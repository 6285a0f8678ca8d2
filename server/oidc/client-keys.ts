/**
 * How a client may prove who it is in place of a secret: which method is chosen, its keys, its names in certificates.
 *
 * Our own rules, with words for whoever registers it; the library's come after them (`client-metadata.ts`). Knows no
 * request: what a proof has to say is `client-assertions.ts`.
 */
import { bindingMembers, certificateNames, clientAlgorithms } from './authentication-methods.ts'
import type { Profile } from './profile.ts'
import { isLoopback } from './redirect-uris.ts'

type Members = Readonly<Record<string, unknown>>

const maximumKeys = 10
/** Bits of the modulus of an RSA key (RFC 7518 §3.3). */
const minimumModulus = 2048
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const
const byKeys: readonly string[] = ['private_key_jwt', 'self_signed_tls_client_auth']

/** What is wrong with the way in which a client is to prove who it is; `given` holds its members by their RFC 7591 names. */
export function authenticationProblems(given: Members, profile: Profile): string[] {
  const { token_endpoint_auth_method: chosen, jwks, jwks_uri: address } = given
  const method = String(profile.metadata['token_endpoint_auth_method'])
  const methods: readonly unknown[] = profile.authMethods ?? [method]
  if (
    chosen !== undefined &&
    profile.mayAdd.includes('token_endpoint_auth_method') &&
    !(typeof chosen === 'string' && methods.includes(chosen))
  ) {
    return [`"token_endpoint_auth_method" of profile ${profile.name} is one of ${methods.join(', ')}.`]
  }
  return [
    ...(jwks === undefined ? [] : keySetProblems(jwks)),
    ...(address === undefined ? [] : addressProblems(address)),
    ...(jwks === undefined || address === undefined
      ? []
      : ['Give the keys ("jwks") or their address ("jwks_uri"), not both.']),
    ...(byKeys.includes(method) && jwks === undefined && address === undefined
      ? [`A client that authenticates by ${method} needs its keys: "jwks" or "jwks_uri".`]
      : []),
    ...(method === 'self_signed_tls_client_auth' && jwks !== undefined && !keysOf(jwks).some((key) => 'x5c' in key)
      ? ['A client that authenticates by self_signed_tls_client_auth needs its certificate in the keys: "x5c".']
      : []),
    ...algorithmProblems(given['token_endpoint_auth_signing_alg'], method),
    ...keylessProblems(given),
    ...certificateProblems(given, method),
    ...bindingProblems(given),
    ...(given['telegram_qr'] === true && !method.startsWith('client_secret_')
      ? ['The API for QR codes knows its callers by their secret ("telegram_qr"): this client has none.']
      : []),
  ]
}

/** The keys of a set, as far as it is one; what is wrong with it is for `keySetProblems`. */
function keysOf(jwks: unknown): readonly Members[] {
  const keys: unknown = isObject(jwks) ? jwks['keys'] : undefined
  return Array.isArray(keys) ? keys.filter(isObject) : []
}

/** What a client is to sign by, and has no key for, would keep it out for good. */
function keylessProblems(given: Members): string[] {
  const keys = keysOf(given['jwks'])
  if (keys.length === 0) return []
  return ['token_endpoint_auth_signing_alg', 'request_object_signing_alg']
    .filter((name) => typeof given[name] === 'string' && !keys.some((key) => isFor(key, String(given[name]))))
    .map((name) => `None of the keys in "jwks" is for ${given[name]} ("${name}").`)
}

/** RFC 7517 §4.4: a key may be kept to one algorithm. */
function isFor({ kty, alg }: Members, algorithm: string): boolean {
  const type = algorithm === 'ES256' ? 'EC' : algorithm.startsWith('Ed') ? 'OKP' : 'RSA'
  return kty === type && (alg === undefined || alg === algorithm)
}

function keySetProblems(jwks: unknown): string[] {
  const keys: unknown = isObject(jwks) ? jwks['keys'] : undefined
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > maximumKeys || !keys.every(isObject)) {
    return [`"jwks" must be a key set with one to ${maximumKeys} keys: {"keys":[…]} (RFC 7517 §5).`]
  }
  const ids = keys.map(({ kid }) => kid).filter((kid) => kid !== undefined)
  return [
    ...(new Set(ids).size < ids.length ? ['Two keys in "jwks" have the same "kid".'] : []),
    ...keys.flatMap((key, index) => {
      const problem = keyProblem(key)
      return problem === undefined ? [] : [`Key ${index + 1} of "jwks" cannot be used. ${problem}`]
    }),
  ]
}

function keyProblem(key: Members): string | undefined {
  if (privateMembers.some((member) => member in key)) {
    return 'It holds a private or shared part, which is nobody else’s to know: it is of no use any more. Make a new one and give its public part.'
  }
  if (key['kty'] === 'EC' && key['crv'] === 'P-256') return undefined
  if (key['kty'] === 'OKP' && key['crv'] === 'Ed25519') return undefined
  const { kty, n } = key
  const modulus = kty === 'RSA' && typeof n === 'string' ? Buffer.from(n, 'base64url').length * 8 : 0
  return modulus >= minimumModulus
    ? undefined
    : `It must be of P-256 (ES256), Ed25519 or RSA with ${minimumModulus} bits or more (PS256, RS256).`
}

/** Fetched by the server itself, so it is held to what that fetches (`guarded-fetch.ts`). */
function addressProblems(address: unknown): string[] {
  const url = typeof address === 'string' ? URL.parse(address) : null
  const usable = url?.protocol === 'https:' || (typeof address === 'string' && isLoopback(address))
  return usable && url?.username === '' && url.password === '' && url.hash === ''
    ? []
    : [`"jwks_uri" must be an https address such as https://app.example/jwks.json, not ${JSON.stringify(address)}.`]
}

function algorithmProblems(algorithm: unknown, method: string): string[] {
  if (algorithm === undefined) return []
  if (method !== 'private_key_jwt') {
    return ['"token_endpoint_auth_signing_alg" is for clients that authenticate by private_key_jwt.']
  }
  return (clientAlgorithms as readonly unknown[]).includes(algorithm)
    ? []
    : [`"token_endpoint_auth_signing_alg" is one of ${clientAlgorithms.join(', ')}.`]
}

/** RFC 8705 §2.1.2: exactly one name, and only where a certificate is held against it. */
function certificateProblems(given: Members, method: string): string[] {
  const names = certificateNames.filter((name) => given[name] !== undefined)
  if (method !== 'tls_client_auth') {
    return names.map((name) => `"${name}" is for clients that authenticate by tls_client_auth.`)
  }
  return names.length === 1
    ? []
    : [
        `A client that authenticates by tls_client_auth needs one name in its certificate: ${certificateNames.join(', ')}.`,
      ]
}

/** A token is bound to one thing (RFC 8705 §3.4, RFC 9449 §5.2). */
function bindingProblems(given: Members): string[] {
  const values = bindingMembers.map((name) => given[name])
  if (values.some((value) => value !== undefined && value !== true)) {
    return bindingMembers.map((name) => `"${name}" must be true, or be left out.`)
  }
  return values.every((value) => value === true)
    ? [`Tokens are bound to a key or to a certificate: one of ${bindingMembers.join(' and ')}.`]
    : []
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
