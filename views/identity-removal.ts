/**
 * The page that asks before a way to sign in is taken from an account with which apps are connected: they keep their access,
 * whichever way their person came in, unless it ends with it.
 */
import { plainName } from './client.ts'
import { button, buttonLink, postForm } from './form.ts'
import { attributes, type Html, html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

export interface IdentityRemovalProps {
  /** POST target of both decisions. */
  readonly action: string
  /** Address of the page to go back to. */
  readonly back: string
  readonly provider: string
  readonly subject: string
  readonly label: string
  readonly providerLabel: string
  readonly apps: readonly { readonly clientId: string; readonly clientName: string }[]
}

/** Names the apps and asks whether their access ends, too. */
export function identityRemovalPage(on: Surroundings, props: IdentityRemovalProps): string {
  const words = on.words.identityRemoval
  const title = words.title(props.providerLabel)
  return layout(on, {
    title,
    body: html`<h1>${title}</h1>
<p class="lead">${words.lead(html`<bdi>${props.label}</bdi>`)}</p>
<p>${words.apps}</p>
<ul>${props.apps.map((app) => html`<li><strong><bdi>${plainName({ id: app.clientId, name: app.clientName })}</bdi></strong></li>`)}</ul>
<p class="hint">${words.advice}</p>
<div class="choices">${decision(props, 'remove', words.remove)}${decision(props, 'remove-with-apps', words.withApps)}</div>
<div class="actions">${buttonLink(props.back, on.words.cancel, 'quiet')}</div>`,
  })
}

function decision({ action, provider, subject }: IdentityRemovalProps, value: string, text: string): Html {
  const fields = Object.entries({ provider, subject, decision: value }).map(
    ([name, value]) => html`<input${attributes({ type: 'hidden', name, value })}>`,
  )
  return postForm(action, html`${fields}${button(text, { kind: value === 'remove' ? 'secondary' : 'danger' })}`)
}
