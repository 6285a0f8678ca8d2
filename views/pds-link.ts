/**
 * The page for when a person came back from their PDS without what the app was allowed, or did not get there.
 *
 * Says what happened and offers both ways on; going to the PDS again is a form, because nothing sends anybody there by
 * itself a second time.
 */
import type { RefusedReason } from '../adapters/identity/contract.ts'
import { type ClientCard, clientName, isolated } from './client.ts'
import { button, postForm, problemSummary } from './form.ts'
import { html } from './html.ts'
import { layout, type Surroundings } from './layout.ts'
import { cancelForm } from './providers.ts'

/** Beside the reasons of any attempt: the PDS gave less than was asked, or the person came back by themselves. */
export type PdsLinkProblem = RefusedReason | 'narrowed' | 'interrupted'

export interface PdsLinkProps {
  /** POST target that goes to the PDS again. */
  readonly retry: string
  /** POST target that leaves for the app. */
  readonly cancel: string
  readonly client: ClientCard
  /** What the person recognises the account at the PDS by. */
  readonly account: string | undefined
  readonly problem: PdsLinkProblem
}

/** Says that the PDS has not confirmed, why, and asks how to go on. */
export function pdsLinkPage(on: Surroundings, { retry, cancel, client, account, problem }: PdsLinkProps): string {
  const { words } = on
  return layout(on, {
    title: words.pdsLink.title,
    problem: problem !== 'interrupted',
    body: html`<h1>${words.pdsLink.title}</h1>
<p class="lead">${words.pdsLink.lead(clientName(client), account === undefined ? undefined : isolated(account))}</p>
${problem === 'interrupted' ? html`<p>${words.pdsLink.problems.interrupted}</p>` : problemSummary(words.pdsLink.problems[problem])}
${postForm(retry, button(words.pdsLink.retry))}
${cancelForm(on, cancel, client)}`,
  })
}
