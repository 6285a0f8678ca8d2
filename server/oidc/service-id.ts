/** The id of a service on a platform that connects it, from which the one redirect URI of its client follows. */
import type { Profile } from './profile.ts'

const whereItStands = 'At IFTTT it stands among the settings of the service.'

/** What is wrong with the id of a service, and what to do; undefined when nothing is. */
export function serviceIdProblem(serviceId: unknown): string | undefined {
  if (serviceId === undefined) return `The id of the service is missing. Name it: --service-id <id>. ${whereItStands}`
  // Nothing that would lead the redirect URI elsewhere.
  return typeof serviceId === 'string' && /^[A-Za-z0-9_-]{1,100}$/.test(serviceId)
    ? undefined
    : `The id of a service ("service_id") has 1 to 100 letters, digits, hyphens and underscores, and is neither its name nor an address. ${whereItStands}`
}

/** The member of the metadata that follows from a usable id; none where the profile knows no such id. */
export function serviceRedirectUris(
  serviceId: unknown,
  { redirectUriOf }: Profile,
): { readonly redirect_uris?: readonly string[] } {
  return redirectUriOf === undefined || typeof serviceId !== 'string' || serviceIdProblem(serviceId) !== undefined
    ? {}
    : { redirect_uris: [redirectUriOf(serviceId)] }
}
