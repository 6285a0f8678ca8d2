/**
 * The page for somebody who is signed in and is to add a way to sign in: what it is for, and whose account it is added to.
 *
 * Also says why an attempt came to nothing. Going on is a form: nothing sends anybody anywhere by itself.
 */
import type { RefusedReason } from '../adapters/identity/contract.ts'
import { type ClientCard, clientName, isolated } from './client.ts'
import { button, postForm, problemSummary } from './form.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { cancelForm } from './providers.ts'

export interface LinkProps {
  /** POST target that goes on to the provider. */
  readonly action: string
  /** POST target that signs in with another account. */
  readonly switchAccount: string
  /** POST target that leaves for the app. */
  readonly cancel: string
  readonly client: ClientCard
  /** The app demands it; otherwise the person has asked for it. */
  readonly needed: boolean
  readonly providerLabel: string
  /** What the person recognises their account by. */
  readonly account: string
  /** `taken`: the identity belongs to another account. */
  readonly problem?: RefusedReason | 'taken' | undefined
}

/** Asks the person to go on to the provider. */
export function linkPage(on: Surroundings, props: LinkProps): string {
  const { words } = on
  const title = words.link.title(props.providerLabel)
  const { problem } = props
  const onward = postForm(props.action, button(words.signIn.continueWith(props.providerLabel), otherKind(problem)))
  const another = postForm(props.switchAccount, button(words.link.another, otherKind(problem, true)))
  return layout(on, {
    title,
    problem: problem !== undefined,
    body: html`<h1>${title}</h1>
${props.needed && html`<p class="lead">${words.link.needed(clientName(props.client), props.providerLabel)}</p>`}
<p${props.needed ? '' : html` class="lead"`}>${words.link.account(isolated(props.account))}</p>
${problem !== undefined && problemSummary(problem === 'taken' ? words.link.taken : words.refusals[problem])}
<div class="choices">${problem === 'taken' ? html`${another}${onward}` : html`${onward}${another}`}</div>
${cancelForm(on, props.cancel, props.client)}`,
  })
}

/** Whoever has another account is better off there: the first button leads where it most likely should. */
function otherKind(problem: LinkProps['problem'], isAnother = false): { kind?: 'secondary' } {
  return (problem === 'taken') === isAnother ? {} : { kind: 'secondary' }
}
