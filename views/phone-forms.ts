/**
 * The forms around a code that comes to a phone: the number, the code, and what to do where the number is not known yet.
 *
 * Say the same whether it is known or not; the chat in which it can be shared is offered to everybody.
 */
import type { Page } from '../adapters/identity/contract.ts'
import { isolated } from './client.ts'
import { button, field, postForm } from './form.ts'
import { type Html, html, safeUrl } from './html.ts'
import type { Surroundings } from './layout.ts'
import type { Words } from './words.ts'

type PageNamed<Name extends Page['name']> = Extract<Page, { name: Name }>

export function phoneForm({ words }: Surroundings, page: PageNamed<'phone'>, action: string): Html {
  return postForm(
    action,
    html`${field({
      name: 'phone',
      label: words.phone.label,
      type: 'tel',
      autocomplete: 'tel',
      hint: words.phone.hint,
      value: page.phone,
      autofocus: true,
      maxlength: 40,
      invalid: page.problem === 'invalid-phone',
    })}
${button(words.phone.button)}`,
  )
}

export function phoneCodeForm({ words }: Surroundings, page: PageNamed<'phone-code'>, action: string): Html {
  const code = words.phoneCode
  return html`${postForm(
    action,
    html`${field({
      name: 'code',
      label: words.code,
      type: 'text',
      autocomplete: 'one-time-code',
      inputmode: 'numeric',
      hint: code.hint(page.minutes),
      autofocus: true,
      invalid: page.problem === 'wrong-phone-code' || page.problem === 'phone-code-over',
    })}
${button(code.button)}
<p class="aside">${button(code.again, { kind: 'quiet', name: 'action', value: 'again', skipValidation: true })}
${button(code.other, { kind: 'quiet', name: 'action', value: 'other', skipValidation: true })}</p>`,
  )}
${page.chat !== undefined && html`<p>${code.nothing}</p><div class="choices">${chatLink(words, page.chat, 'secondary')}</div>`}`
}

export function phoneShareForm({ words }: Surroundings, page: PageNamed<'phone-share'>, action: string): Html {
  const share = words.phoneShare
  return html`<div class="choices">${chatLink(words, page.chat, 'primary')}</div>
${postForm(
  action,
  html`${button(share.button, { kind: 'secondary' })}
<p class="aside">${button(words.phoneCode.other, { kind: 'quiet', name: 'action', value: 'other' })}</p>`,
)}`
}

/** In a new tab, because whoever left this page would have to come back to it. */
function chatLink(words: Words, chat: string | undefined, kind: 'primary' | 'secondary'): Html | undefined {
  const href = safeUrl(chat)
  if (href === undefined) return undefined
  return html`<a class="button ${kind}" href="${href}" target="_blank" rel="noopener noreferrer external">${words.phoneCode.chat}<span class="unseen"> ${words.opensNewTab}</span></a>`
}

/** What stands above each of the forms. */
export function phoneLead({ words }: Surroundings, page: PageNamed<'phone-code' | 'phone-share'>): Html {
  const { lead, leadAgain } = words.phoneCode
  if (page.name === 'phone-share') return words.phoneShare.lead(isolated(page.phone))
  return (page.again ? leadAgain : lead)(isolated(page.phone))
}
