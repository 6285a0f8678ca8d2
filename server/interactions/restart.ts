/** Beginning an authorization request again, from what is known of it. */
import { devicePath } from '../oidc/device-flow.ts'
import { impliedConsent } from '../oidc/offline-access.ts'

/** The authorization request as an address, without some of it; undefined for requests that cannot be repeated that way. */
export function restartUrl(
  params: Readonly<Record<string, unknown>>,
  without: readonly string[] = [],
): string | undefined {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (['prompt', impliedConsent, 'request', 'request_uri', ...without].includes(name)) continue
    for (const one of [value].flat())
      if (typeof one === 'string' || typeof one === 'number') query.append(name, String(one))
  }
  if (!query.has('client_id')) return undefined
  // Only a device asks without naming an answer (RFC 8628 §3.1); it shows where to begin, and its code.
  return query.has('response_type') ? `/authorize?${query}` : devicePath
}
