/**
 * What people are told of an app that nobody here registered by hand: on the page that asks them, and in the place of a
 * redirect to it when its request failed (RFC 9700 §4.11.2).
 */
import { type ClientCard, clientName, isolated } from './client.ts'
import { buttonLink } from './form.ts'
import { type Html, html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

/** The host alone, without a port: what listens on the person's own computer. */
const ownComputer = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/

/** A warning for such an app; nothing for any other. */
export function unverifiedNotice({ words }: Surroundings, client: ClientCard): Html | undefined {
  if (client.unverified === undefined) return undefined
  const { documentHost } = client.unverified
  return html`<div class="warning"><p>${words.unverified.nobodyVouches(clientName(client))}</p>${
    documentHost !== undefined && html`<p>${words.unverified.comesFrom(isolated(documentHost))}</p>`
  }${ownComputer.test(client.host) && html`<p>${words.unverified.onThisComputer}</p>`}</div>`
}

export interface StoppedProps {
  readonly client: ClientCard
  /** Where the app wants to be told; undefined: it cannot be. */
  readonly target: string | undefined
  /** The error for the people behind the app. */
  readonly error: string
  /** Number under which the log has the details. */
  readonly reference: string
  /** Address of the start page. */
  readonly home: string
}

/** Says that the app got nothing, and lets the person decide whether to go there. */
export function stoppedPage(on: Surroundings, { client, target, error, reference, home }: StoppedProps): string {
  const { words } = on
  const host = client.host === '' ? undefined : client.host
  return layout(on, {
    title: words.unverified.stoppedTitle,
    body: html`<h1>${words.unverified.stoppedTitle}</h1>
<p class="lead">${words.unverified.stopped(clientName(client))}</p>
${unverifiedNotice(on, client)}
${host !== undefined && target !== undefined && html`<div class="return"><p>${words.unverified.wouldGo(isolated(host))}</p><p class="hint">${words.unverified.checkHost}</p></div>`}
<div class="actions">${buttonLink(home, words.error.home)}${
      host !== undefined && buttonLink(target, words.unverified.goOn(host), 'quiet')
    }</div>
<p class="fine">${words.unverified.forDevelopers(html`<bdi>${error}</bdi>`)} ${words.error.reference(isolated(reference))}</p>`,
  })
}
