/**
 * The page for someone who has proven an identity that belongs to no account yet. Nothing is created without asking.
 */
import { type ClientCard, isolated } from './client.ts'
import { button, field, postForm } from './form.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { cancelForm } from './providers.ts'

export interface NewcomerProps {
  /** POST target; the answer is `decision=create` and `name`, or `decision=connect`. */
  readonly action: string
  /** POST target that leaves without an account. */
  readonly cancel: string
  readonly providerLabel: string
  readonly name?: string | undefined
  readonly email?: string | undefined
  /** What they recognise the identity by, where it is no e-mail address. */
  readonly label?: string | undefined
  readonly client?: ClientCard | undefined
  /** There is an account with the e-mail address. */
  readonly known: boolean
  /** New accounts are open. */
  readonly canCreate: boolean
}

/** Asks whether to create an account, or to sign in to one that the person has. */
export function newcomerPage(on: Surroundings, props: NewcomerProps): string {
  const { words } = on
  const person = props.label ?? props.email ?? props.name
  const title = words.newcomer.title(on.productName)
  const { known, canCreate } = props
  const first = known ? ({ kind: 'secondary' } as const) : {}
  const create = postForm(
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
${button(known ? words.newcomer.separate : words.newcomer.button, { ...first, name: 'decision', value: 'create' })}`,
  )
  const connect = postForm(
    props.action,
    button(known ? words.newcomer.connectKnown : words.newcomer.connect, {
      kind: known ? 'primary' : 'secondary',
      name: 'decision',
      value: 'connect',
    }),
  )
  const or = html`<p class="divider"><span>${words.signIn.or}</span></p>`
  return layout(on, {
    title,
    body: html`<h1>${title}</h1>
<p class="lead">${words.newcomer.lead(props.providerLabel, person === undefined ? undefined : isolated(person))}</p>
${known && html`<p>${words.newcomer.known(isolated(props.email ?? ''), props.providerLabel)}</p>`}
${known ? html`${connect}${canCreate && html`${or}${create}`}` : html`${canCreate && html`${create}${or}`}${connect}`}
${cancelForm(on, props.cancel, props.client)}`,
  })
}
