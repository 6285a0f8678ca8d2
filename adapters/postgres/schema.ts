/** The tables as kysely sees them; `migrations/` creates them. Times are `Date`, durations never stand in the database. */
import type { ColumnType, Generated } from 'kysely'

// biome-ignore lint/suspicious/noExplicitAny: the shape of a JSON column belongs to the module that owns the table
type JsonColumn<T = Record<string, any>> = ColumnType<T, string, string>

export interface AccountRow {
  id: string
  name: string | null
  email: string | null
  email_verified: Generated<boolean>
  created_at: Date
  disabled_at: Date | null
}

export interface IdentityRow {
  provider: string
  subject: string
  account_id: string
  /** What the person recognises it by: an e-mail address, a handle. Display only. */
  label: string | null
  created_at: Date
  last_used_at: Date | null
}

export interface PasswordRow {
  subject: string
  /** Trimmed, NFKC, lower case: what a person types to be found. */
  email: string
  /** argon2id, PHC string format. */
  hash: string
  created_at: Date
  changed_at: Date
}

export interface TotpFactorRow {
  /** Of the password credential that it protects. */
  subject: string
  /** Sealed; context `totp:<subject>`. */
  sealed_secret: string
  confirmed_at: Date | null
  /** Last accepted time step (RFC 6238 §5.2: a code is accepted once). */
  last_step: ColumnType<string, bigint | number, bigint | number> | null
  created_at: Date
}

export interface RecoveryCodeRow {
  subject: string
  /** SHA-256 of the normalised code, base64url. */
  code_hash: string
  used_at: Date | null
}

export interface AttemptRow {
  /** SHA-256 of the attempt cookie, base64url. */
  id_hash: string
  interaction_hash: string
  provider: string
  purpose: string
  /** Sealed step; context `attempt:<id_hash>`. */
  sealed_step: string
  tries_left: number
  /** Grows with every accepted answer: compare-and-swap. */
  version: Generated<number>
  /** The account of somebody who has signed in and is asked one more thing. */
  account_id: string | null
  created_at: Date
  expires_at: Date
}

export interface LimitRow {
  key: string
  failures: number
  blocked_until: Date | null
  expires_at: Date
}

export interface AuditEventRow {
  id: Generated<string>
  at: Date
  event: string
  account_id: string | null
  client_id: string | null
  address: string | null
  detail: JsonColumn
}

export interface ClientRow {
  id: string
  profile: string
  first_party: boolean
  /** OAuth client metadata (RFC 7591 names), without any secret. */
  metadata: JsonColumn
  /** SHA-256 of each valid secret, newest first. */
  secret_hashes: JsonColumn<string[]>
  disabled_at: Date | null
  created_at: Date
  updated_at: Date
  /** Who brought it here: `registered` by an administrator, by it`self`, or a `document` at its own address. */
  origin: Generated<'registered' | 'self' | 'document'>
  /** When its name, addresses or keys last became others, by its own doing. */
  identity_changed_at: Generated<Date | null>
  /** Until then its document is not read again. */
  fresh_until: Generated<Date | null>
  /** SHA-256 of the token by which it changes its own registration (RFC 7592). */
  registration_token_hash: Generated<string | null>
}

export interface RegistrationTokenRow {
  id: string
  token_hash: string
  name: string
  /** What is registered by it; null: what the metadata says. */
  profile: string | null
  uses_left: number
  created_at: Date
  expires_at: Date
}

export interface ResourceRow {
  /** Absolute URI (RFC 8707 §2). */
  identifier: string
  name: string
  scopes: JsonColumn<string[]>
  /** Words for people by scope, for those that have any. */
  scope_descriptions: JsonColumn<Record<string, string>>
  token_format: string
  /** Lifetime of access tokens, seconds. */
  token_ttl: number
  /** The client that may introspect tokens of this resource. */
  client_id: string | null
  /** Kinds of authorization details (RFC 9396), by type. */
  // biome-ignore lint/suspicious/noExplicitAny: the shape belongs to the module that owns the table
  authorization_types: ColumnType<Record<string, any>, string | undefined, string>
  /** The level of sign-in that the API declares (RFC 9470). */
  acr: string | null
  /** Seconds since that sign-in, at most. */
  max_age: number | null
  created_at: Date
}

export interface GrantRow {
  id: string
  account_id: string | null
  client_id: string
  payload: JsonColumn
  created_at: Date
  expires_at: Date
  revoked_at: Date | null
  /** Recorded now and then, where the tokens of the grant leave no newer trace. */
  last_used_at: Date | null
  /** Until when a token without a row may name it. */
  needed_until: Date | null
  /** The grant that this one was exchanged for. */
  parent_id: string | null
}

/** Which client may exchange whose tokens for what. */
export interface ExchangePolicyRow {
  id: string
  client_id: string
  /** The client that the tokens were issued to, or the API that they are for. */
  source: string
  /** The API that the new token is for, or the issuer of another authorization server. */
  target: string
  kind: string
  scopes: JsonColumn<string[]>
  /** APIs there that may be named, where the target is another authorization server. */
  resources: JsonColumn<string[]>
  impersonate: Generated<boolean>
  may_act: string | null
  /** Id of the client at the other authorization server. */
  client_there: string | null
  created_at: Date
}

/** Whose assertions about people count here. */
export interface TrustedIssuerRow {
  issuer: string
  jwks_uri: string
  /** Under which the people that it names are known. */
  provider: string
  /** Clients that may bring its assertions. */
  clients: JsonColumn<string[]>
  created_at: Date
}

export interface ConsentRow {
  account_id: string
  client_id: string
  /** What the person agreed to: OpenID scopes and claims, and scopes by resource. */
  payload: JsonColumn
  updated_at: Date
}

export interface SessionRow {
  id_hash: string
  uid: string
  account_id: string | null
  payload: JsonColumn
  created_at: Date
  expires_at: Date
}

export interface ArtifactRow {
  /** SHA-256 of model name and id, base64url. */
  id_hash: string
  model: string
  grant_id: string | null
  account_id: string | null
  client_id: string | null
  /** Keyed hash of the user code (device flow). */
  user_code_hash: string | null
  payload: JsonColumn
  created_at: Date
  expires_at: Date
  consumed_at: Date | null
  /** The refresh token that replaced this one, by hash. */
  successor_hash: string | null
}

export interface DeniedTokenRow {
  /** SHA-256 of the `jti`, base64url. */
  id_hash: string
  expires_at: Date
}

export interface ReplayRow {
  id_hash: string
  expires_at: Date
}

export interface SigningKeyRow {
  kid: string
  alg: string
  public_jwk: JsonColumn
  /** Sealed private JWK; context `signing-key:<kid>`. */
  sealed_jwk: string
  created_at: Date
  retired_at: Date | null
}

export interface AtprotoStateRow {
  /** SHA-256 of the `state` parameter, base64url. */
  id_hash: string
  /** Sealed; context `atproto-state:<id_hash>`. */
  sealed_state: string
  expires_at: Date
}

/** What a sign-in at a PDS brought besides the identity, until it becomes a link or is given back. */
export interface AtprotoKeepsakeRow {
  /** SHA-256 of the id, base64url. */
  id_hash: string
  /** Tokens and DPoP key, sealed; context `atproto-keepsake:<id_hash>`. */
  sealed_session: string
  expires_at: Date
}

export interface AtprotoSessionRow {
  did: string
  /** Tokens and DPoP key, sealed; context `atproto-session:<did>`. Null once the link has ended. */
  sealed_session: string | null
  /** What the PDS granted, separated by spaces. */
  scope: string
  /** Our client at the PDS; on a developer's machine it depends on the scopes. */
  client_id: string
  /** The key of ours that authenticates refreshes; null for the public client. */
  key_id: string | null
  created_at: Date
  updated_at: Date
  ended_at: Date | null
  /** Why it ended, in one word. */
  ended_cause: string | null
}

export interface AtprotoKeyRow {
  kid: string
  public_jwk: JsonColumn
  /** Sealed private JWK; context `atproto-key:<kid>`. */
  sealed_jwk: string
  created_at: Date
  retired_at: Date | null
}

/** The last time that a client asked for the tokens of a device code. */
export interface DevicePollRow {
  /** SHA-256 of the device code, base64url. */
  code_hash: string
  /** Of the last poll that did not come too early. */
  polled_at: Date
  /** Seconds from then on in which a poll is too early. */
  wait: number
  /** Whether the newest poll was. */
  early: boolean
  expires_at: Date
}

/** An update of Telegram that was taken. */
export interface TelegramUpdateRow {
  /** Numbers of the bot and of its update. */
  id: string
  tries: number
  /** Until then a node is at it, unless it is done. */
  held_until: Date
  done_at: Date | null
  expires_at: Date
}

/** Somebody whom the bot may write to. */
export interface TelegramPersonRow {
  /** Telegram's number of the user. */
  id: string
  since: Date
}

/** A message with buttons of which one is to be pressed. */
export interface TelegramQuestionRow {
  /** SHA-256 of what the buttons carry, base64url. */
  id_hash: string
  person_id: string
  kind: string
  /** By which its author finds it again; no secret. */
  about: string | null
  /** How many answers there are. */
  answers: number
  /** Answers and payload, sealed; context `telegram-question:<id_hash>`. */
  sealed: string
  expires_at: Date
}

/** A Telegram user who wants to be connected with an account. One for each of them. */
export interface TelegramConnectionRow {
  /** SHA-256 of the token of the link, base64url. */
  id: string
  person_id: string
  state: string
  /** SHA-256 of the cookie of the browser that used the link, base64url. */
  browser_hash: string | null
  account_id: string | null
  /** Names, message and address, sealed; context `telegram-connection:<id>`. */
  sealed: string
  expires_at: Date
}

/** Work that one node does at a time. */
export interface LeaseRow {
  name: string
  holder: string
  expires_at: Date
}

/** A request that somebody is asked about in their chat (OpenID CIBA). */
export interface ApprovalPromptRow {
  account_id: string
  client_id: string
  /** SHA-256 of `auth_req_id`, base64url: the request's row in `artifacts`. */
  request_hash: string
  /** Their Telegram user id. */
  person_id: string
  /** Of the message that asks, once it is sent; means something to the bot alone. */
  message_id: ColumnType<string, number, number> | null
  expires_at: Date
}

/** A sign-in that waits for somebody in Telegram. */
export interface TelegramSignInRow {
  /** SHA-256 of the token in the picture, base64url. */
  token_hash: string
  /** The client that asks how it stands; null for pages of ours. */
  holder: string | null
  state: string
  /** Keyed hash of the user id of whoever came first. */
  person_mark: string | null
  /** Who asks, and the number; context `telegram-sign-in:request:<token_hash>`. */
  sealed_request: string
  /** Who confirmed; context `telegram-sign-in:person:<token_hash>`. */
  sealed_person: string | null
  expires_at: Date
}

/** Whose number is whose at Telegram, as people shared it. */
export interface TelegramPhoneRow {
  /** Keyed hash of the number (E.164), base64url. */
  phone_hash: string
  /** Telegram user id. */
  person_id: string
  /** What Telegram said of them, sealed; context `telegram-phone:<phone_hash>`. */
  sealed_owner: string
  shared_at: Date
}

export interface PhoneCodeRow {
  /** SHA-256 of the request's secret, base64url. */
  id_hash: string
  phone_hash: string
  /** Keyed hash of id and code, base64url. */
  code_hash: string
  /** Sealed; context `phone-code:<id_hash>`. */
  sealed_code: string
  tries_left: number
  /** The Telegram user who was told it by our bot: the one that it proves. */
  person_id: string | null
  /** Whether it went to the phone by other means, so that somebody unknown has it. */
  passed_on: Generated<boolean>
  used_at: Date | null
  created_at: Date
  expires_at: Date
}

/** The moments of the last requests under a key. */
export interface RequestWindowRow {
  key: string
  times: Date[]
  expires_at: Date
}

export interface ShopRow {
  id: Generated<number>
  name: string
  /** Keyed hash of the phone (E.164), base64url. */
  phone_hash: string
  /** Sealed; context `shop`. */
  sealed_phone: string
  telegram_id: string | null
  account_id: string | null
  language: string
  currency: string
  disabled_at: Date | null
  created_at: Date
}

/** A sign-out that an app has yet to be told of. */
export interface LogoutNoticeRow {
  /** The session as the app knows it; names, opens nothing. */
  sid: string
  client_id: string
  account_id: string
  tries: Generated<number>
  /** What went wrong at the last try. */
  problem: string | null
  /** From then on a node may take it. */
  due_at: Date
  created_at: Date
  expires_at: Date
}

export interface Database {
  accounts: AccountRow
  identities: IdentityRow
  passwords: PasswordRow
  totp_factors: TotpFactorRow
  recovery_codes: RecoveryCodeRow
  attempts: AttemptRow
  limits: LimitRow
  audit_events: AuditEventRow
  clients: ClientRow
  registration_tokens: RegistrationTokenRow
  resources: ResourceRow
  grants: GrantRow
  consents: ConsentRow
  sessions: SessionRow
  artifacts: ArtifactRow
  denied_tokens: DeniedTokenRow
  replays: ReplayRow
  signing_keys: SigningKeyRow
  atproto_states: AtprotoStateRow
  atproto_keepsakes: AtprotoKeepsakeRow
  atproto_sessions: AtprotoSessionRow
  atproto_keys: AtprotoKeyRow
  device_polls: DevicePollRow
  telegram_updates: TelegramUpdateRow
  telegram_people: TelegramPersonRow
  telegram_questions: TelegramQuestionRow
  telegram_connections: TelegramConnectionRow
  leases: LeaseRow
  approval_prompts: ApprovalPromptRow
  telegram_sign_ins: TelegramSignInRow
  telegram_phones: TelegramPhoneRow
  phone_codes: PhoneCodeRow
  request_windows: RequestWindowRow
  shops: ShopRow
  logout_notices: LogoutNoticeRow
  exchange_policies: ExchangePolicyRow
  trusted_issuers: TrustedIssuerRow
}
