/** Where a PDS finds us: callbacks, and the documents that say who we are. */

const callbackPath = '/interaction/callback/atproto'
const metadataPath = '/atproto/client-metadata.json'
const jwksPath = '/atproto/jwks.json'

/** Where callbacks arrive. A PDS takes no name of a developer's machine but its address (RFC 8252 §8.3). */
export function redirectUriOf(issuer: string): string {
  const url = new URL(callbackPath, issuer)
  if (url.protocol === 'http:' && url.hostname === 'localhost') url.hostname = '127.0.0.1'
  return url.href
}

/** Addresses of the documents of a confidential client; that of its metadata is its client id. */
export function documentsOf(issuer: string): { readonly metadata: string; readonly jwks: string } {
  return { metadata: `${issuer}${metadataPath}`, jwks: `${issuer}${jwksPath}` }
}
