/** What oktron shows in a browser that was handed over from a chat. */
import { document, type Html, html } from '../web.ts'
import { linkLifetime, type Visit } from './hand-off.ts'

/** Telegram's address of the chat with the bot. */
export function chatAddress(bot: string): string {
  return `https://t.me/${bot}`
}

/** Opening a link does nothing yet: programs open links, too, to show what is behind them. */
export function linkPage(): string {
  return document(
    'oktron',
    'Connect oktron to okto',
    html`<h1>Connect oktron to okto</h1>
<div class="card">
<p>You are here because somebody asked for this link in a chat with oktron on Telegram, less than ${linkLifetime / 60} minutes ago.
If that was not you, close this page.</p>
<form method="post"><button type="submit">Continue</button></form>
</div>`,
  )
}

export function visitPage(visit: Visit, bot: string): string {
  const back = html`<p><a href="${chatAddress(bot)}">Back to the chat</a></p>`
  const { title, body } = contentOf(visit)
  return document(
    'oktron',
    title,
    html`<h1>${title}</h1>\n<div class="card">\n${body}\n${visit.stage === 'choosing' ? '' : back}\n</div>`,
  )
}

function contentOf({ stage, chat, account }: Visit): { title: string; body: Html } {
  switch (stage) {
    case 'choosing':
      return {
        title: 'Who will be connected',
        body: html`<dl>
<div><dt>Telegram account</dt><dd><strong><bdi>${chat}</bdi></strong></dd></div>
<div><dt>okto account</dt><dd><strong><bdi>${account}</bdi></strong></dd></div>
</dl>
<p>Whoever uses this Telegram account will read and write notes in this okto account. If somebody sent you the link, or the
Telegram account is not yours, do not connect.</p>
<form method="post">
<p><button type="submit" name="decision" value="connect">Connect</button></p>
<p><button type="submit" name="decision" value="deny" class="secondary">Do not connect</button></p>
</form>`,
      }
    case 'confirming':
      return {
        title: 'Confirm in Telegram',
        body: html`<p>oktron asks you in the chat whether to connect <bdi>${account}</bdi>. This page then says how it went.</p>`,
      }
    case 'connected':
      return { title: 'Connected', body: html`<p>oktron is connected to okto as <bdi>${account}</bdi>.</p>` }
    case 'refused':
      return { title: 'Not connected', body: html`<p>Nothing has changed.</p>` }
    case 'over':
      return {
        title: 'That took too long',
        body: html`<p>Nothing has changed. Send /connect in the chat to try again.</p>`,
      }
  }
}

export function problemPage(title: string, sentence: string): string {
  return document('oktron', title, html`<h1>${title}</h1>\n<p class="card">${sentence}</p>`)
}
