/** What people type to say who they are at their PDS, brought into the form that the specifications know. */

/** Marks of direction and width that come along when a handle is copied from a page; controls; byte order marks. */
const invisible = /[\p{Cc}\p{Cf}]/gu
const handle = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const did = /^did:(?:plc:[a-z2-7]{24}|web:[A-Za-z0-9.%-]{1,250})$/

/** Characters that are looked at: longer than any handle, DID or sensible address. */
const longest = 2_000

/**
 * A handle, a DID (`did:plc`, `did:web`) or the origin of a PDS as `https://…`; undefined when it is none of these. An
 * address of a person's page (`…/profile/alice.test`) or record (`at://alice.test/…`) is taken for the person.
 * Plain http addresses are taken with `allowHttp` only.
 */
export function readIdentifier(typed: string, allowHttp: boolean): string | undefined {
  if (typed.length > longest) return undefined
  const text = typed.replace(invisible, '').trim().normalize('NFKC')
  if (/^https?:\/\//i.test(text)) return personIn(text) ?? originOf(text, allowHttp)
  return nameOf(text.replace(/^at:\/\/([^/]+)\/.*$/i, '$1').replace(/^at:\/\//i, ''))
}

/** Of a page about a person, as people copy it: apps of atproto have it at `/profile/<handle or DID>`. */
function personIn(text: string): string | undefined {
  const name = URL.parse(text)?.pathname.match(/^\/profile\/([^/]+)/)?.[1]
  return name === undefined ? undefined : nameOf(name)
}

/** A handle or a DID. */
function nameOf(text: string): string | undefined {
  const bare = text.replace(/^@/, '').replaceAll('\u3002', '.').replace(/[/.]$/, '')
  if (/^did:/i.test(bare)) {
    const spelt = bare.replace(/^did:(plc|web):/i, (prefix) => prefix.toLowerCase())
    const known = spelt.startsWith('did:plc:') ? spelt.toLowerCase() : spelt
    return did.test(known) ? known : undefined
  }
  const lower = bare.toLowerCase()
  return lower.length <= 253 && handle.test(lower) ? lower : undefined
}

function originOf(text: string, allowHttp: boolean): string | undefined {
  const url = URL.parse(text)
  if (url === null || url.username !== '' || url.password !== '') return undefined
  return url.protocol === 'https:' || allowHttp ? url.origin : undefined
}
