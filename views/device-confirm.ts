/**
 * The page on which a person says that the device which asks is theirs.
 *
 * Shows what the server knows of the asking device, and the code to be compared; what the device or the app says of
 * itself is named as such. The warning comes before the buttons: whoever was sent here by somebody else must read it.
 */
import { type ClientCard, clientLogo, clientName, isolated, plainName } from './client.ts'
import { button, postForm } from './form.ts'
import { attributes, type Html, html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { type ScopeCard, scopeText, wishList } from './scope.ts'

export interface DeviceConfirmProps {
  /** POST target; the answer is `decision=allow` or `decision=deny`. */
  readonly action: string
  /** As the device shows it. */
  readonly code: string
  readonly client: ClientCard
  /** Who is signed in, as they would call themselves. */
  readonly account?: string | undefined
  readonly scopes: readonly ScopeCard[]
  readonly requester: {
    readonly address: string
    /** ISO 3166 code. */
    readonly country?: string | undefined
    readonly program?: { readonly name: string; readonly system?: string | undefined } | undefined
    readonly at: Date
  }
}

/** Asks whether a device is the person's own. */
export function deviceConfirmPage(on: Surroundings, props: DeviceConfirmProps): string {
  const { client, code } = props
  const words = on.words.device
  return layout(on, {
    title: words.confirmTitle(plainName(client)),
    body: html`${clientLogo(client)}
<h1>${words.confirmHeading(clientName(client), on.productName)}</h1>
<p class="lead">${words.compare}</p>
<p class="user-code"><span class="unseen">${words.code}: </span><strong>${code}</strong></p>
${props.account !== undefined && html`<div class="person"><span>${words.signedInAs(isolated(props.account))}</span></div>`}
<section class="wishes" aria-labelledby="asked"><h2 id="asked">${words.asked}</h2>
<dl class="facts">${facts(on, props).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl></section>
<section class="wishes" aria-labelledby="wishes"><h2 id="wishes">${on.words.consent.thisAppCan}</h2>
${wishList(
  on.words,
  props.scopes.map((scope) => scopeText(on.words, scope)),
)}</section>
<div class="caution"><p><strong>${words.warningTitle}</strong></p><p>${words.warning}</p></div>
${postForm(
  props.action,
  html`<input${attributes({ type: 'hidden', name: 'user_code', value: code })}>
<div class="decision">${button(words.allow, { name: 'decision', value: 'allow' })}${button(words.deny, {
    kind: 'secondary',
    name: 'decision',
    value: 'deny',
  })}</div>`,
)}`,
  })
}

function facts(on: Surroundings, { requester }: DeviceConfirmProps): readonly (readonly [string, Html])[] {
  const words = on.words.device
  const { address, country, program, at } = requester
  const place = country === undefined ? undefined : words.country(country)
  return [
    [words.place, words.placeOf(html`<bdi>${address}</bdi>`, place)],
    [
      words.program,
      program === undefined ? html`${words.unknownProgram}` : words.programOf(program.name, program.system),
    ],
    [words.time, html`<time datetime="${at.toISOString()}">${on.words.dateAndTime(at)}</time>`],
  ]
}
