/**
 * Changing the password, which asks for the current one: a browser left open must not be enough.
 */
import type { PageProblem } from '../adapters/identity/contract.ts'
import { button, buttonLink, field, postForm, problemSummary, problemText } from './form.ts'
import { attributes, html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

export interface PasswordChangeProps {
  /** POST target of `current_password` and `password`. */
  readonly action: string
  /** Address to leave to. */
  readonly cancel: string
  /** Whose password it is, for password managers. */
  readonly email?: string | undefined
  readonly problem?: PageProblem | undefined
  /** Seconds until the next try is taken. */
  readonly retryAfter?: number | undefined
}

/** Asks for the current and the new password. */
export function passwordChangePage(on: Surroundings, props: PasswordChangeProps): string {
  const { words } = on
  const wrongCurrent = props.problem === 'wrong-credentials'
  const badPassword = props.problem?.startsWith('password-') ?? false
  return layout(on, {
    title: words.passwordChange.title,
    problem: props.problem !== undefined,
    body: html`<h1>${words.passwordChange.title}</h1>
${
  props.problem !== undefined &&
  problemSummary(wrongCurrent ? words.passwordChange.wrongCurrent : problemText(words, props.problem, props.retryAfter))
}
${postForm(
  props.action,
  html`${props.email !== undefined && html`<input${attributes({ type: 'text', autocomplete: 'username', value: props.email, readonly: true, hidden: true })}>`}
${field({
  name: 'current_password',
  label: words.passwordChange.current,
  type: 'password',
  autocomplete: 'current-password',
  autofocus: !badPassword,
  invalid: wrongCurrent,
})}
${field({
  name: 'password',
  label: words.passwordChange.next,
  type: 'password',
  autocomplete: 'new-password',
  hint: words.register.passwordHint,
  minlength: 8,
  autofocus: badPassword,
  invalid: badPassword,
})}
${button(words.passwordChange.button)}`,
)}
<div class="leave">${buttonLink(props.cancel, words.cancel, 'quiet')}</div>`,
  })
}
