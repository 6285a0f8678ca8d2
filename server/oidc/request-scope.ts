/** What the storage adapter has to know of the request it works for, read from the library's own request context. */
import { Provider } from 'oidc-provider'
import type { RequestScope } from '../../adapters/postgres/oidc-models.ts'
import { profileOf } from './profiles.ts'

/** The scope of the request that is being served, or undefined outside of one. */
export function requestScope(): RequestScope | undefined {
  const ctx = Provider.ctx
  if (ctx === undefined) return undefined
  const profile = profileOf(String(ctx.oidc.client?.['profile']))
  return { key: ctx, defer: ctx.oidc.route === 'token', refreshGrace: profile?.refreshGrace ?? 0 }
}
