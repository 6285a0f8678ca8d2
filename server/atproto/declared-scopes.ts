/**
 * The scopes that our client declares to PDSs, which take no other.
 *
 * They are named word for word, so whatever an app may ask for has to stand here before it asks.
 */
import { coverage, pdsScope } from './scopes.ts'

/**
 * `atproto`, the scopes of the ceiling, and what the registered apps may ask for within it, each once in its one form.
 * `registered` are the scopes of all apps that are enabled, those of other resources too.
 */
export function declaredScopes(ceiling: readonly string[], registered: readonly string[]): readonly string[] {
  const withinCeiling = coverage(ceiling)
  const forms = [...ceiling, ...registered.filter(withinCeiling)].map(pdsScope)
  return ['atproto', ...[...new Set(forms)].filter((scope) => scope !== undefined).sort()]
}
