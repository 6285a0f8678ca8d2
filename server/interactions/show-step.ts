/** Shows the page that a provider asks for, with the status that says how the last answer was. */
import type { Page, Standing } from '../../adapters/identity/contract.ts'
import type { ProviderChoice } from '../../views/providers.ts'
import { stepPage } from '../../views/step.ts'
import type { Desk } from './desk.ts'
import { wantsFreshSignIn } from './ways-in.ts'

/** `standing`: of pages that wait for something elsewhere. */
export function showStep(desk: Desk, page: Page, others: readonly ProviderChoice[], standing?: Standing): void {
  const status = page.problem === 'too-many-tries' ? 429 : page.problem === undefined ? 200 : 400
  if (page.retryAfter !== undefined) desk.ctx.set('retry-after', String(page.retryAfter))
  const document = stepPage(desk.on, {
    page,
    action: desk.path('answer'),
    cancel: desk.path('cancel'),
    client: desk.client,
    others,
    standing,
    events: desk.path('events'),
    again: wantsFreshSignIn(desk),
  })
  desk.show(document, status, standing === undefined ? scriptOf(desk, page) : desk.on.waitingScript)
}

function scriptOf({ on }: Desk, { name }: Page): string | undefined {
  return name === 'telegram-webapp' || name === 'telegram-widget' ? on.telegramScript : undefined
}
