/**
 * What the rest of the house may ask of our client at people's PDSs (atproto's word for the host of an account).
 *
 * Signing in proves a DID and keeps nothing, unless it is asked to hold what came back until somebody decides. A link
 * keeps tokens by DID, so that the apps a person allowed can reach their PDS; there is one link for each DID, with the
 * scopes of all those apps.
 */

/** Beginning: the browser goes to the PDS, or there is a reason why it cannot. */
export type Begun =
  /** `state` is the parameter that the callback will carry. */
  | { kind: 'redirect'; to: URL; state: string }
  | { kind: 'problem'; problem: 'invalid-handle' | 'unknown-handle' | 'unsuitable-host' | 'host-unreachable' }

/** What came back with the callback. */
export type Finished =
  /** `handle` only where it was verified both ways just now. */
  | { kind: 'proven'; did: string; handle: string | undefined; keepsake?: Keepsake }
  | { kind: 'refused'; reason: 'cancelled' | 'expired' | 'invalid' | 'unavailable' | 'inactive' }

/** Tokens that are held for ten minutes and then given back, unless they become a link before. */
export interface Keepsake {
  readonly id: string
  /** What the PDS granted. */
  readonly scopes: readonly string[]
}

/** What is to become of the tokens: given back at once, the link of a DID that is known before, or held for a decision. */
export type Keeping = undefined | { link: string } | 'held'

/** The documents that a PDS fetches of a confidential client. */
export interface ClientDocuments {
  readonly metadata: Readonly<Record<string, unknown>>
  readonly jwks: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
}

/** How the link of a DID stands, without using it. */
export interface LinkState {
  readonly did: string
  /** What the PDS granted. */
  readonly scopes: readonly string[]
  readonly since: Date
  /** Set once the link is gone: the person has to go through their PDS again. */
  readonly ended: { readonly at: Date; readonly cause: string } | undefined
}

/** An open link: requests to the PDS with the person's tokens. */
export interface Link {
  readonly did: string
  readonly scopes: readonly string[]
  /**
   * Sends a request to the PDS, never elsewhere: `path` begins with `/xrpc/`. Tokens are refreshed when needed. A stream
   * as body is sent as it comes. Throws `LinkEnded` when the PDS does not know our tokens any more, and `PdsUnreachable`.
   */
  fetch(path: string, init: RequestInit & { duplex?: 'half' }): Promise<Response>
}

export interface AtprotoClient {
  /** Undefined on a developer's machine, where we are a public loopback client. */
  documents(): Promise<ClientDocuments | undefined>
  /** Where callbacks arrive: below the issuer, on a developer's machine at 127.0.0.1 instead of localhost. */
  readonly redirectUri: string
  /** Resolves a handle, a DID or the address of a PDS, and pushes an authorization request to its server. */
  begin(input: { identifier: string; scopes: readonly string[]; signal?: AbortSignal }): Promise<Begun>
  /** Takes a callback. Tokens of another DID than the one whose link they should be are given back. */
  finish(params: URLSearchParams, keeping: Keeping): Promise<Finished>
  /** Makes a keepsake the link of its DID; false, and it is given back, when it is over or another DID's. */
  keep(keepsake: string, did: string): Promise<boolean>
  /** Gives a keepsake back to the PDS, as far as that answers. */
  discard(keepsake: string): Promise<void>
  /** Reads how a link stands; undefined when there never was one. */
  linkState(did: string): Promise<LinkState | undefined>
  /** Opens a link; undefined when there is none, or it has ended. */
  link(did: string): Promise<Link | undefined>
  /** Ends a link, also at the PDS as far as that answers. */
  end(did: string, cause: string): Promise<void>
}

/** The PDS does not take our tokens any more; only the person can bring the link back. */
export class LinkEnded extends Error {
  override name = 'LinkEnded'
}

/** The PDS could not be reached; nothing was lost. `timeout` says that it was asked and too slow. */
export class PdsUnreachable extends Error {
  override name = 'PdsUnreachable'
  readonly timeout: boolean

  constructor(message: string, options: { timeout: boolean; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.timeout = options.timeout
  }
}
