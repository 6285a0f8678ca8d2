/**
 * Client ids that are addresses: a document at that address says what the client is (Client ID Metadata Document,
 * draft-ietf-oauth-client-id-metadata-document-02 §3).
 *
 * Compared as text everywhere, so only the one form that a URL parser would write is taken.
 */

const maximumLength = 500

/** Whether a client id may be the address of a document. */
export function isDocumentAddress(id: string): boolean {
  if (id.length > maximumLength || !/^https:\/\/[\x21-\x7e]+$/.test(id) || id.includes('#')) return false
  const url = URL.parse(id)
  // The parser adds a path that is missing, resolves dot segments, and lowers the host: then it is another text.
  return url?.protocol === 'https:' && url.href === id && url.username === '' && url.password === ''
}

/** Whether the document at `id` is read; `hosts` are names, or `*.example.com` for all below one; undefined: any. */
export function isAllowedHost(id: string, hosts: readonly string[] | undefined): boolean {
  if (hosts === undefined) return true
  const { hostname } = new URL(id)
  return hosts.some((host) => (host.startsWith('*.') ? hostname.endsWith(host.slice(1)) : hostname === host))
}
