/**
 * The account area: who you are here, how you sign in, which apps have access, where you are signed in.
 *
 * Everything that changes something is a form that is posted; only pages that ask first are links.
 */
import { plainName } from './client.ts'
import { button, buttonLink, postForm } from './form.ts'
import { attributes, type Html, html, type Renderable } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { type ScopeCard, scopeText } from './scope.ts'

/** Where the forms of the account area are posted to; `password` is also the address of its page. */
export interface AccountRoutes {
  readonly revokeApp: string
  readonly revokeSession: string
  readonly addIdentity: string
  readonly removeIdentity: string
  readonly endPds: string
  readonly enrolSecondFactor: string
  readonly removeSecondFactor: string
  readonly recoveryCodes: string
  readonly password: string
  readonly signOut: string
  readonly signOutEverywhere: string
}

export interface ConnectedApp {
  readonly clientId: string
  readonly clientName: string
  readonly host?: string | undefined
  readonly scopes: readonly ScopeCard[]
  readonly since: Date
  readonly lastUsed?: Date | undefined
}

/** The account at a PDS that apps may reach through this server. */
export interface PdsCard {
  readonly did: string
  readonly handle?: string | undefined
  readonly since: Date
  /** Names of the apps that may reach it. */
  readonly apps: readonly string[]
  /** Set once the PDS has to confirm anew. */
  readonly ended?: { readonly at: Date; readonly cause: string } | undefined
}

export interface SessionCard {
  readonly uid: string
  readonly current: boolean
  readonly since: Date
  readonly expires: Date
}

/** One way to sign in. */
export interface IdentityCard {
  readonly provider: string
  readonly subject: string
  readonly label: string
  readonly providerLabel: string
  /** Another one would let the person in without it. */
  readonly removable: boolean
}

export interface AccountProps {
  readonly account: { readonly name?: string | undefined; readonly email?: string | undefined }
  readonly identities: readonly IdentityCard[]
  /** Providers of which one may be added. */
  readonly addable: readonly { readonly provider: string; readonly label: string }[]
  /** Absent where no app ever reached one. */
  readonly pds?: PdsCard | undefined
  readonly apps: readonly ConnectedApp[]
  readonly sessions: readonly SessionCard[]
  /** `unavailable` for accounts without a password. */
  readonly secondFactor: 'none' | 'on' | 'unavailable'
  readonly recoveryCodesLeft?: number | undefined
  /** What was just done. */
  readonly notice?: string | undefined
  readonly routes: AccountRoutes
}

/** Shows the account and what can be changed about it. */
export function accountPage(on: Surroundings, props: AccountProps): string {
  const { words } = on
  return layout(on, {
    title: words.account.title,
    wide: true,
    body: html`<div class="top"><h1>${words.account.title}</h1>${postForm(
      props.routes.signOut,
      button(words.account.signOut, { kind: 'secondary' }),
    )}</div>
${props.notice !== undefined && html`<p class="notice" role="status">${props.notice}</p>`}
${panel('profile', words.account.profile, profile(on, props))}
${panel('identities', words.account.identities, identities(on, props))}
${props.secondFactor !== 'unavailable' && panel('security', words.account.security, security(on, props))}
${panel('apps', words.account.apps, apps(on, props))}
${props.pds !== undefined && panel('pds', words.account.pds, pds(on, props.pds, props.routes))}
${panel('sessions', words.account.sessions, sessions(on, props))}`,
  })
}

function panel(id: string, title: string, rows: Renderable): Html {
  return html`<section class="panel" aria-labelledby="${id}"><h2 id="${id}">${title}</h2>${rows}</section>`
}

function row(main: Renderable, aside?: Renderable): Html {
  return html`<div class="row"><div>${main}</div>${aside}</div>`
}

function profile(on: Surroundings, { account }: AccountProps): Html {
  const { words } = on
  const shown = (value: string | undefined) =>
    value === undefined || value === ''
      ? html`<span class="muted">${words.account.noName}</span>`
      : html`<bdi>${value}</bdi>`
  return html`<dl class="row"><dt>${words.name}</dt><dd>${shown(account.name)}</dd></dl>
<dl class="row"><dt>${words.email}</dt><dd>${shown(account.email)}</dd></dl>`
}

function identities(on: Surroundings, { identities, addable, routes }: AccountProps): Html {
  const words = on.words.account
  return html`<ul>${identities.map((identity) => identityRow(on, identity, routes))}</ul>
${
  addable.length > 0 &&
  row(
    html`<strong>${words.addIdentity}</strong><p class="muted">${words.addIdentityHelp}</p>
<div class="ways">${addable.map(({ provider, label }) =>
      postForm(
        routes.addIdentity,
        html`${hidden('provider', provider)}${button(sentenceCase(label), {
          kind: 'secondary',
          spoken: words.addIdentityOf(sentenceCase(label)),
        })}`,
      ),
    )}</div>`,
  )
}`
}

function identityRow(on: Surroundings, identity: IdentityCard, routes: AccountRoutes): Html {
  const words = on.words.account
  const { provider, subject, label, providerLabel, removable } = identity
  return html`<li class="row"><div><strong>${sentenceCase(providerLabel)}</strong><p class="muted"><bdi>${label}</bdi></p>${
    !removable && html`<p class="muted">${words.onlyIdentity}</p>`
  }</div>
${
  removable &&
  postForm(
    routes.removeIdentity,
    html`${hidden('provider', provider)}${hidden('subject', subject)}${button(words.removeIdentity, {
      kind: 'danger',
      spoken: words.removeIdentityFor(sentenceCase(providerLabel), label),
    })}`,
  )
}</li>`
}

/** Labels are written to stand inside a sentence. */
function sentenceCase(label: string): string {
  return label.replace(/^./u, (first) => first.toLocaleUpperCase('en'))
}

function security(on: Surroundings, { secondFactor, recoveryCodesLeft, routes }: AccountProps): Html {
  const words = on.words.account
  const isOn = secondFactor === 'on'
  return html`${row(html`<strong>${words.password}</strong>`, buttonLink(routes.password, words.changePassword, 'secondary'))}
${row(
  html`<strong>${words.secondFactor}</strong> <span class="badge${isOn && ' good'}">${isOn ? words.secondFactorOn : words.secondFactorOff}</span>
<p class="muted">${isOn ? words.secondFactorOnHelp : words.secondFactorOffHelp}</p>`,
  isOn
    ? postForm(routes.removeSecondFactor, button(words.turnOff, { kind: 'danger' }))
    : postForm(routes.enrolSecondFactor, button(words.turnOn, { kind: 'secondary' })),
)}
${
  isOn &&
  row(
    html`<strong>${words.recoveryCodes}</strong>${
      recoveryCodesLeft !== undefined &&
      html`<p class="muted">${words.recoveryCodesLeft(recoveryCodesLeft)}${recoveryCodesLeft <= 3 && `. ${words.recoveryCodesFew}`}</p>`
    }`,
    postForm(routes.recoveryCodes, button(words.newRecoveryCodes, { kind: 'secondary' })),
  )
}`
}

function apps(on: Surroundings, { apps, routes }: AccountProps): Html {
  if (apps.length === 0) return html`<p class="row muted">${on.words.account.noApps}</p>`
  return html`<ul>${apps.map((app) => connectedApp(on, app, routes))}</ul>`
}

function connectedApp(on: Surroundings, app: ConnectedApp, routes: AccountRoutes): Html {
  const words = on.words.account
  const name = plainName({ id: app.host ?? app.clientId, name: app.clientName })
  return html`<li class="row"><div><strong><bdi>${name}</bdi></strong>${
    app.host !== undefined && html` <span class="muted"><bdi>${app.host}</bdi></span>`
  }
<p class="muted">${app.scopes.map((scope, index) => html`${index > 0 && ' · '}${scopeText(on.words, scope)}`)}</p>
<p class="muted">${words.since(day(on, app.since))}${app.lastUsed !== undefined && html` · ${words.lastUsed(day(on, app.lastUsed))}`}</p></div>
${postForm(
  routes.revokeApp,
  html`${hidden('client_id', app.clientId)}${button(words.revokeApp, { kind: 'danger', spoken: words.revokeAppFor(name) })}`,
)}</li>`
}

function pds(on: Surroundings, { handle, did, since, apps, ended }: PdsCard, routes: AccountRoutes): Html {
  const words = on.words.account
  const name = html`<strong><bdi>${handle ?? did}</bdi></strong>`
  const permanent = handle !== undefined && html`<p class="muted"><code><bdi>${did}</bdi></code></p>`
  if (ended !== undefined) {
    const causes: Readonly<Record<string, string>> = words.pdsCauses
    const cause = (Object.hasOwn(causes, ended.cause) ? causes[ended.cause] : undefined) ?? words.pdsCauses.other
    return row(html`${name} <span class="badge">${words.pdsEnded}</span>${permanent}
<p class="muted">${words.pdsEndedAt(day(on, ended.at))} ${cause} ${words.pdsAgain}</p>`)
  }
  const names = apps.map((app, index) => html`${index > 0 && ', '}<bdi>${app}</bdi>`)
  return row(
    html`${name} <span class="badge good">${words.pdsOn}</span>${permanent}
<p class="muted">${words.since(day(on, since))}${apps.length > 0 && html` · ${words.pdsApps(html`${names}`)}`}</p>`,
    postForm(routes.endPds, button(words.pdsEnd, { kind: 'danger' })),
  )
}

function sessions(on: Surroundings, { sessions, routes }: AccountProps): Html {
  const words = on.words.account
  return html`<ul>${sessions.map((session) => sessionRow(on, session, routes))}</ul>
${row(
  html`<p class="muted">${words.signOutEverywhereHelp}</p>`,
  postForm(routes.signOutEverywhere, button(words.signOutEverywhere, { kind: 'danger' })),
)}`
}

function sessionRow(on: Surroundings, session: SessionCard, routes: AccountRoutes): Html {
  const words = on.words.account
  const since = html`<time datetime="${session.since.toISOString()}">${on.words.dateAndTime(session.since)}</time>`
  return html`<li class="row"><div><strong>${session.current ? words.thisBrowser : words.anotherBrowser}</strong>
<p class="muted">${words.sessionDates(since, day(on, session.expires))}</p></div>
${
  !session.current &&
  postForm(
    routes.revokeSession,
    html`${hidden('uid', session.uid)}${button(words.endSession, {
      kind: 'secondary',
      spoken: words.endSessionSince(on.words.dateAndTime(session.since)),
    })}`,
  )
}</li>`
}

function day(on: Surroundings, date: Date): Html {
  return html`<time datetime="${date.toISOString()}">${on.words.date(date)}</time>`
}

function hidden(name: string, value: string): Html {
  return html`<input${attributes({ type: 'hidden', name, value })}>`
}
