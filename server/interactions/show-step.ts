/** Shows the page that a provider asks for, with the status that says how the last answer was. */
import type { Page } from '../../adapters/identity/contract.ts'
import type { ProviderChoice } from '../../views/providers.ts'
import { stepPage } from '../../views/step.ts'
import type { Desk } from './desk.ts'

export function showStep(desk: Desk, page: Page, others: readonly ProviderChoice[]): void {
  const status = page.problem === 'too-many-tries' ? 429 : page.problem === undefined ? 200 : 400
  if (page.retryAfter !== undefined) desk.ctx.set('retry-after', String(page.retryAfter))
  const document = stepPage(desk.on, {
    page,
    action: desk.path('answer'),
    cancel: desk.path('cancel'),
    client: desk.client,
    others,
  })
  desk.show(document, status)
}
