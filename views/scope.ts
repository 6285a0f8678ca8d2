/**
 * Scopes in plain words.
 */
import { type Html, html } from './html.ts'
import type { Words } from './words.ts'

export interface ScopeCard {
  readonly name: string
  /** What the resource server says the scope is for. */
  readonly description?: string | undefined
}

/** What a scope allows: the catalogue's words, else its own description, else its name. */
export function scopeText(words: Words, scope: ScopeCard): Html {
  if (Object.hasOwn(words.scopes, scope.name)) return html`${words.scopes[scope.name]}`
  const description = scope.description?.trim() ?? ''
  return description === '' ? html`<code><bdi>${scope.name}</bdi></code>` : html`<bdi>${description}</bdi>`
}
