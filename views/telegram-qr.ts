/**
 * What stands on the page that waits for somebody to confirm in Telegram: the number first, because on a phone the page
 * is out of sight once the chat opens; then the picture for another device and the button for this one.
 */
import { encode } from 'uqr'
import type { Page, Standing } from '../adapters/identity/contract.ts'
import { button, buttonLink, postForm } from './form.ts'
import { attributes, type Html, html } from './html.ts'
import type { Surroundings } from './layout.ts'

export interface TelegramQrProps {
  readonly page: Extract<Page, { name: 'telegram-qr' }>
  /** POST target of "Continue". */
  readonly action: string
  /** Where the page hears how it stands. */
  readonly events: string
  readonly standing: Standing
}

/** The code to scan, or an offer to make a new one. */
export function telegramQr({ words: { telegramQr: words } }: Surroundings, props: TelegramQrProps): Html {
  const { code } = props.page
  if (code === undefined) return postForm(props.action, answer(words.again))
  const { link, number } = code
  const { waiting, noticed, settled } = words.standings
  const status = {
    class: 'notice',
    role: 'status',
    'data-events': props.events,
    'data-waiting': waiting,
    'data-noticed': noticed,
    'data-settled': settled,
  }
  return html`<p>${words.choose}</p>
<p class="number"><span class="unseen">${words.number} </span><strong>${number}</strong></p>
<div class="scan">
<div class="qr" role="img" aria-label="${words.picture}">${picture(link)}</div>
<p class="hint">${words.scan}</p>
${buttonLink(link, words.open, 'secondary')}
</div>
<p${attributes(status)}>${words.standings[props.standing]}</p>
${postForm(props.action, answer(words.continue), { mark: 'data-continue' })}
<p class="fine">${words.beware}</p>`
}

/** Black on white in both colour schemes: cameras expect it. */
function picture(link: string): Html {
  const { size, data } = encode(link, { border: 2 })
  const dark = data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : [])))
  return html`<svg viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges" focusable="false"><path fill="#000" d="${dark.join('')}"></path></svg>`
}

function answer(text: string): Html {
  return button(text, { name: 'action', value: 'continue' })
}
