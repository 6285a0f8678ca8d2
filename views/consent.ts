/**
 * The page on which a person decides what an app may do.
 *
 * The app's name and logo are its own claim; the host that it returns to is what the server knows, so that stands
 * next to the decision. Both answers are equally easy to reach.
 */
import { type ClientCard, clientLogo, clientName, clientPolicies, isolated, plainName } from './client.ts'
import { button, postForm } from './form.ts'
import { type Html, html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { type ScopeCard, scopeText, wishList } from './scope.ts'
import { unverifiedNotice } from './unverified.ts'

/** One thing, with everything that the app says of it; labels are the API's, values the app's. */
export interface DetailCard {
  readonly title: string
  readonly lines: readonly { readonly label: string; readonly value: string | boolean }[]
}

export interface ConsentProps {
  /** POST target; the answer is `decision=allow` or `decision=deny`. */
  readonly action: string
  readonly client: ClientCard
  readonly account: { readonly label: string }
  readonly scopes: readonly ScopeCard[]
  readonly resources: readonly {
    readonly name: string
    readonly identifier: string
    readonly scopes: readonly ScopeCard[]
    /** Single things that the app wants to do there now. */
    readonly details?: readonly DetailCard[]
  }[]
  /** What is asked for at the person's PDS; `account` is what they recognise that account by. */
  readonly pds?: { readonly account: string | undefined; readonly scopes: readonly ScopeCard[] } | undefined
  /** Whether the app keeps access while the person is away. */
  readonly offline: boolean
  /** Whether that access ends only when somebody ends it. */
  readonly lasting?: boolean
  /** POST target of "Not you?". */
  readonly switchAccount?: string | undefined
}

/** Asks for consent. */
export function consentPage(on: Surroundings, props: ConsentProps): string {
  const { words } = on
  const { client } = props
  return layout(on, {
    title: words.consent.title(plainName(client)),
    body: html`${clientLogo(client)}
<h1>${words.consent.heading(clientName(client), on.productName)}</h1>
${accountLine(on, props)}
${unverifiedNotice(on, client)}
<section class="wishes" aria-labelledby="wishes"><h2 id="wishes">${words.consent.thisAppCan}</h2>
${wishList(on.words, ownWishes(on, props))}
${pdsWishes(on, props)}
${props.resources.map((resource) => resourceWishes(on, resource))}</section>
${client.host !== '' && html`<div class="return"><p>${words.consent.willReturn(isolated(client.host))}</p><p class="hint">${words.consent.checkHost}</p></div>`}
${postForm(
  props.action,
  html`<div class="decision">${button(words.consent.allow, { name: 'decision', value: 'allow' })}${button(
    words.consent.deny,
    {
      kind: 'secondary',
      name: 'decision',
      value: 'deny',
    },
  )}</div>`,
)}
<p class="fine">${words.consent.later}</p>
${clientPolicies(on, client)}`,
  })
}

function accountLine(on: Surroundings, { account, switchAccount }: ConsentProps): Html {
  const { words } = on
  const person = html`<span>${words.consent.signedInAs(isolated(account.label))}</span>`
  return switchAccount === undefined
    ? html`<div class="person">${person}</div>`
    : html`<div class="person">${person}${postForm(switchAccount, button(words.consent.notYou, { kind: 'quiet' }))}</div>`
}

function ownWishes({ words }: Surroundings, { scopes, offline, lasting }: ConsentProps): readonly Html[] {
  const others = scopes.filter((scope) => scope.name !== 'offline_access').map((scope) => scopeText(words, scope))
  if (!offline) return others
  return [...others, lasting === true ? html`${words.consent.lasting}` : scopeText(words, { name: 'offline_access' })]
}

function scopeList(on: Surroundings, scopes: readonly ScopeCard[]): Html {
  return wishList(
    on.words,
    scopes.map((scope) => scopeText(on.words, scope)),
  )
}

function pdsWishes(on: Surroundings, { pds }: ConsentProps): Html | undefined {
  if (pds === undefined) return undefined
  const account = pds.account === undefined ? undefined : isolated(pds.account)
  return html`<h3>${on.words.consent.onPds(account)}</h3>
<p class="hint">${on.words.consent.onPdsHint}</p>
${scopeList(on, pds.scopes)}`
}

function resourceWishes(on: Surroundings, resource: ConsentProps['resources'][number]): Html {
  return html`<h3>${on.words.consent.onResource(isolated(resource.name))}</h3>
<p class="hint"><bdi>${resource.identifier}</bdi></p>
${(resource.scopes.length > 0 || (resource.details ?? []).length === 0) && scopeList(on, resource.scopes)}
${(resource.details ?? []).map((detail) => detailCard(on, detail))}`
}

function detailCard({ words }: Surroundings, { title, lines }: DetailCard): Html {
  const said = (value: string | boolean) =>
    typeof value === 'string' ? value : value ? words.consent.yes : words.consent.no
  return html`<section class="detail"><h4>${isolated(title)}</h4>
<dl>${lines.map(({ label, value }) => html`<div><dt><bdi>${label}</bdi></dt><dd><bdi>${said(value)}</bdi></dd></div>`)}</dl></section>`
}
