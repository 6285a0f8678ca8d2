/**
 * What the rest of the house may ask of our client at one other OpenID Connect issuer.
 *
 * It sends a person there and says what the issuer stated about them, once everything that can be checked was. Tokens
 * never leave this folder. What a statement means here is for others to decide.
 */

/** How to reach one issuer, and how we are registered there. */
export interface OidcConnection {
  /** Issuer identifier, exactly as the issuer states it. */
  readonly issuer: string
  readonly clientId: string
  readonly authentication: ClientAuthentication
  /** Our client id stands in the body of token requests as well, for issuers that want both. */
  readonly repeatsClientId?: true
  /** Endpoints by hand, for issuers without a discovery document. */
  readonly endpoints?: OidcEndpoints
  /** Algorithms that id tokens may be signed with; undefined: those that the issuer announces, never symmetric ones. */
  readonly idTokenAlgs?: readonly string[]
  /** Whether what the id token leaves out is asked for at the userinfo endpoint, where there is one. */
  readonly userinfo: boolean
  /** Seconds that the clocks may differ. */
  readonly clockTolerance: number
  /** Seconds that one question to the issuer may take. */
  readonly timeout: number
}

export interface OidcClientOptions {
  readonly connection: OidcConnection
  readonly outside: PublicInternet
  readonly now: () => Date
}

/** The way to what the settings do not name. */
export interface PublicInternet {
  /** Whether a host is on it, by what its name or its address says. */
  hasHost(hostname: string): boolean
  /** Why an address is not on it, before its host is resolved; undefined when nothing speaks against it. */
  objectionTo(url: URL): string | undefined
  /** Throws where the host resolves to an address that is not on it, at the moment of connecting. */
  fetch(url: string, options: RequestInit): Promise<Response>
}

export type ClientAuthentication =
  | { readonly method: 'client_secret_basic' | 'client_secret_post'; readonly secret: string }
  /** `key` is a private JWK (RFC 7517); its `alg` decides the signature, its `kid` is sent. */
  | { readonly method: 'private_key_jwt'; readonly key: Readonly<Record<string, unknown>> }
  | { readonly method: 'none' }

export interface OidcEndpoints {
  readonly authorization: string
  readonly token: string
  readonly jwks: string
  readonly userinfo?: string
}

/** What one person's way to the issuer and back is bound by; secret until it is over. */
export interface Trip {
  readonly state: string
  /** PKCE (RFC 7636 §4.1). */
  readonly verifier: string
  /** Absent: none is sent, and none may come back. */
  readonly nonce?: string
}

type Claims = Readonly<Record<string, unknown>>

/** `why` is for the log: it names no person and holds nothing secret. */
export type Begun = { kind: 'redirect'; to: URL } | Unavailable
export type Finished =
  | { kind: 'proven'; claims: Claims; further: Claims }
  | { kind: 'refused'; reason: 'cancelled' | 'invalid'; why: string }
  | Unavailable
export type Examined = { kind: 'ready' } | Unavailable

/** The issuer did not answer, answered nonsense, or does not take us as a client. */
export interface Unavailable {
  kind: 'unavailable'
  why: string
}

export interface OidcClient {
  /** Where to send the browser. `parameters` are those of the request beside what this client knows itself. */
  begin(input: { callback: URL; parameters: Readonly<Record<string, string>>; trip: Trip }): Promise<Begun>
  /** Takes the query of a callback. `claims` are those of the id token, whose `iss` and `sub` are texts; `further` those of userinfo. */
  finish(input: { callback: URL; params: URLSearchParams; trip: Trip }): Promise<Finished>
  /** Whether the issuer can be found now, whatever was found before. */
  examine(): Promise<Examined>
}
