/**
 * What a person may type to say where their atproto account lives: a handle, a DID, or the address of a host.
 *
 * Says only whether a text has the form of one; whether there is anybody is found out elsewhere.
 */

/** Characters; the longest DID (atproto: DID), longer than any handle. */
const longest = 2048
/** https://atproto.com/specs/handle */
const handle = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/
/** https://atproto.com/specs/did: the two methods that are in use. */
const did = /^did:(plc:[a-z2-7]{24}|web:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-])$/
/** Marks that nobody sees and that come along when a handle is copied from a page. */
const invisible = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g

/** The identifier in a text, as it is looked up; undefined when it is none. An e-mail address is none. */
export function hostIdentifier(text: string): string | undefined {
  if (text.length > longest) return undefined
  const trimmed = text.replace(invisible, '').trim()
  if (/^https?:\/\//i.test(trimmed)) return hostAddress(trimmed)
  const name = trimmed.replace(/^(at:\/\/|@)/, '')
  if (did.test(name)) return name
  const lower = name.toLowerCase()
  return handle.test(lower) ? lower : undefined
}

function hostAddress(text: string): string | undefined {
  const url = URL.parse(text)
  return url === null || url.username !== '' || url.password !== '' ? undefined : url.origin
}
