/** What an app may do with a person's PDS, in the terms that the pages have words for (the atproto permission spec). */

export type RepoAction = 'create' | 'update' | 'delete'

export type Permission =
  /** The scopes of before there were finer ones. */
  | { readonly on: 'transition'; readonly part: 'generic' | 'email' | 'chat.bsky' }
  /** Records of these collections; `*` stands for all. */
  | { readonly on: 'repo'; readonly collections: readonly string[]; readonly actions: readonly RepoAction[] }
  /** Calls in the person's name of these methods at a service (a DID with a fragment); `*` stands for all. */
  | { readonly on: 'rpc'; readonly methods: readonly string[]; readonly service: string }
  /** Uploads of these media types, such as `image/*`. */
  | { readonly on: 'blob'; readonly types: readonly string[] }
  | { readonly on: 'account'; readonly part: 'email' | 'repo' | 'status'; readonly manage: boolean }
  | { readonly on: 'identity'; readonly part: 'handle' | '*' }
