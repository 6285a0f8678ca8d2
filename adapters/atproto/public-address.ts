/**
 * What counts as a place on the public internet: by address, and by what a URL says before it is resolved.
 *
 * Knows no network. Everything that is not plainly public is refused, so that new special ranges are refused, too.
 */
import ipaddr from 'ipaddr.js'

/** Names that never belong to a public host (RFC 6761, RFC 6762, RFC 7686, RFC 8375, and what networks at home use). */
const localEndings = [
  'localhost',
  'local',
  'internal',
  'test',
  'invalid',
  'example',
  'onion',
  'home.arpa',
  'lan',
  'alt',
]

/** Whether an address, as a resolver answers it, is one that anybody on the internet can reach. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast') return false
  // Only 2000::/3 is given out (RFC 4291 §2.4); the rest of what no special range covers leads nowhere or inside.
  return parsed instanceof ipaddr.IPv4 || ((parsed.parts[0] ?? 0) & 0xe000) === 0x2000
}

/** Why a URL must not be asked, before its host is resolved; undefined when nothing speaks against it. */
export function objectionTo(url: URL): string | undefined {
  if (url.protocol !== 'https:') return 'only https is asked'
  if (url.port !== '') return 'only the usual port is asked'
  if (url.username !== '' || url.password !== '') return 'no credentials in addresses'
  if (url.hostname.startsWith('[') || ipaddr.isValid(url.hostname)) return 'only names are asked, not addresses'
  return isPublicName(url.hostname) ? undefined : 'not a public name'
}

/** Whether the host of a URL is public by what it says itself, name or address; a name may still lead elsewhere. */
export function isPublicHost(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(address) ? isPublicAddress(address) : isPublicName(hostname)
}

function isPublicName(hostname: string): boolean {
  const name = hostname.replace(/\.$/, '')
  const labels = name.split('.')
  return labels.length > 1 && !labels.includes('') && !localEndings.some((ending) => name.endsWith(`.${ending}`))
}
