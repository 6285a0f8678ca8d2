/**
 * Setting up the second factor: the secret as a picture and as text, and a first code as proof that it arrived.
 */
import type { PageProblem } from '../adapters/identity/contract.ts'
import { button, buttonLink, field, postForm, problemSummary, problemText } from './form.ts'
import { type Html, html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

export interface SecondFactorEnrolProps {
  /** POST target of `code`. */
  readonly action: string
  /** Address to leave to. */
  readonly cancel: string
  /** The QR picture as inline SVG. */
  readonly qr: Html
  /** The secret in base32. */
  readonly secret: string
  readonly problem?: PageProblem | undefined
  /** Seconds until the next try is taken. */
  readonly retryAfter?: number | undefined
}

/** Shows the secret and asks for the first code. */
export function secondFactorEnrolPage(on: Surroundings, props: SecondFactorEnrolProps): string {
  const words = on.words.enrol
  return layout(on, {
    title: words.title,
    problem: props.problem !== undefined,
    body: html`<h1>${words.title}</h1>
${props.problem !== undefined && problemSummary(problemText(on.words, props.problem, props.retryAfter))}
<p>${words.scan}</p>
<div class="qr" role="img" aria-label="${words.picture}">${props.qr}</div>
<p>${words.orType}</p>
<p class="secret"><code>${groupsOfFour(props.secret)}</code></p>
<p id="confirm">${words.confirm}</p>
${postForm(
  props.action,
  html`${field({
    name: 'code',
    label: on.words.code,
    type: 'text',
    autocomplete: 'one-time-code',
    inputmode: 'numeric',
    autofocus: props.problem !== undefined,
    invalid: props.problem === 'wrong-code',
  })}
${button(words.button)}`,
)}
<div class="leave">${buttonLink(props.cancel, on.words.cancel, 'quiet')}</div>`,
  })
}

function groupsOfFour(secret: string): string {
  return (secret.match(/.{1,4}/gsu) ?? []).join(' ')
}
