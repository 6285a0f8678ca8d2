/** What the notes app shows. Pure: values in, a document out. */
import { type Html, html, document as page } from '../web.ts'

export interface Note {
  readonly uri: string
  readonly text: string
  readonly at: string
}

const document = (title: string, body: Html) => page('Notes', title, body)

export function signedOutPage(issuer: string, credentials: { handle: string; password: string }): string {
  return document(
    'Notes',
    html`<section class="card">
<h1>Notes in your own PDS</h1>
<p>This app keeps nothing itself. It asks <strong>${issuer}</strong> for a token, and that token opens your PDS for your notes,
and for nothing else.</p>
<form method="post" action="/sign-in">
<p><label for="handle">Your handle</label><br>
<input id="handle" name="handle" value="${credentials.handle}" autocomplete="username" autocapitalize="none" spellcheck="false"></p>
<button>Sign in</button>
</form>
<p class="quiet">At the PDS the password of <code>${credentials.handle}</code> is <code>${credentials.password}</code>.</p>
</section>`,
  )
}

export function notesPage(person: { handle: string; did: string }, notes: readonly Note[]): string {
  return document(
    'Your notes',
    html`<section class="card">
<h1>Hello, ${person.handle}</h1>
<p class="quiet">${person.did}</p>
<form method="post" action="/notes">
<p><label for="text">A new note</label><br><input id="text" name="text" maxlength="300" required></p>
<div class="actions"><button>Keep it</button></div>
</form>
<form method="post" action="/sign-out"><button class="secondary">Leave</button></form>
</section>
<section class="card" id="notes">
<h2>What stands in your PDS</h2>
${notes.length === 0 ? html`<p>Nothing yet.</p>` : html`<dl>${notes.map((note) => html`<div><dt>${note.at}</dt><dd>${note.text}</dd></div>`)}</dl>`}
</section>`,
  )
}

export function problemPage(title: string, detail: string): string {
  return document(
    title,
    html`<section class="card">
<h1>${title}</h1>
<p>${detail}</p>
<p><a class="button" href="/">Back to the notes</a></p>
</section>`,
  )
}
