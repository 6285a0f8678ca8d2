/**
 * The page for whatever could not be done. The texts come from the caller, who knows what may be said to whom.
 */
import { isolated } from './client.ts'
import { buttonLink } from './form.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

export interface ErrorProps {
  readonly title: string
  readonly message: string
  /** Number under which the log has the details. */
  readonly reference?: string | undefined
  /** Address of the start page. */
  readonly home?: string | undefined
  /** `action` is the address of the link. */
  readonly retry?: { readonly action: string; readonly label: string } | undefined
}

/** Says what was wrong and what to do. */
export function errorPage(on: Surroundings, { title, message, reference, home, retry }: ErrorProps): string {
  const { words } = on
  return layout(on, {
    title,
    body: html`<h1>${title}</h1>
<p class="lead">${message}</p>
${reference !== undefined && html`<div class="return"><p>${words.error.reference(isolated(reference))}</p><p class="hint">${words.error.referenceHelp}</p></div>`}
<div class="actions">${retry !== undefined && buttonLink(retry.action, retry.label)}${
      home !== undefined && buttonLink(home, words.error.home, retry === undefined ? 'primary' : 'quiet')
    }</div>`,
  })
}
