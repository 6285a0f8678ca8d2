/**
 * How sure this server is of who somebody is, in two levels (`acr`, OIDC Core §2), and what apps may demand of it.
 *
 * A level follows from the methods of the sign-in alone, never from what an app asked for. Pure: knows no session, no page
 * and no account. Why these two, and why a level that is asked for is a demand: docs/decisions/019-openid-core.md.
 */

/** One thing was shown: a password, a code in a chat, a sign-in at somebody else's. */
export const oneFactor = 'urn:habitat:acr:one-factor'
/** Two things of different kinds were shown. */
export const twoFactors = 'urn:habitat:acr:two-factors'

/** Every level, the lowest first; each holds the ones before it. Discovery names them (`acr_values_supported`). */
export const levels: readonly string[] = [oneFactor, twoFactors]

/**
 * The level of a sign-in by its methods (RFC 8176). Somebody else's word counts only where they said `mfa` in so many words;
 * silence is the lower level (ASVS 5 §6.8.4).
 */
export function acrOf(amr: readonly string[]): string {
  return amr.includes('mfa') ? twoFactors : oneFactor
}

/** Whether a sign-in of the level `acr` is as good as `wanted` demands. What is no level of ours reaches nothing. */
export function reaches(acr: string | undefined, wanted: string): boolean {
  const [have, need] = [levels.indexOf(acr ?? ''), levels.indexOf(wanted)]
  return need >= 0 && have >= need
}

/** What a request demands: one of `values`; `essential`: in the words of OIDC Core §5.5.1. */
export interface AcrDemand {
  readonly values: readonly string[]
  readonly essential: boolean
}

/**
 * The demand in the claims of a request (`claims.id_token.acr`; `acr_values` become one, too); undefined where nothing is
 * demanded. Throws `TypeError` for what is no demand.
 */
export function acrDemand(requested: unknown): AcrDemand | undefined {
  if (requested === undefined || requested === null) return undefined
  const { value, values = value === undefined ? [] : [value], essential = false } = requested as Record<string, unknown>
  if (!Array.isArray(values) || !values.every((one) => typeof one === 'string') || typeof essential !== 'boolean') {
    throw new TypeError('value must be a text, values a list of texts, and essential true or false')
  }
  return values.length === 0 ? undefined : { values, essential }
}

/** Whether a demand can be met by no sign-in here. */
export function isBeyondUs({ values }: AcrDemand): boolean {
  return !values.some((wanted) => levels.includes(wanted))
}

/** Whether a sign-in of the level `acr` meets a demand. */
export function meets(acr: string | undefined, { values }: AcrDemand): boolean {
  return values.some((wanted) => reaches(acr, wanted))
}

/**
 * The level to state to an app: the one of the sign-in where the app asked for it or for none that it reaches, else the
 * highest of those that it asked for and that are reached. Apps compare what they get with what they asked for.
 */
export function statedAcr(acr: string | undefined, demand: AcrDemand | undefined): string | undefined {
  if (acr === undefined || demand === undefined || demand.values.includes(acr)) return acr
  return levels.findLast((level) => demand.values.includes(level) && reaches(acr, level)) ?? acr
}
