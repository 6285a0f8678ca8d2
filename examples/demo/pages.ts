/**
 * What the example app shows. Pure: values in, a document out; every value is escaped where it is put in.
 */
import { type Html, html, document as page } from '../web.ts'

const document = (title: string, body: Html) => page('Example app', title, body)

/** What the app knows of a signed-in person. */
export interface SignedIn {
  readonly claims: Readonly<Record<string, unknown>>
  readonly userinfo: Readonly<Record<string, unknown>>
  readonly accessToken: string
  /** Seconds until the access token ends, when it was given. */
  readonly expiresIn: number | undefined
  readonly refreshToken: string | undefined
  readonly scope: string | undefined
  readonly idToken: string
  /** How often the tokens were refreshed since the sign-in. */
  readonly refreshes: number
}

export function signedOutPage(issuer: string, credentials: { email: string; password: string }): string {
  return document(
    'Example app',
    html`<section class="card">
<h1>Welcome</h1>
<p>This small app knows nobody. It sends you to <strong>${issuer}</strong>, which finds out who you are, asks what this app may
know, and sends you back with tokens.</p>
<p><a class="button" href="/sign-in">Sign in</a></p>
<p class="quiet">Sign in there as <code>${credentials.email}</code> with the password <code>${credentials.password}</code>.</p>
</section>`,
  )
}

export function signedInPage(person: SignedIn): string {
  const { claims, userinfo, accessToken, expiresIn, refreshToken, scope, idToken, refreshes } = person
  return document(
    'Signed in – Example app',
    html`<section class="card">
<h1>Hello, ${userinfo['name'] ?? userinfo['email'] ?? claims['sub']}</h1>
<p>You are signed in. Below is everything that this app was given${
      refreshes > 0
        ? html`; the tokens were refreshed <strong>${refreshes}</strong> ${refreshes === 1 ? 'time' : 'times'}`
        : ''
    }.</p>
<div class="actions">
<form method="post" action="/refresh"><button>Refresh the tokens</button></form>
<form method="post" action="/sign-out"><button class="secondary">Sign out</button></form>
</div>
</section>
${panel('id-token', 'ID token', 'who signed in, when and how: signed by the server, checked by this app', table(claims), idToken)}
${panel('userinfo', 'User info', 'what the access token lets this app read about you', table(userinfo))}
${panel(
  'access-token',
  'Access token',
  `what this app shows to APIs${expiresIn === undefined ? '' : `; ends in ${expiresIn} seconds`}${scope === undefined ? '' : `; scope: ${scope}`}`,
  token(accessToken),
)}
${
  refreshToken === undefined
    ? ''
    : panel(
        'refresh-token',
        'Refresh token',
        'gives new tokens once, then a new one takes its place',
        token(refreshToken),
      )
}`,
  )
}

export function problemPage(title: string, detail: string): string {
  return document(
    `${title} – Example app`,
    html`<section class="card">
<h1>${title}</h1>
<p>${detail}</p>
<p><a class="button" href="/">Back to the app</a></p>
</section>`,
  )
}

function panel(id: string, title: string, explanation: string, content: Html, raw?: string): Html {
  return html`<section class="card" id="${id}">
<h2>${title}</h2>
<p class="quiet">${explanation}</p>
${content}
${raw === undefined ? '' : html`<details><summary>As it was sent</summary>${token(raw)}</details>`}
</section>`
}

function table(values: Readonly<Record<string, unknown>>): Html {
  const rows = Object.entries(values).map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${shown(name, value)}</dd></div>`,
  )
  return html`<dl>${rows}</dl>`
}

/** Seconds since 1970 are for machines; beside them stands the time. */
function shown(name: string, value: unknown): string {
  if (typeof value === 'number' && ['iat', 'exp', 'auth_time'].includes(name)) {
    return `${value} (${new Date(value * 1000).toISOString()})`
  }
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function token(value: string): Html {
  return html`<pre class="token">${value}</pre>`
}
