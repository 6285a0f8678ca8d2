/** The page at which the request of a device ends, and where the person goes from there. */
import { isolated } from './client.ts'
import { buttonLink } from './form.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'

/** `over`: expired, used, or lost on the way. */
export type DeviceEnd = 'connected' | 'denied' | 'over' | 'unavailable' | 'failed'

export interface DeviceEndProps {
  readonly end: DeviceEnd
  readonly clientName?: string | undefined
  /** Where another code can be entered. */
  readonly again?: string | undefined
}

/** Says what became of a request. */
export function deviceEndPage(on: Surroundings, { end, clientName, again }: DeviceEndProps): string {
  const words = on.words.device
  const { title, lead } = words.ends[end]
  const connected = end === 'connected' && clientName !== undefined
  const offer = end === 'connected' || end === 'denied' ? undefined : again
  return layout(on, {
    title,
    body: html`<h1>${title}</h1>
<p class="lead">${connected ? words.connected(isolated(clientName)) : lead}</p>
${end === 'connected' && html`<p class="fine">${on.words.consent.later}</p>`}
${offer !== undefined && html`<div class="actions">${buttonLink(offer, words.again)}</div>`}`,
  })
}
