/** The profile of one client: that of its name, with what was chosen when it was registered. */
import type { Profile } from './profile.ts'
import { profileOf } from './profiles.ts'

/** The profile of a registration: that of its name, with what the registration itself makes otherwise. */
export function profileOfClient(name: string, metadata: Readonly<Record<string, unknown>>): Profile | undefined {
  const profile = profileOf(name)
  const otherwise = metadata['approve_in_chat'] === true ? profile?.approveInChat : undefined
  return (
    profile &&
    [withAuthMethod, withBinding, withGrants].reduce<Profile>((its, choose) => choose(its, metadata), {
      ...profile,
      ...otherwise,
    })
  )
}

/** Tokens that would be bound to a key are bound to a certificate, where that was chosen. */
function withBinding(
  profile: Profile,
  { tls_client_certificate_bound_access_tokens: chosen }: Profile['metadata'],
): Profile {
  const { dpop_bound_access_tokens: byKey, ...metadata } = profile.metadata
  return chosen === true && byKey === true
    ? { ...profile, metadata: { ...metadata, tls_client_certificate_bound_access_tokens: true } }
    : profile
}

/** The chosen way to prove who the client is; of one that cannot be chosen its check speaks (`client-keys.ts`). */
function withAuthMethod(profile: Profile, { token_endpoint_auth_method: chosen }: Profile['metadata']): Profile {
  return typeof chosen === 'string' && profile.authMethods?.includes(chosen) === true
    ? { ...profile, metadata: { ...profile.metadata, token_endpoint_auth_method: chosen } }
    : profile
}

/** With the grant types that the registration adds; of those that cannot be added the check speaks (`grant-metadata.ts`). */
function withGrants(profile: Profile, { grant_types: chosen }: Profile['metadata']): Profile {
  const { moreGrants = [], metadata } = profile
  const added = moreGrants.filter((one) => Array.isArray(chosen) && chosen.includes(one))
  if (added.length === 0) return profile
  const own = (metadata['grant_types'] ?? []) as readonly string[]
  return { ...profile, metadata: { ...metadata, grant_types: [...own, ...added] } }
}

/** Whether clients of this profile, as `profileOfClient` answers it, keep a secret that we made. */
export function hasSecret({ metadata }: Pick<Profile, 'metadata'>): boolean {
  return String(metadata['token_endpoint_auth_method']).startsWith('client_secret_')
}
