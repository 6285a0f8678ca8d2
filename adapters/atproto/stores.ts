/** What our client asks of the house: where it keeps things, and a lock over all nodes. The composition passes what fits. */

/** Sign-ins that are on their way through a PDS. `take` answers to exactly one caller. */
export interface States {
  set(id: string, value: string): Promise<void>
  take(id: string): Promise<string | undefined>
}

/** What sign-ins brought that may become a link, as `saved-session.ts` writes it. Each is taken by exactly one caller. */
export interface Keepsakes {
  hold(secret: string): Promise<string>
  take(id: string): Promise<string | undefined>
  takeExpired(): Promise<string | undefined>
}

/** A link as it is stored. `secret` is the text that `saved-session.ts` makes. */
export interface StoredLink {
  readonly secret: string
  readonly scope: string
  readonly clientId: string
  readonly keyId: string | undefined
}

/** Links by DID. */
export interface Sessions {
  read(did: string): Promise<(StoredLink & { readonly version: string }) | undefined>
  state(did: string): Promise<
    | {
        readonly did: string
        readonly scope: string
        readonly since: Date
        readonly ended: { readonly at: Date; readonly cause: string } | undefined
      }
    | undefined
  >
  replace(did: string, link: StoredLink): Promise<string | undefined>
  refresh(did: string, version: string, link: StoredLink): Promise<string | undefined>
  end(did: string, cause: string, version?: string): Promise<string | undefined>
}

/** Our own keys, the one for new links first. */
export interface Keys {
  loadOrCreate(): Promise<readonly (Record<string, unknown> & { kid: string })[]>
}

/** Runs work alone under a name; `lost` is aborted when somebody else may be at it, too. */
export type Lock = <T>(name: string, work: (lost: AbortSignal) => Promise<T>) => Promise<T>
