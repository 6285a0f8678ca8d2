/**
 * The page at `/`: for people, a way to their account; for developers, where to begin.
 */
import { buttonLink } from './form.ts'
import { html, targetUrl } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

export interface HomeProps {
  readonly issuer: string
  /** Address of the discovery document. */
  readonly discovery: string
  readonly signedIn: boolean
  /** Address of the account area. */
  readonly account?: string | undefined
}

/** Says what this server is. */
export function homePage(on: Surroundings, { issuer, discovery, signedIn, account = '/account' }: HomeProps): string {
  const words = on.words.home
  const title = words.title(on.productName)
  const href = targetUrl(discovery)
  return layout(on, {
    title,
    body: html`<h1>${title}</h1>
<p class="lead">${words.lead(on.productName)}</p>
<div class="actions">${buttonLink(account, signedIn ? words.account : words.signIn)}</div>
<section class="developers" aria-labelledby="developers"><h2 id="developers">${words.developers}</h2>
<p>${words.developersLead}</p>
<dl><dt>${words.issuer}</dt><dd><code>${issuer}</code></dd>
<dt>${words.discovery}</dt><dd>${href === undefined ? html`<code>${discovery}</code>` : html`<a href="${href}"><code>${discovery}</code></a>`}</dd></dl></section>`,
  })
}
