/**
 * The page that offers the ways to sign in: where there is no form to show, or an attempt came to nothing.
 */
import type { RefusedReason } from '../adapters/identity/contract.ts'
import { type ClientCard, clientName } from './client.ts'
import { problemSummary } from './form.ts'
import { type Html, html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { cancelForm, type ProviderChoice, providerForms } from './providers.ts'
import { continueTo } from './step.ts'

export interface ChooserProps {
  readonly client?: ClientCard | undefined
  readonly providers: readonly ProviderChoice[]
  /** POST target that leaves for the app. */
  readonly cancel?: string | undefined
  readonly problem?: RefusedReason | undefined
  /** The app needs an account at a PDS, and the one that is signed in has none. */
  readonly noPds?: boolean | undefined
  /** The app demands a second factor: `missing`: the sign-in that has just ended had none. */
  readonly secondFactor?: 'needed' | 'missing' | undefined
  /** What is added once the person has signed in to the account that they have. */
  readonly connecting?: string | undefined
}

/** In a tab of its own, so that this page is there to come back to. */
function accountLink({ words }: Surroundings): Html {
  return html`<a href="/account" target="_blank" rel="noopener">${words.chooser.secondFactor.accountPage}</a>`
}

/** Asks how the person wants to sign in. */
export function chooserPage(on: Surroundings, props: ChooserProps): string {
  const { words } = on
  const { client, providers, cancel, problem, noPds, secondFactor, connecting } = props
  return layout(on, {
    title: words.chooser.title,
    problem: problem !== undefined,
    body: html`<h1>${words.chooser.title}</h1>
<p class="lead">${continueTo(on, client)}</p>
${noPds === true && client !== undefined && html`<p>${words.chooser.noPds(clientName(client))}</p>`}
${secondFactor !== undefined && client !== undefined && html`<p>${words.chooser.secondFactor[secondFactor](clientName(client))}</p>`}
${secondFactor !== undefined && html`<p>${words.chooser.secondFactor.how(accountLink(on))}</p>`}
${connecting !== undefined && html`<p>${words.chooser.connecting(connecting)}</p>`}
${problem !== undefined && problemSummary(words.refusals[problem])}
${providers.length > 0 ? providerForms(on, providers) : html`<p>${words.chooser.none}</p>`}
${cancelForm(on, cancel, client)}`,
  })
}
