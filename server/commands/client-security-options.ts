/** The options for clients that prove who they are by more than a secret, in the names of RFC 7591 and RFC 8705. */
import { authenticationMethods, clientAlgorithms } from '../oidc/authentication-methods.ts'
import { signedResponseModes, signingAlgorithms } from '../oidc/openid-metadata.ts'
import { type Input, type Option, UsageError } from './command.ts'
import { readJsonObject } from './json-file.ts'

/** How a client proves who it is: for APIs, too. */
export const authenticationOptions = {
  'auth-method': {
    type: 'string',
    value: 'method',
    summary: `how the app proves who it is, where its profile keeps a secret: ${authenticationMethods.join(', ')}`,
  },
  'auth-signing-alg': {
    type: 'string',
    value: 'alg',
    summary: `the one algorithm of private_key_jwt: ${clientAlgorithms.join(', ')}`,
  },
  'jwks-file': {
    type: 'string',
    value: 'file',
    content: 'json',
    summary: 'public keys of the app, as a key set in JSON: {"keys":[…]}',
  },
  'jwks-uri': {
    type: 'string',
    value: 'uri',
    summary: 'address of those keys in their place, so that the app can change them',
  },
  'tls-subject-dn': {
    type: 'string',
    value: 'name',
    summary: 'for tls_client_auth: subject of the certificate of the app, such as "CN=app,O=Example,C=KZ" (RFC 4514)',
  },
  'tls-san-dns': { type: 'string', value: 'name', summary: 'in its place: a DNS name in the certificate' },
  'tls-san-uri': { type: 'string', value: 'uri', summary: 'in its place: a URI in the certificate' },
  'tls-san-ip': { type: 'string', value: 'address', summary: 'in its place: an IP address in the certificate' },
  'tls-san-email': { type: 'string', value: 'address', summary: 'in its place: an e-mail address in the certificate' },
} as const satisfies Record<string, Option>

export const securityOptions = {
  ...authenticationOptions,
  'bound-tokens': {
    type: 'string',
    value: 'dpop|certificate',
    summary: 'the app gets only tokens that are bound to a key that it proves at each use, or to its certificate',
  },
  'pushed-requests': {
    type: 'string',
    value: 'yes',
    summary: 'the app must push its authorization requests (RFC 9126); an empty text takes the demand away',
  },
  'signed-requests': {
    type: 'string',
    value: 'alg',
    summary: `the app must sign its authorization requests by a key of its own (RFC 9101): ${clientAlgorithms.join(', ')}`,
  },
  'signed-responses': {
    type: 'string',
    value: 'alg',
    summary: `answers come back to the app as signed JWTs alone (JARM): ${signingAlgorithms.join(', ')}`,
  },
} as const satisfies Record<string, Option>

/** The metadata that these options name; an empty text takes a member away. Throws `Refusal`. */
export function givenSecurity(input: Input): Record<string, unknown> {
  return {
    ...givenAuthentication(input),
    ...binding(input.text('bound-tokens')),
    require_pushed_authorization_requests: demand(input.text('pushed-requests')),
    ...signedRequests(input.text('signed-requests')),
    ...signedResponses(input),
  }
}

/** The same, for how a client proves who it is. Throws `Refusal`. */
export function givenAuthentication(input: Input): Record<string, unknown> {
  const keys = input.text('jwks-file')
  return {
    token_endpoint_auth_method: input.text('auth-method'),
    token_endpoint_auth_signing_alg: input.text('auth-signing-alg'),
    jwks: keys === undefined || keys === '' ? keys : readJsonObject(keys),
    jwks_uri: input.text('jwks-uri'),
    tls_client_auth_subject_dn: input.text('tls-subject-dn'),
    tls_client_auth_san_dns: input.text('tls-san-dns'),
    tls_client_auth_san_uri: input.text('tls-san-uri'),
    tls_client_auth_san_ip: input.text('tls-san-ip'),
    tls_client_auth_san_email: input.text('tls-san-email'),
  }
}

function binding(chosen: string | undefined): Record<string, unknown> {
  if (chosen === undefined) return {}
  if (!['dpop', 'certificate', ''].includes(chosen)) {
    throw new UsageError('--bound-tokens is dpop or certificate; an empty text takes the demand away.')
  }
  return {
    dpop_bound_access_tokens: chosen === 'dpop' || '',
    tls_client_certificate_bound_access_tokens: chosen === 'certificate' || '',
  }
}

function demand(value: string | undefined): true | '' | undefined {
  if (value === undefined || value === '') return value
  if (value !== 'yes') throw new UsageError('--pushed-requests is yes; an empty text takes the demand away.')
  return true
}

function signedRequests(algorithm: string | undefined): Record<string, unknown> {
  if (algorithm === undefined) return {}
  return { request_object_signing_alg: algorithm, require_signed_request_object: algorithm === '' ? '' : true }
}

function signedResponses(input: Input): Record<string, unknown> {
  const algorithm = input.text('signed-responses')
  if (algorithm === undefined) return {}
  const modes = input.list('response-mode')
  const signed: readonly string[] = signedResponseModes
  if (algorithm !== '' && modes?.some((mode) => !signed.includes(mode))) {
    throw new UsageError(`--signed-responses goes with --response-mode ${signed.join(', ')}: others are not signed.`)
  }
  return {
    authorization_signed_response_alg: algorithm,
    ...(modes === undefined ? { response_modes: algorithm === '' ? '' : signed } : {}),
  }
}
