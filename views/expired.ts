/**
 * The page for a sign-in that is no longer there: too old, opened in another tab, left by the back button.
 */
import { type ClientCard, clientName } from './client.ts'
import { buttonLink } from './form.ts'
import { type Html, html, safeUrl, targetUrl } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

export interface ExpiredProps {
  /** Address that begins the same sign-in again. */
  readonly restart?: string | undefined
  readonly client?: ClientCard | undefined
}

/** Says that the sign-in has expired, and how to start again. */
export function expiredPage(on: Surroundings, { restart, client }: ExpiredProps): string {
  const words = on.words.expired
  const restartable = targetUrl(restart) !== undefined
  return layout(on, {
    title: words.title,
    body: html`<h1>${words.title}</h1>
<p class="lead">${words.lead}</p>
${restartable && html`<div class="actions">${buttonLink(restart, words.restart)}</div>`}
${!restartable && wayBack(on, client)}`,
  })
}

function wayBack(on: Surroundings, client: ClientCard | undefined): Html {
  const words = on.words.expired
  if (client === undefined) {
    return html`<p>${words.backToAnyApp}</p>
<div class="actions">${buttonLink('/', on.words.error.home, 'secondary')}</div>`
  }
  const site = safeUrl(client.uri)
  return html`<p>${words.backToApp(clientName(client))}</p>
${site !== undefined && html`<div class="actions">${buttonLink(site, words.openApp(clientName(client)))}</div>`}`
}
