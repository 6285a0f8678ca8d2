/** Which requests may have documents of clients read: read from the library's own request context. */
import { Provider } from 'oidc-provider'
import { requestInfo } from '../request-info.ts'

/** Where a client begins something, or proves who it is by keys that its document names; everywhere else its row is enough. */
const readingRoutes: readonly unknown[] = ['authorization', 'pushed_authorization_request', 'token']

/** The network address of the request that is being served, if any, and whether documents are read for it. */
export function documentRequest(): { address: string | undefined; mayRead: boolean } {
  const ctx = Provider.ctx
  const mayRead = readingRoutes.includes(ctx?.oidc?.route)
  return { address: ctx === undefined ? undefined : requestInfo(ctx.req).address, mayRead }
}
