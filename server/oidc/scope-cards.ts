/**
 * The scopes of an API as pages show them: each with the words that its operator registered for it.
 *
 * Scopes about the person are not among them; the pages have words of their own for those.
 */
import type { Resource } from '../../adapters/postgres/resources.ts'
import type { ScopeCard } from '../../views/scope.ts'

/** A card for each of `scopes`; without words where none are registered, or where the API is gone. */
export function scopeCards(
  resource: Pick<Resource, 'scopeDescriptions'> | undefined,
  scopes: readonly string[],
): readonly ScopeCard[] {
  const descriptions = resource?.scopeDescriptions ?? {}
  return scopes.map((name) => ({
    name,
    description: Object.hasOwn(descriptions, name) ? descriptions[name] : undefined,
  }))
}
