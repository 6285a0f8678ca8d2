/** The one place where a step ends: its result goes to the library, the browser back to the dispatcher. */
import type { Context } from 'koa'
import type { InteractionResults, Provider } from 'oidc-provider'

/** Hands over the result of a step and redirects (303) to where the library asks what is missing next. */
export async function finish(provider: Provider, ctx: Context, result: InteractionResults): Promise<void> {
  await provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: true })
  // Only now has the library answered: whatever it throws before is answered by us.
  ctx.respond = false
}
