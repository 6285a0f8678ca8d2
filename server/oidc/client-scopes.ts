/**
 * The scopes of a client: which it may be registered for, and where each is kept.
 *
 * Given and shown as one list, kept as two: those about the person, which the library knows (`scope`), and those of
 * APIs and PDSs (`resource_scopes`), which it does not.
 */
import { covers, pdsScope, pdsScopeProblem } from '../atproto/scopes.ts'
import { globalRevocationScope } from './global-revocation-resource.ts'
import { iftttScope } from './ifttt-resource.ts'
import type { Profile } from './profile.ts'

/** Metadata by its RFC 7591 §2 names. */
type Metadata = Readonly<Record<string, unknown>>

export interface ScopeRules {
  /** The scopes of all registered resource servers. */
  readonly resourceScopes: readonly string[]
  /** The most that may be asked of a PDS (`ATPROTO_SCOPE`). */
  readonly pdsScopes: readonly string[]
}

/** The scopes that are about the person (OIDC Core §5.4, §11); the library allows or refuses them by `scope`. */
export const openidScopes = ['openid', 'profile', 'email', 'atproto', 'offline_access'] as const

/** The scopes of resource servers that a client may ask for: none unless they were registered for it. */
export function resourceScopesOf(metadata: Metadata): readonly string[] {
  return words(metadata['resource_scopes'])
}

/** Everything a client may ask for, as it would be given again. */
export function scopesOf(metadata: Metadata): readonly string[] {
  return [...words(metadata['scope']), ...resourceScopesOf(metadata)]
}

/** Whether a scope is about the person. */
export function isOpenidScope(scope: string): boolean {
  return (openidScopes as readonly string[]).includes(scope)
}

/** The members that keep what was given as one list (`scope`); scopes of PDSs in their one form. */
export function splitScopes(given: Metadata, profile: Profile): Metadata {
  const { scope, ...rest } = given
  const all = [...new Set(words(scope))]
  const others = [...new Set(all.filter((one) => !isOpenidScope(one)).map((one) => pdsScope(one) ?? one))]
  // Who the person is there belongs to whatever an app does at a PDS.
  const implied = others.some((one) => pdsScope(one) !== undefined) ? ['atproto'] : []
  const named = all.filter((one) => isOpenidScope(one))
  // To the library no scope at all would mean every scope; the least that can be said is "openid".
  const least = named.length === 0 && profile.mayAdd.includes('scope') ? ['openid'] : named
  const own = [...new Set([...least, ...implied])]
  return {
    ...rest,
    ...(own.length === 0 ? {} : { scope: own.join(' ') }),
    ...(others.length === 0 ? {} : { resource_scopes: others.join(' ') }),
  }
}

/** One sentence for each scope that the client cannot be registered for. */
export function scopeProblems(given: Metadata, profile: Profile, { resourceScopes, pdsScopes }: ScopeRules): string[] {
  const scope = given['scope']
  if (scope === undefined || profile.metadata['scope'] !== undefined) return []
  if (typeof scope !== 'string') return ['"scope" must be a text: scopes separated by spaces.']
  const own = profile.mayAdd.includes('scope') ? openidScopes : []
  const others = profile.mayAdd.includes('resource_scopes') ? resourceScopes : []
  const known: readonly string[] = [...own, ...others]
  return words(scope)
    .filter((one) => !known.includes(one))
    .flatMap((one) => {
      if (isOpenidScope(one)) {
        return [`The scope "${one}" is about a person, and profile ${profile.name} signs nobody in.`]
      }
      if (pdsScope(one) !== undefined || pdsScopeProblem(one) !== undefined) {
        return pdsScopeProblems(one, profile, pdsScopes)
      }
      return [
        `The scope ${JSON.stringify(shortened(one))} is not known. ${known.length === 0 ? 'No resource server is registered yet: see resource add.' : `Known are: ${known.join(', ')}. Scopes of an API are registered with resource add.`}`,
      ]
    })
}

/** IFTTT has the scope by its profile. Anybody else who had it could do at the service all that people gave to IFTTT. */
export function iftttScopeProblems(given: Metadata, profile: Profile, firstParty: boolean): string[] {
  if (!words(given['scope']).includes(iftttScope) || profile.metadata['scope'] !== undefined) return []
  if (!profile.mayAdd.includes('scope')) {
    return [`The scope "${iftttScope}" is about a person, and profile ${profile.name} signs nobody in.`]
  }
  return firstParty ? [] : [`The scope "${iftttScope}" is for IFTTT and for first-party apps (--first-party).`]
}

/** Whoever has it may sign everybody out: a program that keeps a secret or a key, and is registered for it by hand. */
export function globalRevocationProblems(given: Metadata, profile: Profile): string[] {
  return words(given['scope']).includes(globalRevocationScope) && profile.name !== 'service'
    ? [`The scope "${globalRevocationScope}" is for programs of administrators (profile service).`]
    : []
}

function pdsScopeProblems(scope: string, profile: Profile, pdsScopes: readonly string[]): string[] {
  const named = `The scope ${JSON.stringify(shortened(scope))}`
  const problem = pdsScopeProblem(scope)
  if (problem !== undefined) return [`${named} is none of a PDS. ${problem}`]
  if (!profile.mayAdd.includes('scope')) {
    return [`${named} is for the PDS of a person, and profile ${profile.name} signs nobody in.`]
  }
  return covers(pdsScopes, scope)
    ? []
    : [
        `${named} is beyond what this server asks of a PDS: ${pdsScopes.join(' ')}. Add it to ATPROTO_SCOPE, or choose a narrower one.`,
      ]
}

/** The scopes in a text; none in whatever else. */
export function words(value: unknown): readonly string[] {
  return typeof value === 'string' ? value.split(/\s+/).filter((word) => word !== '') : []
}

/** The beginning of a text that somebody gave, for a sentence about it. */
export function shortened(text: string): string {
  return text.length > 120 ? `${text.slice(0, 120)}…` : text
}
