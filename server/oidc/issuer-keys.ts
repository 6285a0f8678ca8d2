/**
 * The keys of issuers whose assertions are taken, fetched from where an administrator said and kept for a while.
 *
 * A key that is not known yet is looked for once more, but not oftener than every half minute: the one who asks chooses
 * its name.
 */
import { createRemoteJWKSet, customFetch, type JWTVerifyGetKey, errors as joseErrors } from 'jose'

/** Milliseconds. */
const keep = 10 * 60_000
const pause = 30_000
const patience = 5_000

/** The issuer's keys could not be had; that says nothing about the assertion. */
export class KeysUnavailable extends Error {
  override name = 'KeysUnavailable'
}

/** Finds the key for a signature. Throws jose's errors for an assertion that has none, and `KeysUnavailable`. */
export type IssuerKeys = (jwksUri: string) => JWTVerifyGetKey

/** `fetchDocument` is the way out of the house: it decides which addresses are asked. */
export function issuerKeys(fetchDocument: (url: string, init?: RequestInit) => Promise<Response>): IssuerKeys {
  const known = new Map<string, JWTVerifyGetKey>()
  return (jwksUri) => {
    const keys = known.get(jwksUri) ?? guarded(jwksUri, fetchDocument)
    known.set(jwksUri, keys)
    return keys
  }
}

function guarded(jwksUri: string, fetchDocument: Parameters<typeof issuerKeys>[0]): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(new URL(jwksUri), {
    cacheMaxAge: keep,
    cooldownDuration: pause,
    timeoutDuration: patience,
    [customFetch]: (url, init) => fetchDocument(url, init as RequestInit),
  })
  return async (header, token) => {
    try {
      return await remote(header, token)
    } catch (error) {
      const unusable = [joseErrors.JWKSNoMatchingKey, joseErrors.JWKSMultipleMatchingKeys, joseErrors.JOSENotSupported]
      if (unusable.some((kind) => error instanceof kind)) throw error
      throw new KeysUnavailable(`the keys at ${jwksUri} cannot be had`, { cause: error })
    }
  }
}
