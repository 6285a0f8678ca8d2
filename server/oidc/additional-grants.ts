/**
 * The grant types that a client may have beyond those of its profile, under the short names of the command line.
 *
 * Having one opens nothing by itself: a policy has to name whose tokens, a trusted issuer whose assertions.
 */

/** Grant types by short name. */
export const additionalGrants = {
  'token-exchange': 'urn:ietf:params:oauth:grant-type:token-exchange',
  'jwt-bearer': 'urn:ietf:params:oauth:grant-type:jwt-bearer',
} as const

/** The options that add a grant type to what a client has: naming one alone would take the others away. */
export function grantOptions(wanted: keyof typeof additionalGrants, has: unknown): string {
  const known = Object.entries(additionalGrants)
  const kept = known.filter(([name, type]) => name === wanted || (Array.isArray(has) && has.includes(type)))
  return kept.map(([name]) => `--grant ${name}`).join(' ')
}

/** A list of grant types in which short names are written out. */
export function namedGrants(names: readonly string[]): readonly string[] {
  const known: Readonly<Record<string, string>> = additionalGrants
  return names.filter((name) => name !== '').map((name) => (Object.hasOwn(known, name) ? String(known[name]) : name))
}
