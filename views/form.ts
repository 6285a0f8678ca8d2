/**
 * The parts of a form: the form itself, text fields, buttons, what was wrong.
 *
 * Every field gets its label, its hint and its problem tied to it here, so that no page can forget one.
 */
import type { PageProblem } from '../adapters/identity/contract.ts'
import { attributes, type Html, html, type Renderable, targetUrl } from './html.ts'
import type { Words } from './words.ts'

/** A form that is posted to `action`; posts to the page itself should that be no address of ours. */
export function postForm(
  action: string,
  body: Renderable,
  /** `mark`: an attribute by which a script of ours finds it. */
  options: { class?: string; mark?: `data-${string}` } = {},
): Html {
  const mark = options.mark === undefined ? {} : { [options.mark]: true }
  return html`<form method="post"${attributes({ action: targetUrl(action), class: options.class, ...mark })}>${body}</form>`
}

export interface FieldProps {
  readonly name: 'email' | 'password' | 'name' | 'code' | 'user_code' | 'handle' | 'phone' | 'current_password'
  readonly label: string
  readonly type: 'email' | 'password' | 'tel' | 'text'
  readonly autocomplete: string
  readonly value?: string | undefined
  readonly hint?: string | undefined
  readonly required?: boolean
  readonly autofocus?: boolean
  /** Whether the problem that the page shows is about this field. */
  readonly invalid?: boolean
  /** Shortest value, characters. */
  readonly minlength?: number
  readonly inputmode?: 'numeric' | 'email' | 'text'
  /** Longest value, characters. */
  readonly maxlength?: number
}

/** A labelled text field. */
export function field(props: FieldProps): Html {
  const hintId = props.hint === undefined ? undefined : `${props.name}-hint`
  const describedBy = [props.invalid ? problemId : undefined, hintId].filter((id) => id !== undefined).join(' ')
  const spelled = props.type === 'text' && props.name === 'name'
  return html`<div class="field">
<label for="${props.name}">${props.label}</label>
<input${attributes({
    id: props.name,
    name: props.name,
    type: props.type,
    value: props.value,
    autocomplete: props.autocomplete,
    inputmode: props.inputmode,
    minlength: props.minlength,
    maxlength: props.maxlength,
    required: props.required ?? true,
    autofocus: props.autofocus ?? false,
    autocapitalize: spelled ? 'words' : 'none',
    autocorrect: spelled ? undefined : 'off',
    spellcheck: 'false',
    'aria-invalid': props.invalid ? 'true' : undefined,
    'aria-describedby': describedBy === '' ? undefined : describedBy,
  })}>
${props.hint !== undefined && html`<p class="hint" id="${props.name}-hint">${props.hint}</p>`}
</div>`
}

export interface ButtonProps {
  readonly kind?: 'primary' | 'secondary' | 'quiet' | 'danger'
  readonly name?: string
  readonly value?: string
  /** Sends the form as it is, for buttons that leave it. */
  readonly skipValidation?: boolean
  readonly autofocus?: boolean
  /** Id of a form that the button stands outside of. */
  readonly form?: string
  /** Spoken instead of the text, where many buttons read the same. Begins with the visible text. */
  readonly spoken?: string
}

/** A button that sends its form. */
export function button(text: Renderable, props: ButtonProps = {}): Html {
  return html`<button${attributes({
    type: 'submit',
    class: `button ${props.kind ?? 'primary'}`,
    form: props.form,
    name: props.name,
    value: props.value,
    formnovalidate: props.skipValidation ?? false,
    autofocus: props.autofocus ?? false,
    'aria-label': props.spoken,
  })}><span>${text}</span></button>`
}

/** A link that looks like a button; nothing where the address may not be linked to. */
export function buttonLink(
  address: string | undefined,
  text: Renderable,
  kind: 'primary' | 'secondary' | 'quiet' = 'primary',
): Html {
  const href = targetUrl(address)
  return href === undefined ? html`` : html`<a class="button ${kind}" href="${href}">${text}</a>`
}

const problemId = 'problem'

/** Says what was wrong, before everything else on the page. */
export function problemSummary(text: Renderable): Html {
  return html`<div class="problem" role="alert" id="${problemId}">${warning}<p>${text}</p></div>`
}

/** The words for a problem, with the wait where there is one. `retryAfter` in seconds. */
export function problemText(words: Words, problem: PageProblem, retryAfter?: number): string {
  return retryAfter === undefined ? words.problems[problem] : `${words.problems[problem]} ${words.retryIn(retryAfter)}`
}

const warning = html`<svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false"><path fill="currentColor" d="M10 1.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17M9.1 5.6h1.8v5.6H9.1zM10 14.9a1.1 1.1 0 1 1 0-2.2 1.1 1.1 0 0 1 0 2.2"></path></svg>`
