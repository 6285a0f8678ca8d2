/**
 * What stands on a page that is told behind the `#` of its address who somebody is at Telegram: an explanation, and in its
 * place, once the script has read it, whose sign-in this is and a button.
 */
import { button } from './form.ts'
import { attributes, type Html, html, targetUrl } from './html.ts'
import type { Surroundings } from './layout.ts'

/** Names of what Telegram puts there: for a Mini App, and by the login of old bots. */
const fragments = { 'telegram-webapp': 'tgWebAppData', 'telegram-widget': 'tgAuthResult' } as const

export function telegramData(
  { words: { telegramData: words } }: Surroundings,
  { page, action }: { page: keyof typeof fragments; action: string },
): Html {
  const form = { action: targetUrl(action), class: 'actions', 'data-fragment': fragments[page], hidden: true }
  return html`<p data-missing>${words.missing[page]}</p>
<form method="post"${attributes(form)}>
<p>${words.says} <strong data-person></strong></p>
<input type="hidden" name="data">
${button(words.button)}
<p class="fine">${words.beware}</p>
</form>`
}
