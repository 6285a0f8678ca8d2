/**
 * The one time that recovery codes are shown. They exist only as hashes afterwards.
 */
import { buttonLink } from './form.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

export interface RecoveryCodesProps {
  readonly codes: readonly string[]
  /** Address to go on to. */
  readonly done: string
}

/** Shows new recovery codes. */
export function recoveryCodesPage(on: Surroundings, { codes, done }: RecoveryCodesProps): string {
  const words = on.words.recoveryCodes
  return layout(on, {
    title: words.title,
    body: html`<h1>${words.title}</h1>
<p class="lead">${words.lead}</p>
<ul class="codes" aria-label="${words.list}">${codes.map((code) => html`<li><code>${code}</code></li>`)}</ul>
<p>${words.once}</p>
<div class="actions">${buttonLink(done, words.saved)}</div>`,
  })
}
