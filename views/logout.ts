/**
 * Signing out: the question, and the answer afterwards (OpenID Connect RP-Initiated Logout 1.0 §2, §3).
 *
 * The hidden form with its token comes from the protocol library; the buttons here belong to it by its id.
 */
import { isolated } from './client.ts'
import { button, buttonLink } from './form.ts'
import { type Html, html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

export interface LogoutProps {
  /** The library's hidden form, with the id `op.logoutForm`. */
  readonly form: Html
  /** Host of the app that asks. */
  readonly host?: string | undefined
  readonly clientName?: string | undefined
}

const formId = 'op.logoutForm'

/** Asks whether to sign out. */
export function logoutPage(on: Surroundings, { form, host, clientName }: LogoutProps): string {
  const words = on.words.logout
  const asker = clientName ?? host
  return layout(on, {
    title: words.title,
    body: html`<h1>${words.title}</h1>
<p class="lead">${asker !== undefined && html`${words.askedBy(isolated(asker))} `}${words.lead(on.productName)}</p>
${form}
<div class="actions">${button(words.signOut, { form: formId, name: 'logout', value: 'yes', autofocus: true })}${button(
      words.stay,
      { kind: 'secondary', form: formId },
    )}</div>`,
  })
}

export interface SignedOutProps {
  readonly clientName?: string | undefined
  /** Every session of theirs was ended, not this browser's alone. */
  readonly everywhere?: boolean | undefined
  /** Address of the start page. */
  readonly home?: string | undefined
}

/** Says that the person is signed out. */
export function signedOutPage(on: Surroundings, { clientName, everywhere, home }: SignedOutProps): string {
  const words = on.words.logout
  return layout(on, {
    title: words.doneTitle,
    body: html`<h1>${words.doneTitle}</h1>
<p class="lead">${doneWords(on, { clientName, everywhere })}</p>
<p>${words.sharedDevice}</p>
${home !== undefined && html`<div class="actions">${buttonLink(home, words.home, 'secondary')}</div>`}`,
  })
}

function doneWords({ words, productName }: Surroundings, { clientName, everywhere }: SignedOutProps): string | Html {
  if (everywhere === true) return words.logout.doneEverywhere(productName)
  return clientName === undefined
    ? words.logout.done(productName)
    : words.logout.doneFor(isolated(clientName), productName)
}
