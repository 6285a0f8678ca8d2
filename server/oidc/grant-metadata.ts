/** What is wrong with the grant types that a registration adds to those of its profile. */
import { additionalGrants } from './additional-grants.ts'
import type { Profile } from './profile.ts'

/** One sentence for each grant type that a client of this profile (as `profileOfClient` answers it) cannot have. */
export function grantProblems({ grant_types: given }: Profile['metadata'], { name, moreGrants, metadata }: Profile) {
  if (given === undefined || moreGrants === undefined) return []
  if (!Array.isArray(given) || !given.every((one) => typeof one === 'string')) {
    return ['"grant_types" must be a list of texts.']
  }
  const own = (metadata['grant_types'] ?? []) as readonly string[]
  return given
    .filter((one) => !own.includes(one))
    .map((one) => {
      const choices = Object.keys(additionalGrants).join(', ')
      return `The grant type ${JSON.stringify(one.slice(0, 100))} cannot be added to profile ${name}. These can: ${choices}.`
    })
}
