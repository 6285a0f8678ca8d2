/** The options for clients that prove who they are by more than a secret, in the names of RFC 7591 and RFC 8705. */
import { authenticationMethods, clientAlgorithms } from '../oidc/authentication-methods.ts'
import type { Input, Option } from './command.ts'
import { readJsonObject } from './json-file.ts'

export const securityOptions = {
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
} as const satisfies Record<string, Option>

/** The metadata that these options name; an empty text takes a member away. Throws `Refusal`. */
export function givenSecurity(input: Input): Record<string, unknown> {
  const keys = input.text('jwks-file')
  return {
    token_endpoint_auth_method: input.text('auth-method'),
    token_endpoint_auth_signing_alg: input.text('auth-signing-alg'),
    jwks: keys === undefined || keys === '' ? keys : readJsonObject(keys),
    jwks_uri: input.text('jwks-uri'),
  }
}
