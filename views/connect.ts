/**
 * The page before a way to sign in is added to an account. Names both, because whoever has the one will open the other.
 */
import { type ClientCard, isolated } from './client.ts'
import { button, postForm } from './form.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { cancelForm } from './providers.ts'

export interface ConnectProps {
  /** POST target; the answer is `decision=connect`, or `skip` where that is offered. */
  readonly action: string
  /** POST target that leaves for the app. */
  readonly cancel: string
  readonly client?: ClientCard | undefined
  readonly providerLabel: string
  /** What the person recognises the identity by that is added. */
  readonly identity: string
  /** What they recognise the account by. */
  readonly account: string
  /** Whether one can go on without adding it. */
  readonly maySkip?: boolean | undefined
}

/** Asks whether to connect an identity to an account. */
export function connectPage(on: Surroundings, props: ConnectProps): string {
  const words = on.words.connect
  return layout(on, {
    title: words.title,
    body: html`<h1>${words.title}</h1>
<p class="lead">${words.lead(props.providerLabel, isolated(props.identity), isolated(props.account))}</p>
<p>${words.consequence}</p>
${postForm(
  props.action,
  html`${button(words.connect, { name: 'decision', value: 'connect' })}
${props.maySkip === true && button(words.skip, { kind: 'secondary', name: 'decision', value: 'skip' })}`,
  { class: 'actions' },
)}
${cancelForm(on, props.cancel, props.client)}`,
  })
}
