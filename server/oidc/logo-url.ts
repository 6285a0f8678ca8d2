/** Where the logo of a client is found: the library's metadata and our pages name the same address. */
import { createHash } from 'node:crypto'
import { decodeLogo } from './logo.ts'

/** What the addresses of all logos begin with. */
export const logoPath = '/logos'

/** Address of a client's logo, undefined for a client without one. Changes when the picture does. */
export function logoUrl(clientId: string, logo: unknown): string | undefined {
  if (typeof logo !== 'string' || decodeLogo(logo) === undefined) return undefined
  const version = createHash('sha256').update(logo).digest('base64url').slice(0, 12)
  return `${logoPath}/${encodeURIComponent(clientId)}/${version}`
}
