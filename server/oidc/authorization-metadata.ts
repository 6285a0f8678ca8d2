/** The types of authorization details that a client may ask for (RFC 9396 §10): none unless it was registered for them. */

/** The member of a client's metadata. */
export const typesMember = 'authorization_details_types'

/** What is wrong with it, one sentence each; `known` are the types that APIs declare. */
export function authorizationTypeProblems(
  given: Readonly<Record<string, unknown>>,
  known: readonly string[],
): string[] {
  const types = given[typesMember]
  if (types === undefined) return []
  if (!Array.isArray(types) || types.some((type) => typeof type !== 'string')) {
    return [`"${typesMember}" must be a list of texts.`]
  }
  return types
    .filter((type: string) => !known.includes(type))
    .map(
      (type: string) =>
        `No API declares the type of authorization details ${JSON.stringify(type.slice(0, 120))}. See: habitat-auth resource add --help`,
    )
}

/** Those of a client that there are. */
export function typesOf(metadata: Readonly<Record<string, unknown>>, known: readonly string[]): readonly string[] {
  const types = metadata[typesMember]
  return Array.isArray(types) ? types.filter((type) => known.includes(type)) : []
}
