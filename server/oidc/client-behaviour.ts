/** How a client behaves: its profile, read from what the library knows of it. */
import type { Client } from 'oidc-provider'
import type { Profile } from './profile.ts'
import { profileOf, profiles } from './profiles.ts'

/** The profile of a client; of one that names none, the strictest that has codes. */
export function behaviourOf(client: Client | undefined): Profile {
  return profileOf(String(client?.['profile'])) ?? profiles.spa
}
