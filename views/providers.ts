/**
 * The list of ways to sign in, and the way out of signing in; shared by the pages that offer both.
 */
import { type ClientCard, clientName } from './client.ts'
import { button, postForm } from './form.ts'
import { type Html, html } from './html.ts'
import type { Surroundings } from './layout.ts'

/** One way to sign in. */
export interface ProviderChoice {
  readonly id: string
  readonly label: string
  /** POST target that begins an attempt. */
  readonly start: string
}

/** One small form for each provider. */
export function providerForms(on: Surroundings, providers: readonly ProviderChoice[]): Html {
  return html`<div class="choices">${providers.map((provider) =>
    postForm(provider.start, button(on.words.signIn.continueWith(provider.label), { kind: 'secondary' })),
  )}</div>`
}

/** The form that leaves for the app without signing in. */
export function cancelForm(
  on: Surroundings,
  cancel: string | undefined,
  client: ClientCard | undefined,
): Html | undefined {
  if (cancel === undefined) return undefined
  // What a person has on a device is not where this browser goes.
  const elsewhere = client === undefined || client.host === ''
  const text = elsewhere ? on.words.signIn.cancel : on.words.signIn.cancelTo(clientName(client))
  return postForm(cancel, button(text, { kind: 'quiet' }), { class: 'leave' })
}
