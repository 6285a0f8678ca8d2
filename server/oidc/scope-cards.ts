/**
 * The scopes of an API as pages show them: each with the words that its operator registered for it.
 *
 * Scopes about the person are not among them; the pages have words of their own for those.
 */
import type { Resource } from '../../adapters/postgres/resources.ts'
import type { ScopeCard } from '../../views/scope.ts'
import { permissionOf, reduced } from '../atproto/scopes.ts'

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

/** A card for each scope of a PDS among `scopes`, without those that another one says already. */
export function pdsScopeCards(scopes: readonly string[]): readonly ScopeCard[] {
  return reduced(scopes).map((name) => ({ name, permission: permissionOf(name) }))
}
