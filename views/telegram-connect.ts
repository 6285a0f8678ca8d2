/**
 * The pages behind the link that the bot gives: going on, deciding, waiting for the answer in the chat, and the end.
 *
 * The first one says nothing about anybody: programs that preview links open it, and so may strangers.
 */
import { isolated } from './client.ts'
import { button, buttonLink, postForm } from './form.ts'
import { attributes, html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

/** Offers to go on; POST to `action` uses the link up. */
export function telegramOpenPage(on: Surroundings, { action }: { readonly action: string }): string {
  const words = on.words.telegramConnect
  return layout(on, {
    title: words.title,
    body: html`<h1>${words.title}</h1>
<p class="lead">${words.openLead}</p>
${postForm(action, button(on.words.continue), { class: 'actions' })}
<p class="fine">${words.openBeware}</p>`,
  })
}

export interface TelegramConnectProps {
  /** POST target; the answer is `decision=connect` or `decision=deny`. */
  readonly action: string
  /** As the person calls themselves there. */
  readonly name: string
  /** Without `@`. */
  readonly username?: string | undefined
  /** What the person recognises their account by. */
  readonly account: string
  /** Comes back as `account`. */
  readonly accountId: string
}

/** Asks whether to connect a Telegram user with the account that is signed in. */
export function telegramConnectPage(on: Surroundings, props: TelegramConnectProps): string {
  const words = on.words.telegramConnect
  const { name, username } = props
  return layout(on, {
    title: words.decideTitle,
    body: html`<h1>${words.decideTitle}</h1>
<p class="lead">${words.decideLead(on.productName)}</p>
<section class="wishes" aria-labelledby="who"><h2 id="who">${words.who}</h2>
<dl class="facts both"><div><dt>${words.telegram}</dt><dd>${isolated(name)}${username !== undefined && html` <bdi>@${username}</bdi>`}</dd></div>
<div><dt>${words.account}</dt><dd>${isolated(props.account)}</dd></div></dl></section>
<div class="caution"><p><strong>${words.warningTitle}</strong></p><p>${words.warning}</p></div>
${postForm(
  props.action,
  html`<input${attributes({ type: 'hidden', name: 'account', value: props.accountId })}>
<div class="decision">${button(words.connect, { name: 'decision', value: 'connect' })}${button(words.deny, {
    kind: 'secondary',
    name: 'decision',
    value: 'deny',
  })}</div>`,
)}`,
  })
}

export interface TelegramWaitProps {
  /** Two digits, to be chosen in the chat. */
  readonly number: string
  /** POST target; the answer is `decision=deny`. */
  readonly action: string
  /** Address of this very page. */
  readonly again: string
}

/** Says that the answer is awaited in the chat. The page is asked for again by the browser, and by a button. */
export function telegramWaitPage(on: Surroundings, { number, action, again }: TelegramWaitProps): string {
  const words = on.words.telegramConnect
  return layout(on, {
    title: words.waitTitle,
    body: html`<h1>${words.waitTitle}</h1>
<p class="lead">${words.waitLead}</p>
<p class="number"><span class="unseen">${words.number} </span><strong>${number}</strong></p>
<div class="actions">${buttonLink(again, on.words.continue)}</div>
${postForm(action, button(on.words.cancel, { kind: 'quiet', name: 'decision', value: 'deny' }))}`,
  })
}

/** How it ended. `over`: it took too long, or another browser had the link. */
export type TelegramConnectEnd = 'connected' | 'taken' | 'denied' | 'unreachable' | 'over'

/** Says how it ended. */
export function telegramConnectEndPage(
  on: Surroundings,
  { end, account }: { readonly end: TelegramConnectEnd; readonly account: string },
): string {
  const words = on.words.telegramConnect
  const { title, lead } = words.ends[end]
  return layout(on, {
    title,
    body: html`<h1>${title}</h1>
<p class="lead">${lead}</p>
${end === 'connected' && html`<div class="actions">${buttonLink(account, on.words.home.account)}</div>`}`,
  })
}
