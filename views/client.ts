/**
 * How an app is shown: its name, its logo, its own links.
 *
 * All of it was written by the app's developer and is not to be believed: names are isolated so that they cannot
 * rearrange the sentence around them, and addresses pass `safeUrl`. What identifies an app is the host it returns to.
 */
import { attributes, type Html, html, safeUrl, targetUrl } from './html.ts'
import type { Surroundings } from './layout.ts'

/** What the pages show of an OAuth client. */
export interface ClientCard {
  readonly id: string
  readonly name?: string | undefined
  /** Address of the stored logo, on this server. */
  readonly logoUri?: string | undefined
  readonly uri?: string | undefined
  readonly policyUri?: string | undefined
  readonly tosUri?: string | undefined
  /** Host of the redirect URI; empty for apps on devices, which have none. */
  readonly host: string
  readonly firstParty: boolean
  /** Nobody here registered it by hand; `documentHost`: where the document is that describes it. */
  readonly unverified?: { readonly documentHost?: string | undefined } | undefined
}

/** The app's name, or its id where it has none, as plain text. */
export function plainName(client: Pick<ClientCard, 'id' | 'name'>): string {
  const name = client.name?.trim() ?? ''
  return name === '' ? client.id : name
}

/** Text from outside, emphasised, and kept from changing the direction of what surrounds it. */
export function isolated(text: string): Html {
  return html`<strong><bdi>${text}</bdi></strong>`
}

/** The app's name inside a sentence. */
export function clientName(client: Pick<ClientCard, 'id' | 'name'>): Html {
  return isolated(plainName(client))
}

/** The app's logo, or its initial where there is none; where the logo does not load, the stylesheet shows the initial. */
export function clientLogo(client: ClientCard): Html {
  const source = targetUrl(client.logoUri)
  const initial = [...plainName(client)].find((character) => /[\p{L}\p{N}]/u.test(character)) ?? ''
  const letter = initial.toLocaleUpperCase('en')
  const picture = { src: source, alt: '', width: 56, height: 56, 'data-initial': letter, referrerpolicy: 'no-referrer' }
  return html`<div class="logo" aria-hidden="true">${
    source === undefined ? html`<span>${letter}</span>` : html`<img${attributes(picture)}>`
  }</div>`
}

/** Links to what the app says about itself; nothing when it says nothing. */
export function clientPolicies(on: Surroundings, client: ClientCard): Html | undefined {
  const links = [
    newTabLink(on, client.policyUri, on.words.consent.policy),
    newTabLink(on, client.tosUri, on.words.consent.terms),
  ].filter((link) => link !== undefined)
  if (links.length === 0) return undefined
  return html`<p class="fine">${on.words.consent.policies(html`<bdi>${plainName(client)}</bdi>`)} ${links.map(
    (link, index) => html`${index > 0 && ' · '}${link}`,
  )}</p>`
}

function newTabLink(on: Surroundings, address: string | undefined, text: string): Html | undefined {
  const href = safeUrl(address)
  if (href === undefined) return undefined
  // A new tab, because leaving this page would lose the sign-in.
  return html`<a href="${href}" target="_blank" rel="noopener noreferrer external nofollow">${text}<span class="unseen"> ${on.words.opensNewTab}</span></a>`
}
