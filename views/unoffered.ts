/** The page for somebody whose app demands a way to sign in that this server does not offer: nothing they do can help. */
import { type ClientCard, clientName } from './client.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { cancelForm } from './providers.ts'

export interface UnofferedProps {
  /** POST target that leaves for the app. */
  readonly cancel: string
  readonly client: ClientCard
}

/** Says so, and leads back to the app. */
export function unofferedPage(on: Surroundings, { cancel, client }: UnofferedProps): string {
  const words = on.words.link
  return layout(on, {
    title: words.unofferedTitle,
    body: html`<h1>${words.unofferedTitle}</h1>
<p class="lead">${words.unoffered(clientName(client))}</p>
<p>${words.unofferedHelp}</p>
${cancelForm(on, cancel, client)}`,
  })
}
