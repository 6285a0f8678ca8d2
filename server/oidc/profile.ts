/** What a kind of client is: the shape of the entries in `profiles.ts`, and of what is said of them to people. */

export interface Profile {
  readonly name: string
  /** One line for those who choose. */
  readonly summary: string
  /** Members that the profile sets, by their RFC 7591 §2 names; they cannot be given. */
  readonly metadata: Readonly<Record<string, unknown>>
  /** Members that may be given. */
  readonly mayAdd: readonly string[]
  /** Grant types that a client may have beside those of `metadata`; they are given among its `grant_types`. */
  readonly moreGrants?: readonly string[]
  /**
   * Which redirect URIs are taken; `loopback`: https, and http on this machine; `none`: the profile has no front channel;
   * `service`: the one that `redirectUriOf` makes.
   */
  readonly redirectUris: 'web' | 'native' | 'loopback' | 'none' | 'service'
  /** The redirect URI of a platform's service, by its id (`service_id`). */
  readonly redirectUriOf?: (serviceId: string) => string
  /** Name of the client where none is given. */
  readonly clientName?: string
  /** Whether the client proves who it is (RFC 6749 §2.1), by a secret unless it was registered for another way. */
  readonly confidential: boolean
  /** The ways to prove it that may be chosen (`token_endpoint_auth_method`); without it, the one of `metadata`. */
  readonly authMethods?: readonly string[]
  /** What is otherwise for a client that may ask people in a chat (`approve_in_chat`); without it none may. */
  readonly approveInChat?: Pick<Profile, 'metadata' | 'confidential' | 'authMethods'>
  /** May be registered as ours, so that people are not asked for consent. */
  readonly mayBeFirstParty: boolean
  /** Must be: nobody is asked for consent. */
  readonly mustBeFirstParty?: true
  /** Held to FAPI 2.0. */
  readonly fapi?: true
  /** `code_challenge` with S256 is demanded at the authorization endpoint; where it is not, `state` is. */
  readonly pkceRequired: boolean
  /** An authorization request names the API that it wants tokens for (RFC 8707 §2). */
  readonly resourceRequired?: true
  /** Each use of a refresh token gives a new one and ends the old one. */
  readonly rotateRefreshToken: boolean
  /** Lifetime of a refresh token, seconds; rotation starts it anew, so it is how long an app may be idle. */
  readonly refreshTokenTtl: number
  /** Seconds after which no refresh token of a grant lives any more, however often it was used (ASVS 5 §10.4.8). */
  readonly refreshFamilyTtl: number
  /** Seconds in which the same client gets the same successor again, when a response was lost. */
  readonly refreshGrace: number
  /** Refresh tokens that were given without `offline_access` end with the browser session (OIDC Core §11). */
  readonly sessionBound: boolean
  /** The last use of a grant is written down, because its tokens leave no newer trace. */
  readonly recordsUse: boolean
  /** A client that revokes its last grant of a person (RFC 7009) has to ask that person for consent anew. */
  readonly forgottenWhenRevoked: boolean
  /** Where the profile is laxer than RFC 9700, and why: for those who register and those who look. */
  readonly exceptions: readonly Exception[]
  /** Only ever made by another command (`resource add`), never chosen. */
  readonly internal: boolean
}

export interface Exception {
  /** The sentence that is departed from. */
  readonly from: string
  readonly instead: string
  readonly because: string
}
