/**
 * The identity contract: what one way of proving who you are has to do, and nothing more.
 *
 * A provider is a state machine over one sign-in attempt. It never sees HTTP, cookies, accounts or rows of
 * other features; `server/interactions/attempt.ts` drives any of them, binds the attempt to the browser,
 * counts tries and keeps the state sealed between two steps.
 */

/** Values that survive `JSON.parse(JSON.stringify(value))` unchanged. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/**
 * What the person is here for: to sign in, to add this identity to the account they are signed in to, or to let apps
 * reach the account that they have at the provider.
 */
export type Purpose = 'sign-in' | 'link' | 'access'

/** A proven identity. Keyed by `(provider, subject)`; never by e-mail address or phone number. */
export interface Identity {
  /** What the provider that proved it `proves`; without that, its `id`. */
  provider: string
  /** Permanent identifier within the provider, never reassigned. */
  subject: string
  /** Name to show, as the provider states it. */
  name?: string
  /** What the person recognises this identity by, when it is not the e-mail address: a handle. May change; display only. */
  label?: string
  /** E-mail address and whether the provider vouches for it. */
  email?: { address: string; verified: boolean }
}

/** What is known of who asks, for ways that tell it the person elsewhere. */
export interface Requester {
  /** Id of the app that is signed in to, and its registered name. */
  clientId: string
  app: string
  /** What the browser says that it is; untrusted. */
  userAgent?: string
  /** Where the browser is, as our proxy has it: ISO 3166 code. */
  country?: string
}

export interface StartInput {
  purpose: Purpose
  /** Where an outside party sends the browser back to. */
  callback: URL
  /** What the client said about the person (`login_hint`); untrusted. */
  hint?: string
  /** The person chose this way by hand: a hint is no reason to send them on, they are asked first. */
  ask?: boolean
  /** The app sends somebody who has no account yet: where one is made here, that is what is asked first. */
  newcomer?: boolean
  /** Network address of the browser in canonical form, for rate limits. */
  address: string
  requester?: Requester
  /**
   * Scopes, in the provider's own words, that are asked for there so that apps can reach the person's account. With
   * purpose `access` and the `subject` whose identity has to be proven, the provider keeps what it needs to use them. With
   * purpose `sign-in` and without a subject, it hands over a keepsake with the proof. Without `access` nothing is kept.
   */
  access?: { subject?: string; scopes: readonly string[] }
}

export interface AnswerInput {
  purpose: Purpose
  callback: URL
  address: string
  /** The state of the step that is being answered, exactly as the provider returned it. */
  state: Json
  /** The fields of the submitted form, or the query of the callback. */
  params: URLSearchParams
}

/** One move of a sign-in attempt. */
export type Step =
  /**
   * Send the browser elsewhere and wait for the callback. `returnState` is the `state` parameter that the callback will
   * carry, where the address does not show it (pushed requests).
   */
  | { kind: 'redirect'; to: URL; state: Json; returnState?: string }
  /** Ask the person; `tries` is how many answers this page takes (1 when absent). */
  | { kind: 'show'; page: Page; state: Json; tries?: number }
  /**
   * The person has proven who they are. `amr` are RFC 8176 method names. `registered` says that they have just
   * asked for a new account here, so that they are not asked a second time. `keepsake` comes only where a sign-in was
   * asked for access.
   */
  | { kind: 'proven'; identity: Identity; amr: readonly string[]; registered?: true; keepsake?: Keepsake }
  /** The attempt is over without proof. */
  | { kind: 'refused'; reason: RefusedReason }

/**
 * What apps could reach the person's account with, in the provider's custody until it is known whether they may. It is
 * given back to where it came from after ten minutes.
 */
export interface Keepsake {
  /** Opaque, secret, and good for nothing outside this server. */
  readonly id: string
  /** What was granted, in the provider's own words. */
  readonly scopes: readonly string[]
}

/**
 * `inactive`: the account exists where the person proves who they are, but is not in use there. `unsuitable`: the place
 * where they do answers, and does not take what it is asked. `other-organisation`: the person is who they say, and not one
 * of those who are let in there.
 */
export type RefusedReason =
  | 'cancelled'
  | 'expired'
  | 'invalid'
  | 'unavailable'
  | 'inactive'
  | 'unsuitable'
  | 'other-organisation'

/** Why a page is shown again; the catalogue holds the words. */
export type PageProblem =
  | 'wrong-credentials'
  | 'too-many-tries'
  | 'wrong-code'
  | 'invalid-email'
  | 'email-unavailable'
  | 'password-too-short'
  | 'password-too-long'
  | 'password-too-common'
  | 'registration-closed'
  | 'invalid-handle'
  | 'unknown-handle'
  | 'unsuitable-host'
  | 'host-unreachable'
  | 'wrong-number'
  | 'invalid-phone'
  | 'wrong-phone-code'
  | 'phone-code-over'
  | 'phone-not-shared'

/** The closed list of pages a provider can ask for: one without a template does not compile (`views/step.ts`). */
export type Page =
  | {
      name: 'password-sign-in'
      email?: string
      problem?: PageProblem
      /** Seconds until the next try is taken, with `too-many-tries`. */
      retryAfter?: number
      /** Whether "Create an account" is offered. */
      canRegister: boolean
    }
  | { name: 'password-register'; email?: string; displayName?: string; problem?: PageProblem; retryAfter?: number }
  /** Asks somebody who has an account for the address and the password that they want to sign in with, too. */
  | { name: 'password-add'; email?: string; problem?: PageProblem; retryAfter?: number }
  | { name: 'second-factor'; problem?: PageProblem; retryAfter?: number }
  /** Asks for an atproto handle, a DID or the address of a PDS; the answer's field is `handle`. */
  | { name: 'atproto-handle'; handle?: string; problem?: PageProblem; retryAfter?: number }
  /**
   * A picture to scan with the phone, and the number to choose there. Without a code there is none at the moment, and the
   * page offers a new one. The answer's field is `action=continue`.
   */
  | {
      name: 'telegram-qr'
      code?: { link: string; number: string }
      problem?: PageProblem
      retryAfter?: number
    }
  /** Asks for the phone number that a code goes to; the answer's field is `phone`. */
  | { name: 'phone'; phone?: string; problem?: PageProblem; retryAfter?: number }
  /** Asks for that code (`code`); other answers are `action` `again` and `other`. */
  | {
      name: 'phone-code'
      /** In full: who typed it is shown it. */
      phone: string
      /** Opens the chat in which the number can be shared; undefined while Telegram does not say where that is. */
      chat?: string
      /** Minutes that a code lasts. */
      minutes: number
      /** Another code was asked for on this page. */
      again?: true
      problem?: PageProblem
      retryAfter?: number
    }
  /** The code was right; waits until the number was shared in the chat. */
  | { name: 'phone-share'; phone: string; chat?: string; problem?: PageProblem; retryAfter?: number }

  /** Read what Telegram has put behind the `#` of the address, and ask the person; the answer's field is `data`. */
  | { name: 'telegram-webapp' | 'telegram-widget'; problem?: PageProblem; retryAfter?: number }

/** How a page stands that waits for something elsewhere: `noticed` once it has begun there, `settled` when it is decided or over. */
export type Standing = 'waiting' | 'noticed' | 'settled'

export interface IdentityProvider {
  /** Shown in URLs, and stored with every identity unless `proves` is; never renamed. Lower case, digits and hyphens. */
  readonly id: string
  /** Under which name its identities are stored, where several ways prove the same one. Never renamed. */
  readonly proves?: string
  /** What the button says, after "Continue with". */
  readonly label: string
  /** Works in the browser of that app alone, and is offered only there. */
  readonly inside?: 'telegram'
  /** Refuses browsers that are part of another app; whoever comes in one is asked to open their own first. */
  readonly externalBrowser?: true
  /** People may prove more than one thing here; then `amr` says `mfa` (RFC 8176). */
  readonly secondFactor?: true
  /** Whether a hint of the client names somebody of this provider; that person is sent on without being asked. */
  accepts?(hint: string): boolean
  /** Begins an attempt. Throws only `UpstreamError`. */
  start(input: StartInput): Promise<Step>
  /** Takes the answer to the step whose `state` is given. Throws only `UpstreamError`. */
  answer(input: AnswerInput): Promise<Step>
  /** Of providers whose pages wait for something elsewhere. Changes nothing, and is asked every second. */
  standing?(state: Json): Promise<Standing>
  /** Of providers that hand over keepsakes. Each is kept or discarded once; afterwards, and for unknown ids, nothing happens. */
  readonly keepsakes?: {
    /** From now on apps can reach the account of `subject`. False when it is over or another's; then it is given back. */
    keep(id: string, subject: string): Promise<boolean>
    /** Gives it back. */
    discard(id: string): Promise<void>
  }
}

/** An outside party could not be reached or answered nonsense. Its message holds nothing secret. */
export class UpstreamError extends Error {
  override name = 'UpstreamError'
}
