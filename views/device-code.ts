/**
 * The page where a person enters the code that their device shows.
 *
 * The address is one that people type, so it stands by itself: it explains what it is for and asks for one thing.
 */
import type { PageProblem } from '../adapters/identity/contract.ts'
import { button, buttonLink, field, postForm, problemSummary } from './form.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

export type DeviceCodeProblem = 'wrong-user-code' | 'sign-in-first' | Extract<PageProblem, 'too-many-tries'>

export interface DeviceCodeProps {
  /** POST target; the field is `user_code`. */
  readonly action: string
  /** What the field holds already. */
  readonly code: string
  readonly problem?: DeviceCodeProblem | undefined
  /** Seconds. */
  readonly retryAfter?: number | undefined
  /** Where to sign in, for whom that helps. */
  readonly signIn?: string | undefined
}

/** Asks for the code of a device. */
export function deviceCodePage(
  on: Surroundings,
  { action, code, problem, retryAfter, signIn }: DeviceCodeProps,
): string {
  const words = on.words.device
  const filled = code !== '' && problem === undefined
  const said = problem && (problem === 'too-many-tries' ? on.words.problems[problem] : words.problems[problem])
  const wait = problem === 'too-many-tries' && retryAfter !== undefined ? ` ${on.words.retryIn(retryAfter)}` : ''
  return layout(on, {
    title: words.title,
    problem: problem !== undefined,
    body: html`<h1>${words.title}</h1>
<p class="lead">${filled ? words.compareLead : words.lead}</p>
${said !== undefined && problemSummary(`${said}${wait}`)}
${signIn !== undefined && html`<div class="actions">${buttonLink(signIn, words.signIn, 'secondary')}</div>`}
${postForm(
  action,
  html`${field({
    name: 'user_code',
    label: words.code,
    type: 'text',
    autocomplete: 'off',
    value: code === '' ? undefined : code,
    hint: words.codeHint,
    autofocus: !filled,
    invalid: problem === 'wrong-user-code',
    maxlength: 64,
  })}
${button(on.words.continue)}`,
)}
<p class="fine">${words.beware}</p>`,
  })
}
