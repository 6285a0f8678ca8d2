/**
 * The scopes of a PDS: which texts are one, in which form, and which of them say the same.
 *
 * Text comes from apps and is not to be trusted: whatever is too long is no scope, and nothing here throws. The library
 * reads and writes single scopes; what one scope lets another one say, it does not know. It knows nothing of clients.
 */
import {
  AccountPermission,
  BlobPermission,
  IdentityPermission,
  RepoPermission,
  RpcPermission,
} from '@atproto/oauth-scopes'
import type { Permission } from '../../views/permission.ts'

/** Longest text that is read as a scope, characters. */
const longest = 1_000

/** Most scopes that are compared with each other. */
const mostCompared = 300

/** What to write, by what every scope of the kind begins with. */
const kinds = {
  transition: 'There are transition:generic, transition:email and transition:chat.bsky.',
  repo: 'Write repo:<collection>, such as repo:app.bsky.feed.post or repo:app.bsky.feed.post?action=create, or repo:* for all.',
  rpc: 'Write rpc:<method>?aud=<service>, such as rpc:app.bsky.feed.getTimeline?aud=did:web:api.bsky.app%23bsky_appview. Of method and service only one may be *.',
  blob: 'Write blob:<media type>, such as blob:image/* or blob:*/* for all.',
  account: 'Write account:email, account:repo or account:status, with ?action=manage to change it.',
  identity: 'Write identity:handle or identity:*.',
  include: 'Permission sets (include:) are not supported. Name what is in the set, such as repo:app.bsky.feed.post.',
} as const

/** What a scope allows at the PDS; undefined for every other text, `atproto` too, which allows nothing there. */
export function permissionOf(scope: string): Permission | undefined {
  const normal = pdsScope(scope)
  return normal === undefined ? undefined : parsed(normal)
}

/**
 * The one form of a scope of a PDS, undefined for every other text. Permission sets (`include:`) are none: what they
 * hold is published by somebody else and may change after the person agreed to it.
 */
export function pdsScope(text: string): string | undefined {
  if (text.length > longest) return undefined
  if (transition(text) !== undefined) return text
  try {
    return libraryPermission(text)?.toString()
  } catch (error) {
    // A broken percent sign.
    if (error instanceof URIError) return undefined
    throw error
  }
}

/** Why a text is no scope of a PDS and what to write instead; undefined for one that is, or that does not look like one. */
export function pdsScopeProblem(text: string): string | undefined {
  const kind = Object.entries(kinds).find(([name]) => text.startsWith(`${name}:`) || text.startsWith(`${name}?`))
  if (kind === undefined || pdsScope(text) !== undefined) return undefined
  return text.length > longest ? `It has more than ${longest} characters.` : kind[1]
}

/** Whether everything that `wanted` allows is allowed by `granted` together. A text that is no scope is never covered. */
export function covers(granted: readonly string[], wanted: string): boolean {
  return coverage(granted)(wanted)
}

/** `covers` for many: reads `granted` once. */
export function coverage(granted: readonly string[]): (wanted: string) => boolean {
  const permissions = granted.map(permissionOf).filter((permission) => permission !== undefined)
  return (wanted) => {
    const permission = permissionOf(wanted)
    return permission !== undefined && allows(permissions, permission)
  }
}

/**
 * The scopes of a PDS among `scopes`, in their one form, without those that another one covers; in an order that does not
 * depend on the order given. Of very many, only doubles are dropped.
 */
export function reduced(scopes: readonly string[]): readonly string[] {
  const forms = new Set(scopes.map(pdsScope).filter((scope) => scope !== undefined))
  const entries = [...forms].sort().map((scope) => ({ scope, permission: parsed(scope) }))
  if (entries.length > mostCompared) return entries.map(({ scope }) => scope)
  const kept = new Set(entries)
  for (const entry of entries) {
    const isCovered = [...kept].some((other) => other !== entry && allows([other.permission], entry.permission))
    if (isCovered) kept.delete(entry)
  }
  return [...kept].map(({ scope }) => scope)
}

function libraryPermission(text: string) {
  return (
    RepoPermission.fromString(text) ??
    RpcPermission.fromString(text) ??
    BlobPermission.fromString(text) ??
    AccountPermission.fromString(text) ??
    IdentityPermission.fromString(text)
  )
}

function transition(text: string): Permission | undefined {
  switch (text) {
    case 'transition:generic':
      return { on: 'transition', part: 'generic' }
    case 'transition:email':
      return { on: 'transition', part: 'email' }
    case 'transition:chat.bsky':
      return { on: 'transition', part: 'chat.bsky' }
    default:
      return undefined
  }
}

/** Of a scope in its one form. */
function parsed(scope: string): Permission {
  const permission = transition(scope) ?? libraryPermission(scope)
  if (permission instanceof RepoPermission) {
    return { on: 'repo', collections: permission.collection, actions: permission.action }
  }
  if (permission instanceof RpcPermission) return { on: 'rpc', methods: permission.lxm, service: permission.aud }
  if (permission instanceof BlobPermission) return { on: 'blob', types: permission.accept }
  if (permission instanceof AccountPermission) {
    return { on: 'account', part: permission.attr, manage: permission.action.includes('manage') }
  }
  if (permission instanceof IdentityPermission) return { on: 'identity', part: permission.attr }
  if (permission === null) throw new TypeError('a scope in its one form is a scope')
  return permission
}

/** Every single thing that is wanted has to be allowed by one of those that are granted. */
function allows(granted: readonly Permission[], wanted: Permission): boolean {
  switch (wanted.on) {
    case 'transition':
      return granted.some((one) => one.on === 'transition' && one.part === wanted.part)
    case 'repo':
      return wanted.collections.every((collection) =>
        wanted.actions.every((action) =>
          granted.some(
            (one) =>
              isGeneric(one) ||
              (one.on === 'repo' && one.actions.includes(action) && anyOr(one.collections, collection)),
          ),
        ),
      )
    case 'rpc':
      return wanted.methods.every((method) => allowsMethod(granted, method, wanted.service))
    case 'blob':
      return wanted.types.every((type) =>
        granted.some((one) => isGeneric(one) || (one.on === 'blob' && one.types.some((have) => matches(have, type)))),
      )
    case 'account':
      return granted.some(
        (one) =>
          (one.on === 'account' && one.part === wanted.part && (one.manage || !wanted.manage)) ||
          (one.on === 'transition' && one.part === 'email' && wanted.part === 'email' && !wanted.manage),
      )
    case 'identity':
      return granted.some((one) => one.on === 'identity' && (one.part === '*' || one.part === wanted.part))
  }
}

/** Direct messages are not in `transition:generic` but have a transition scope of their own: all methods are both. */
function allowsMethod(granted: readonly Permission[], method: string, service: string): boolean {
  const chat = granted.some((one) => one.on === 'transition' && one.part === 'chat.bsky')
  const generic = granted.some(isGeneric)
  const byTransition = method === '*' ? generic && chat : method.startsWith('chat.bsky.') ? chat : generic
  return (
    byTransition ||
    granted.some((one) => one.on === 'rpc' && anyOr([one.service], service) && anyOr(one.methods, method))
  )
}

function isGeneric(permission: Permission): boolean {
  return permission.on === 'transition' && permission.part === 'generic'
}

function anyOr(allowed: readonly string[], wanted: string): boolean {
  return allowed.includes('*') || allowed.includes(wanted)
}

/** Whether a media type or a range of them (RFC 9110 §12.5.1) lies within another. */
function matches(range: string, wanted: string): boolean {
  if (range === '*/*' || range === wanted) return true
  return range.endsWith('/*') && wanted.startsWith(range.slice(0, -1))
}
