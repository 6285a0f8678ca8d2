/**
 * The page for a browser inside another app, where the chosen way to sign in refuses such browsers: what to open instead.
 */
import type { ClientCard } from './client.ts'
import { button, postForm } from './form.ts'
import { html, targetUrl } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { cancelForm, type ProviderChoice, providerForms } from './providers.ts'
import { continueTo } from './step.ts'

export interface ExternalBrowserProps {
  /** What the person chose, as its button calls it. */
  readonly providerLabel: string
  /** Whole address of this page, which begins the sign-in again in another browser. */
  readonly address: string
  /** POST target that goes on in this browser all the same. */
  readonly anyway: string
  readonly cancel: string
  readonly client?: ClientCard | undefined
  /** Other ways to sign in. */
  readonly others: readonly ProviderChoice[]
}

/** Asks to open the address in a browser of its own. */
export function externalBrowserPage(on: Surroundings, props: ExternalBrowserProps): string {
  const words = on.words.externalBrowser
  return layout(on, {
    title: words.title,
    body: html`<h1>${words.title}</h1>
<p class="lead">${continueTo(on, props.client)}</p>
<p>${words.reason(props.providerLabel)}</p>
<p>${words.how}</p>
<p class="address"><code>${targetUrl(props.address) ?? ''}</code></p>
${postForm(props.anyway, button(words.anyway, { kind: 'secondary' }))}
${props.others.length > 0 && html`<p class="divider"><span>${on.words.signIn.or}</span></p>${providerForms(on, props.others)}`}
${cancelForm(on, props.cancel, props.client)}`,
  })
}
