/**
 * Where a client is held to less than RFC 9700 demands, and what protects people in its place: by its profile, and by what
 * was added to it.
 *
 * Only demands count. What is recommended beyond them (bound tokens in §2.2.1, keys in place of secrets in §2.5) can be
 * had by every client that is able to.
 */
import { profileOfClient } from './client-profile.ts'
import type { Exception, Profile } from './profile.ts'
import { isLoopback } from './redirect-uris.ts'

/** Metadata by its RFC 7591 §2 names. */
type Metadata = Readonly<Record<string, unknown>>

/** In the words that `client show` has for people; empty for a client that keeps to all of it. */
export function exceptionsOf({
  profile: name,
  metadata,
}: {
  profile: string
  metadata: Metadata
}): readonly Exception[] {
  const profile = profileOfClient(name, metadata)
  if (profile === undefined) return []
  return [...profile.exceptions, ...grace(profile), ...plainHttp(profile, metadata)]
}

/** Of clients without a secret alone is it demanded that a used refresh token is void. */
function grace({ confidential, rotateRefreshToken, refreshGrace }: Profile): readonly Exception[] {
  if (confidential || !rotateRefreshToken || refreshGrace === 0) return []
  return [
    {
      from: 'RFC 9700 §4.14.2: a refresh token that was used is void at once',
      instead: `for ${refreshGrace} seconds it brings the same successor again, to the same client; later use ends the access`,
      because: 'an answer that was lost on the way must not end the access of a person',
    },
  ]
}

/** Installed apps may listen there (RFC 8252 §7.3); of others it is a developer's machine. */
function plainHttp({ redirectUris }: Profile, { redirect_uris: uris }: Metadata): readonly Exception[] {
  const some = Array.isArray(uris) && uris.some((uri) => isLoopback(String(uri)))
  if (!some || redirectUris !== 'web') return []
  return [
    {
      from: 'RFC 9700 §2.6: https for the redirect URIs of all but installed apps',
      instead: 'plain http is taken for this machine alone, never beside an address that people use',
      because: 'an app under development has no certificate on its machine',
    },
  ]
}
