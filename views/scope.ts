/**
 * Scopes in plain words.
 */
import { type Html, html } from './html.ts'
import type { Permission } from './permission.ts'
import type { Words } from './words.ts'

export interface ScopeCard {
  readonly name: string
  /** What the resource server says the scope is for. */
  readonly description?: string | undefined
  /** For scopes of a PDS: what it says. */
  readonly permission?: Permission | undefined
}

/** What a scope allows: the catalogue's words, else its own description, else its name. */
export function scopeText(words: Words, scope: ScopeCard): Html {
  if (Object.hasOwn(words.scopes, scope.name)) return html`${words.scopes[scope.name]}`
  if (scope.permission !== undefined) return permissionText(words, scope.permission)
  const description = scope.description?.trim() ?? ''
  return description === '' ? html`<code><bdi>${scope.name}</bdi></code>` : html`<bdi>${description}</bdi>`
}

/** What an app may do, once it is allowed: one line for each thing. */
export function wishList(words: Words, wishes: readonly Html[]): Html {
  const texts = wishes.length === 0 ? [html`${words.consent.nothing}`] : wishes
  return html`<ul class="scopes">${texts.map((text) => html`<li>${tick}<span>${text}</span></li>`)}</ul>`
}

/** What a scope of a PDS allows, in words; names that the app chose are kept apart from them. */
function permissionText(words: Words, permission: Permission): Html {
  const say = words.permissions
  switch (permission.on) {
    case 'transition':
      return html`${say.transition[permission.part]}`
    case 'repo':
      return say.repo(permission.actions, things(words, permission.collections, say.collections, say.collection))
    case 'rpc':
      return say.rpc(
        permission.methods.includes('*') ? undefined : listed(words, permission.methods.map(code)),
        permission.service === '*' ? undefined : service(words, permission.service),
      )
    case 'blob':
      return say.blob(things(words, permission.types, say.mediaTypes, say.mediaType))
    case 'account':
      return html`${say.account[permission.part][permission.manage ? 'manage' : 'read']}`
    case 'identity':
      return html`${say.identity[permission.part === '*' ? 'all' : permission.part]}`
  }
}

/** Things by their words where there are any; else as the app wrote them. */
function things(
  words: Words,
  names: readonly string[],
  known: Readonly<Record<string, string>>,
  other: (name: Html) => Html,
): Html {
  const texts = names.map((name) => (Object.hasOwn(known, name) ? html`${known[name]}` : other(code(name))))
  return listed(words, texts)
}

function service(words: Words, name: string): Html {
  const known: Readonly<Record<string, string>> = words.permissions.services
  return Object.hasOwn(known, name) ? html`${known[name]}` : code(name)
}

function code(name: string): Html {
  return html`<code><bdi>${name}</bdi></code>`
}

function listed(words: Words, texts: readonly Html[]): Html {
  return texts.reduce((before, text, index) => words.permissions.and(before, text, index === texts.length - 1))
}

const tick = html`<svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false"><path fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" d="m5 10.5 3.4 3.4L15 6.8"></path></svg>`
