/**
 * The page that asks which account is meant, where an app wants to know and somebody is signed in.
 */
import { type ClientCard, isolated } from './client.ts'
import { button, postForm } from './form.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { cancelForm } from './providers.ts'
import { continueTo } from './step.ts'

export interface AccountChoiceProps {
  /** POST target for the account that is signed in. */
  readonly same: string
  /** POST target for another one. */
  readonly other: string
  /** POST target that leaves for the app. */
  readonly cancel: string
  readonly client: ClientCard
  /** What the person recognises the account by. */
  readonly account: string | undefined
}

/** Asks which account is meant. */
export function accountChoicePage(on: Surroundings, props: AccountChoiceProps): string {
  const words = on.words.accountChoice
  const account = props.account === undefined ? undefined : isolated(props.account)
  return layout(on, {
    title: words.title,
    body: html`<h1>${words.title}</h1>
<p class="lead">${continueTo(on, props.client)}</p>
<div class="choices">${postForm(props.same, button(words.same(account)))}
${postForm(props.other, button(words.other, { kind: 'secondary' }))}</div>
${cancelForm(on, props.cancel, props.client)}`,
  })
}
