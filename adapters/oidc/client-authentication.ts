/** How we authenticate at an issuer's token endpoint (OpenID Connect Core §9). */
import { webcrypto } from 'node:crypto'
import { type ClientAuth, ClientSecretPost, None, PrivateKeyJwt } from 'openid-client'
import type { ClientAuthentication } from './contract.ts'
import { Unusable } from './problems.ts'

/** Throws `Unusable` for a key that is none. */
export async function clientAuthentication(given: ClientAuthentication): Promise<ClientAuth> {
  switch (given.method) {
    case 'client_secret_basic':
      return clientSecretBasic(given.secret)
    case 'client_secret_post':
      return ClientSecretPost(given.secret)
    case 'private_key_jwt':
      return privateKeyJwt(given.key)
    case 'none':
      return None()
  }
}

/**
 * Form-encoded (RFC 6749 §2.3.1), and no more than it has to be: the library also encodes hyphens and underscores, which
 * issuers that forget to decode then take for another secret.
 */
function clientSecretBasic(secret: string): ClientAuth {
  const encoded = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  return (_issuer, { client_id: id }, _body, headers) => {
    const credentials = `${encoded(id)}:${encoded(secret)}`
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`)
  }
}

async function privateKeyJwt(jwk: Readonly<Record<string, unknown>>): Promise<ClientAuth> {
  const algorithm = algorithms[String(jwk['alg'])]
  const kid = typeof jwk['kid'] === 'string' ? { kid: jwk['kid'] } : {}
  try {
    if (algorithm === undefined) throw new TypeError('unknown algorithm')
    // Uses and operations that the JWK states are about whoever made it; here it signs.
    const { use: _use, key_ops: _operations, ext: _extractable, ...material } = jwk
    const key = await webcrypto.subtle.importKey('jwk', material, algorithm, false, ['sign'])
    return PrivateKeyJwt({ key, ...kid })
  } catch {
    // The cause may hold the key.
    throw new Unusable('our private key for it cannot be used')
  }
}

/** By the name in JOSE (RFC 7518 §3.1, RFC 9864). */
const algorithms: Readonly<Record<string, webcrypto.RsaHashedImportParams | webcrypto.EcKeyImportParams | string>> = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384' },
  ES512: { name: 'ECDSA', namedCurve: 'P-521' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  RS384: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-384' },
  RS512: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-512' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
  PS384: { name: 'RSA-PSS', hash: 'SHA-384' },
  PS512: { name: 'RSA-PSS', hash: 'SHA-512' },
  EdDSA: 'Ed25519',
  Ed25519: 'Ed25519',
}
