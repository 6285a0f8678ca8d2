/**
 * What each method of a PDS needs of a token, as data: by its name and by whether it asks (GET) or does (POST).
 *
 * The link to a PDS holds what all apps of a person were granted together; which of it a single token may use is decided
 * here and nowhere else, as a PDS decides it. A method of the PDS that is not listed is closed: it may be about passwords
 * or sessions. Everything outside `com.atproto` is another service, reached through the PDS.
 */

/** What a method needs; `permissions.ts` says which scopes open it. */
export type Need =
  /** Who am I: any token for a PDS. */
  | { readonly on: 'session' }
  /** What the PDS tells everybody, or the person about themselves: any token with more than who they are. */
  | { readonly on: 'read' }
  /** Records, named in the body. */
  | { readonly on: 'records' }
  /** A file of the media type that the request states. */
  | { readonly on: 'blob' }
  | { readonly on: 'account'; readonly part: 'email' | 'repo' | 'status' }
  | { readonly on: 'identity'; readonly part: 'handle' | '*' }
  /** A token for another service, named in the query. */
  | { readonly on: 'service-token' }
  /** Another service: by default the one of `service`, otherwise the one that the app names in a header. */
  | { readonly on: 'service'; readonly service: string | undefined; readonly also?: string }
  /** A service for notifications, named in the body. */
  | { readonly on: 'push' }

export interface Method {
  readonly asks: boolean
  readonly does: boolean
  readonly need: Need
}

/** What a PDS forwards to when the app names no service. */
const appView = 'did:web:api.bsky.app#bsky_appview'

/** Names segments of a host in reverse, then the method; hosts are written in lower case (atproto, NSID syntax). */
const nsid =
  /^(?=.{5,317}$)[a-z]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+\.[a-zA-Z][a-zA-Z0-9]{0,62}$/

/** Whether a text is the name of a method. Routers ignore case, so a host in capitals would mean a listed method, too. */
export function isNsid(text: string): boolean {
  return nsid.test(text)
}

const ask = (need: Need): Method => ({ asks: true, does: false, need })
const act = (need: Need): Method => ({ asks: false, does: true, need })
const readable = ask({ on: 'read' })

const listed: ReadonlyMap<string, Method> = new Map(
  Object.entries({
    'com.atproto.identity.getRecommendedDidCredentials': readable,
    'com.atproto.identity.requestPlcOperationSignature': act({ on: 'identity', part: '*' }),
    'com.atproto.identity.resolveDid': ask({ on: 'service', service: appView }),
    'com.atproto.identity.resolveHandle': readable,
    'com.atproto.identity.resolveIdentity': ask({ on: 'service', service: appView }),
    'com.atproto.identity.signPlcOperation': act({ on: 'identity', part: '*' }),
    'com.atproto.identity.submitPlcOperation': act({ on: 'identity', part: '*' }),
    'com.atproto.identity.updateHandle': act({ on: 'identity', part: 'handle' }),
    'com.atproto.label.queryLabels': ask({ on: 'service', service: appView }),
    'com.atproto.moderation.createReport': act({ on: 'service', service: undefined }),
    'com.atproto.repo.applyWrites': act({ on: 'records' }),
    'com.atproto.repo.createRecord': act({ on: 'records' }),
    'com.atproto.repo.deleteRecord': act({ on: 'records' }),
    'com.atproto.repo.describeRepo': readable,
    'com.atproto.repo.getRecord': readable,
    'com.atproto.repo.importRepo': act({ on: 'account', part: 'repo' }),
    'com.atproto.repo.listMissingBlobs': readable,
    'com.atproto.repo.listRecords': readable,
    'com.atproto.repo.putRecord': act({ on: 'records' }),
    'com.atproto.repo.uploadBlob': act({ on: 'blob' }),
    'com.atproto.server.checkAccountStatus': readable,
    'com.atproto.server.confirmEmail': act({ on: 'account', part: 'email' }),
    'com.atproto.server.deactivateAccount': act({ on: 'account', part: 'status' }),
    'com.atproto.server.describeServer': readable,
    'com.atproto.server.getServiceAuth': ask({ on: 'service-token' }),
    'com.atproto.server.getSession': ask({ on: 'session' }),
    'com.atproto.server.requestEmailConfirmation': act({ on: 'account', part: 'email' }),
    'com.atproto.sync.getBlob': readable,
    'com.atproto.sync.getBlocks': readable,
    'com.atproto.sync.getCheckout': readable,
    'com.atproto.sync.getHead': readable,
    'com.atproto.sync.getLatestCommit': readable,
    'com.atproto.sync.getRecord': readable,
    'com.atproto.sync.getRepo': readable,
    'com.atproto.sync.getRepoStatus': readable,
    'com.atproto.sync.listBlobs': readable,
    'com.atproto.sync.listRepos': readable,
    // A PDS fetches the feed of its author in the person's name.
    'app.bsky.feed.getFeed': ask({ on: 'service', service: appView, also: 'app.bsky.feed.getFeedSkeleton' }),
    'app.bsky.notification.registerPush': act({ on: 'push' }),
    'app.bsky.notification.unregisterPush': act({ on: 'push' }),
  } satisfies Record<string, Method>),
)

/** Routers ignore case: a listed method in other letters would be that method, judged as another. */
const folded: ReadonlySet<string> = new Set([...listed.keys()].map((name) => name.toLowerCase()))

/** The method with this name; undefined when no app may call it. */
export function methodOf(name: string): Method | undefined {
  const method = listed.get(name)
  if (method !== undefined) return method
  if (name.startsWith('com.atproto.') || folded.has(name.toLowerCase())) return undefined
  const service = /^(app|chat)\.bsky\./.test(name) ? appView : undefined
  return { asks: true, does: true, need: { on: 'service', service } }
}

/** Whether the body of a request has to be read to know what it needs. */
export function readsBody({ need }: Method): boolean {
  return need.on === 'records' || need.on === 'push'
}
