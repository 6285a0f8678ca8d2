/**
 * The page for someone who has proven an identity that belongs to no account yet. Nothing is created without asking.
 */
import { type ClientCard, isolated } from './client.ts'
import { button, field, postForm } from './form.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { cancelForm } from './providers.ts'

export interface NewcomerProps {
  /** POST target; the answer is `decision=create` and `name`. */
  readonly action: string
  /** POST target that leaves without an account. */
  readonly cancel: string
  readonly providerLabel: string
  readonly name?: string | undefined
  readonly email?: string | undefined
  /** What they recognise the identity by, where it is no e-mail address. */
  readonly label?: string | undefined
  readonly client?: ClientCard | undefined
}

/** Asks whether to create an account. */
export function newcomerPage(on: Surroundings, props: NewcomerProps): string {
  const { words } = on
  const person = props.label ?? props.email ?? props.name
  const title = words.newcomer.title(on.productName)
  return layout(on, {
    title,
    body: html`<h1>${title}</h1>
<p class="lead">${words.newcomer.lead(props.providerLabel, person === undefined ? undefined : isolated(person))}</p>
${postForm(
  props.action,
  html`${field({
    name: 'name',
    label: words.nameOptional,
    type: 'text',
    autocomplete: 'name',
    value: props.name,
    hint: words.newcomer.nameHint,
    required: false,
  })}
${button(words.newcomer.button, { name: 'decision', value: 'create' })}`,
)}
<p class="fine">${words.newcomer.otherWay}</p>
${cancelForm(on, props.cancel, props.client)}`,
  })
}
