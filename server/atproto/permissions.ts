/**
 * Whether the scopes of a token open one call of a PDS, by the rules and with the library of the PDS itself.
 *
 * Takes the call apart into single permissions; what it is about stands in its name, query, headers or body. Text from
 * apps that cannot be read for certain opens nothing.
 */
import {
  AccountPermission,
  BlobPermission,
  IdentityPermission,
  RepoPermission,
  RpcPermission,
  ScopePermissionsTransition,
} from '@atproto/oauth-scopes'
import { isNsid, type Method } from './methods.ts'
import { pdsScope } from './scopes.ts'

export interface Call {
  readonly name: string
  readonly method: Method
  readonly query: URLSearchParams
  /** Of the header `atproto-proxy`: the service that the PDS is to forward to. */
  readonly service: string | undefined
  readonly contentType: string | undefined
  /** The JSON of the body, where `readsBody` says so. */
  readonly body: unknown
}

export type Judgement =
  | { kind: 'allowed' }
  /** `scope` would open it. */
  | { kind: 'missing'; scope: string }
  | { kind: 'malformed'; message: string }

type Wanted =
  | { on: 'session' }
  | { on: 'read' }
  | { on: 'repo'; collection: string; action: 'create' | 'update' | 'delete' }
  | { on: 'blob'; mime: string }
  | { on: 'account'; attr: 'email' | 'repo' | 'status' }
  | { on: 'identity'; attr: 'handle' | '*' }
  | { on: 'rpc'; lxm: string; aud: string }

/** Judges a call by the scopes of its token. */
export function judge(call: Call, scopes: readonly string[]): Judgement {
  let wanted: readonly Wanted[]
  try {
    wanted = wantedBy(call)
  } catch (error) {
    if (error instanceof Malformed) return { kind: 'malformed', message: error.message }
    throw error
  }
  const open = opened(scopes)
  const missing = wanted.find((one) => !open(one))
  return missing === undefined ? { kind: 'allowed' } : { kind: 'missing', scope: scopeFor(missing) }
}

/** Whether a token opens more of a PDS than the name of its person. */
export function opensMoreThanIdentity(scopes: readonly string[]): boolean {
  return pdsScopes(scopes).length > 0
}

/** Whether a token may read the person's e-mail address at their PDS. */
export function readsEmail(scopes: readonly string[]): boolean {
  return new ScopePermissionsTransition(pdsScopes(scopes)).allowsAccount({ attr: 'email', action: 'read' })
}

function pdsScopes(scopes: readonly string[]): string[] {
  return scopes.map(pdsScope).filter((scope) => scope !== undefined)
}

class Malformed extends Error {}

function wantedBy(call: Call): readonly Wanted[] {
  const own = wantedByMethod(call)
  const { service, name, method } = call
  // What a PDS does with the header at a method of its own is its own affair: the app needs both.
  return service === undefined || method.need.on === 'service' ? own : [...own, rpc(name, service)]
}

function wantedByMethod({ name, method: { need }, query, service, contentType, body }: Call): readonly Wanted[] {
  switch (need.on) {
    case 'session':
    case 'read':
      return [{ on: need.on }]
    case 'records':
      return recordsIn(name, body)
    case 'blob':
      return [{ on: 'blob', mime: mediaType(contentType) }]
    case 'account':
      return [{ on: 'account', attr: need.part }]
    case 'identity':
      return [{ on: 'identity', attr: need.part }]
    case 'service-token':
      return [serviceToken(query)]
    case 'service': {
      const aud = service ?? need.service ?? ''
      return [rpc(name, aud), ...(need.also === undefined ? [] : [rpc(need.also, aud)])]
    }
    case 'push':
      return [rpc(name, `${text(record(body, ['serviceDid']), 'serviceDid')}#bsky_notif`)]
  }
}

/** An audience that is not known (`''`) is opened by a scope for every audience. */
function rpc(lxm: string, aud: string): Wanted {
  return { on: 'rpc', lxm, aud }
}

/**
 * Only the parameters that a PDS knows, in their plain form: some readers take `lxm[]` for `lxm`. An empty `lxm` is none
 * to a PDS, so it means every method.
 */
function serviceToken(query: URLSearchParams): Wanted {
  const strange = [...query.keys()].find((name) => !['aud', 'exp', 'lxm'].includes(name))
  if (strange !== undefined) throw new Malformed('the query may have aud, exp and lxm')
  const method = single(query, 'lxm') ?? ''
  return rpc(method === '' ? '*' : method, single(query, 'aud') ?? '')
}

const writes = ['create', 'update', 'delete'] as const

/** Entries of one `applyWrites`, as many as a PDS takes. */
const mostWrites = 200

function recordsIn(name: string, body: unknown): readonly Wanted[] {
  const fields = record(body, ['collection', 'writes'])
  switch (name) {
    case 'com.atproto.repo.createRecord':
      return [repo(fields, 'create')]
    // Whether there is one already only the PDS knows.
    case 'com.atproto.repo.putRecord':
      return [repo(fields, 'create'), repo(fields, 'update')]
    case 'com.atproto.repo.deleteRecord':
      return [repo(fields, 'delete')]
    case 'com.atproto.repo.applyWrites': {
      const { writes: list } = fields
      if (!Array.isArray(list)) throw new Malformed('writes must be a list')
      if (list.length > mostWrites) throw new Malformed(`writes may have ${mostWrites} entries`)
      // A list without entries writes nothing, but is a write.
      return [{ on: 'read' }, ...list.map((entry) => oneWrite(entry))]
    }
    default:
      throw new TypeError(`${name} writes no records`)
  }
}

function oneWrite(entry: unknown): Wanted {
  const fields = record(entry, ['$type', 'collection'])
  const action = writes.find((one) => fields['$type'] === `com.atproto.repo.applyWrites#${one}`)
  if (action === undefined) throw new Malformed('an entry of writes has no known $type')
  return repo(fields, action)
}

function repo(fields: Record<string, unknown>, action: (typeof writes)[number]): Wanted {
  const collection = text(fields, 'collection')
  if (!isNsid(collection)) throw new Malformed('collection must be the name of a collection')
  return { on: 'repo', collection, action }
}

/**
 * An object whose `keys` can be read in one way only: some readers of JSON take a key in other letters for the same one,
 * and a PDS may have such a reader.
 */
function record(value: unknown, keys: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed('an object is expected')
  const lookalike = Object.keys(value).find((key) => !keys.includes(key) && keys.includes(fold(key)))
  if (lookalike !== undefined) throw new Malformed(`write ${fold(lookalike)}, not ${lookalike}`)
  return value as Record<string, unknown>
}

/** With the letters that Unicode folds into ASCII, as some readers of JSON do. */
function fold(key: string): string {
  const folded = key.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase()
  return folded === 'servicedid' ? 'serviceDid' : folded
}

function text(fields: Record<string, unknown>, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new Malformed(`${name} must be text`)
  return value
}

function single(query: URLSearchParams, name: string): string | undefined {
  const values = query.getAll(name)
  if (values.length > 1) throw new Malformed(`${name} must stand in the query once`)
  return values[0]
}

function mediaType(contentType: string | undefined): string {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? ''
  if (!/^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/.test(type)) throw new Malformed('Content-Type must be a media type')
  return type
}

/** What the scopes open; reads them once. */
function opened(scopes: readonly string[]): (wanted: Wanted) => boolean {
  const ofPds = pdsScopes(scopes)
  const permissions = new ScopePermissionsTransition(ofPds)
  return (wanted) => {
    if (wanted.on === 'session') return scopes.includes('atproto') || ofPds.length > 0
    if (wanted.on === 'read') return ofPds.length > 0
    return allows(permissions, wanted)
  }
}

/** What only some scopes of a PDS open. */
type WantedAtPds = Exclude<Wanted, { on: 'session' } | { on: 'read' }>

function allows(permissions: ScopePermissionsTransition, wanted: WantedAtPds): boolean {
  switch (wanted.on) {
    case 'repo':
      return permissions.allowsRepo(wanted)
    case 'blob':
      return permissions.allowsBlob({ mime: wanted.mime as `${string}/${string}` })
    case 'account':
      return permissions.allowsAccount({ attr: wanted.attr, action: 'manage' })
    case 'identity':
      return permissions.allowsIdentity(wanted)
    case 'rpc':
      return permissions.allowsRpc(wanted)
  }
}

function scopeFor(wanted: Wanted): string {
  switch (wanted.on) {
    case 'session':
      return 'atproto'
    case 'read':
      return 'transition:generic'
    case 'repo':
      return RepoPermission.scopeNeededFor(wanted as never)
    case 'blob':
      return BlobPermission.scopeNeededFor({ mime: wanted.mime as `${string}/${string}` })
    case 'account':
      return AccountPermission.scopeNeededFor({ attr: wanted.attr, action: 'manage' })
    case 'identity':
      return IdentityPermission.scopeNeededFor(wanted)
    case 'rpc':
      return RpcPermission.scopeNeededFor({ lxm: wanted.lxm, aud: wanted.aud === '' ? '*' : wanted.aud } as never)
  }
}
