/**
 * What the storage adapter has to know of the request it works for: read from the library's own request context, or from
 * ours where an API of our own asks the library's models.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Provider } from 'oidc-provider'
import type { RequestScope } from '../../adapters/postgres/oidc-models.ts'
import { profileOf } from './profiles.ts'

/** The library keeps its context the same way and lets nobody else set it. */
const ownRequest = new AsyncLocalStorage<{ key: object; ownIds: boolean }>()

/** Does work for a request to an API of ours: what is read along with its token is not read again. */
export function withinRequest<T>(key: object, work: () => Promise<T>): Promise<T> {
  return ownRequest.run({ key, ownIds: false }, work)
}

/** Does work on a row that was found without its secret id, by the id that the storage adapter made of its key. */
export function withOwnIds<T>(work: () => Promise<T>): Promise<T> {
  return ownRequest.run({ key: {}, ownIds: true }, work)
}

/** The scope of the request that is being served, or undefined outside of one. */
export function requestScope(): RequestScope | undefined {
  const ctx = Provider.ctx
  if (ctx === undefined) {
    const own = ownRequest.getStore()
    return own && { ...own, defer: false, refreshGrace: 0 }
  }
  const profile = profileOf(String(ctx.oidc.client?.['profile']))
  const { route } = ctx.oidc
  // A device code is looked up there by what its interaction says.
  const ownIds = route === 'device_resume'
  return { key: ctx, defer: route === 'token', refreshGrace: profile?.refreshGrace ?? 0, ownIds }
}
